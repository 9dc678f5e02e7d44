"""A history told for people: what was made to happen, what the chain did, and what each replica logged."""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

from tests.sim import laws, record
from tests.sim.events import History
from tests.sim.replica import speaker
from tests.sim.world import World, play

_QUIET = logging.CRITICAL


def quiet() -> None:
    """Let replicas log nothing: a history is played thousands of times faster than it is read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_QUIET))


@contextmanager
def _logged(lines: list[tuple[float, str, str]], world: World) -> Iterator[None]:
    """Put what replicas log into `lines`."""

    def take(_logger: object, level: str, event: MutableMapping[str, Any]) -> Any:
        fields = " ".join(
            f"{key}={value}" for key, value in event.items() if key not in ("event", "exc_info")
        )
        lines.append((world.now, speaker.get(), f"{event['event']} {fields}".strip()))
        raise structlog.DropEvent

    structlog.configure(processors=[take], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        yield
    finally:
        structlog.reset_defaults()
        quiet()


def tell(history: History) -> tuple[list[str], list[str]]:
    """Play a history; returns its timeline and the laws it broke."""
    lines: list[tuple[float, str, str]] = []
    world = World(history)
    with _logged(lines, world):
        play(history, world)
    lines += [(event.at, "director", repr(event)) for event in history.events]
    lines += [(world.appeared[block.hash], "chain", _block(world, block)) for block in world.chain.blocks[1:]]
    lines += [(s.start, "judge", f"{s.task} is good until {s.end:.1f}") for s in world.stretches.past]
    told = [f"{at:8.2f}  {who:<9} {what}" for at, who, what in sorted(lines, key=lambda line: line[0])]
    told += [f"    final  {_ending(one)}" for one in record.read(world.chain)]
    return told, laws.broken(world)


def _block(world: World, block: Any) -> str:
    inside = [
        f"{'our ' if world.is_ours(r.tx) else ''}{r.tx.hash.hex()[:8]}{'' if r.succeeded else ' reverted'}"
        for r in block.receipts
    ]
    return f"block {block.number} {block.hash.hex()[:8]} {' '.join(inside)}".rstrip()


def _ending(one: record.Told) -> str:
    answers = ", ".join(f"answered in block {block.number}" for block, _, _ in one.given)
    rejected = f"rejected in block {one.rejected.number}" if one.rejected else ""
    cancelled = f"cancelled in block {one.cancelled.number}" if one.cancelled else ""
    ends = ", ".join(part for part in (rejected, answers, cancelled) if part) or "open"
    cover = " covered" if one.covered else ""
    return f"question {one.number} ({one.job}{cover}) of block {one.block.number}: {ends}"
