"""Histories by the thousand, under Hypothesis: in batches, each with its own seed, on all cores.

A batch that breaks a law is shrunk to its smallest history, which is printed as code with its timeline.
"""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.sim import laws, record, timeline
from tests.sim.draw import histories
from tests.sim.events import History
from tests.sim.world import World, play
from tests.support.examples import draw_no_constants_of_loaded_modules

BATCH = 100


class LawBroken(AssertionError):
    """A history broke a law."""

    def __init__(self, history: History, broken: list[str]) -> None:
        super().__init__("\n".join([*broken, repr(history)]))
        self.history = history


@dataclass
class Batch:
    """What one batch did. `failure`: the smallest history that broke a law, with its timeline."""

    seed: int
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failure: str | None = None


def check(history: History, counts: Counter[str] | None = None) -> None:
    """Play a history and hold it to the laws. Raises LawBroken."""
    world = play(history)
    broken = laws.broken(world)
    if broken:
        raise LawBroken(history, broken)
    if counts is not None:
        count(world, counts)


def count(world: World, counts: Counter[str]) -> None:
    """Add what happened in a world."""
    told = record.read(world.chain)
    mined = [receipt for receipt in world.chain.executed() if world.is_ours(receipt.tx)]
    counts.update(
        histories=1,
        requests=len(told),
        answered_in_time=sum(one.in_time for one in told),
        answers_owed=sum(laws.owed(world, one) is not None for one in told),
        rejected=sum(one.rejected is not None for one in told),
        blocks=len(world.chain.blocks),
        lives=len(world.lives),
        deaths=sum(life.post.closed for life in world.lives),
        transactions=len(mined),
        reverted=sum(not receipt.succeeded for receipt in mined),
    )


def batch(number: int, size: int = BATCH) -> Batch:
    """Play the batch of that seed."""
    timeline.quiet()
    draw_no_constants_of_loaded_modules()  # a seed is the same histories whatever this process played before
    result, start = Batch(number), time.perf_counter()

    @seed(number)
    @settings(
        max_examples=size,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(histories)
    def every_history_keeps_the_laws(history: History) -> None:
        check(history, result.counts)

    try:
        every_history_keeps_the_laws()
    except LawBroken as broken:
        told, _ = timeline.tell(broken.history)
        result.failure = "\n".join([*told, str(broken)])
    except Exception as trouble:  # noqa: BLE001 - a history that crashes the simulator is a failure too
        result.failure = f"{type(trouble).__name__}: {trouble}\n" + "\n".join(
            getattr(trouble, "__notes__", [])
        )
    result.seconds = time.perf_counter() - start
    return result


def run(first: int, wanted: int, processes: int, told: Callable[[Batch], None]) -> None:
    """Play at least `wanted` histories in batches from seed `first` on."""
    size = min(BATCH, wanted)
    seeds = range(first, first + -(-wanted // size))
    with ProcessPoolExecutor(processes) as pool:
        for done in pool.map(batch, seeds, [size] * len(seeds)):
            told(done)
