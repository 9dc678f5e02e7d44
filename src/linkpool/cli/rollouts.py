"""Rollouts for people: tables, and a look that stays until one is over: bars on a terminal, else lines."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from linkpool.api.client import Client, ControlTrouble
from linkpool.api.client_rollouts import OVER, rollout
from linkpool.cli.output import facts, print_json, show, table
from linkpool.wire.rollout import MoveView, RolloutView

EVERY = 0.5
"""Seconds between two looks."""
_STEPS = ("waiting", "starting", "proving", "switching", "primary", "draining", "removing", "done")

Seen = Callable[[RolloutView], None]


async def follow(client: Client, started: RolloutView, *, quiet: bool) -> RolloutView:
    """Look until it is over, or waits for a person; how it is then. Raises Refused.

    A control plane that restarts is waited for: the rollout goes on with it.
    """
    now = started
    with ExitStack() as stack:
        seen = _seen(stack, quiet=quiet)
        while True:
            seen(now)
            if now.state in (*OVER, "stopped", "paused") and not _in_flight(now):
                return now
            await asyncio.sleep(EVERY)
            try:
                now = await rollout(client, now.id)
            except ControlTrouble:
                continue


def rollouts_table(found: Sequence[RolloutView]) -> Table:
    """A line each."""
    rows = table("rollout", "release", "state", "nodes", "moved", "begun", "detail")
    for each in found:
        moved = sum(move.state == "done" for move in each.moves)
        begun = f"{each.made_at:%Y-%m-%d %H:%M:%S}"
        rows.add_row(each.id, each.release, each.state, str(len(each.moves)), str(moved), begun, each.detail)
    return rows


def show_one(shown: RolloutView, *, as_json: bool) -> None:
    """One rollout with its nodes."""
    if as_json:
        print_json(shown)
        return
    rows = table("node", "wave", "state", "seconds", "detail")
    for move in shown.moves:
        seconds = f"{_seconds(move):.1f}"
        rows.add_row(move.node or "–", str(move.wave or "–"), move.state, seconds, move.detail)
    pairs = {"rollout": shown.id, "release": shown.release, "state": shown.state, "detail": shown.detail}
    show(facts(pairs), rows)


def _seconds(move: MoveView) -> float:
    """From its beginning on, without the wait for its wave."""
    return sum(spent for state, spent in move.seconds.items() if state != "waiting")


def _in_flight(shown: RolloutView) -> bool:
    resting = ("waiting", "done", "returned", "skipped")
    return any(move.state not in resting for move in shown.moves)


def _seen(stack: ExitStack, *, quiet: bool) -> Seen:
    if quiet:
        return lambda _shown: None
    console = Console()
    if console.is_terminal:
        return _Bars(stack.enter_context(_progress(console))).seen
    return _Lines().seen


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
        console=console,
    )


class _Bars:
    """A bar per node, as long as its steps."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[int | None, TaskID] = {}

    def seen(self, shown: RolloutView) -> None:
        """Move every bar to where its node is."""
        for move in shown.moves:
            done = _STEPS.index(move.state) if move.state in _STEPS else 0
            bar = self._bars.get(move.index)
            if bar is None:
                bar = self._progress.add_task(
                    move.node or "", total=len(_STEPS) - 1, start=False, state="", detail=""
                )
                self._bars[move.index] = bar
            if move.state != "waiting":
                self._progress.start_task(bar)
            self._progress.update(bar, completed=done, state=move.state, detail=move.detail)
            if move.state in ("done", "returned", "skipped"):
                self._progress.stop_task(bar)


class _Lines:
    """A line per change."""

    def __init__(self) -> None:
        self._said: dict[object, tuple[str, str]] = {}

    def seen(self, shown: RolloutView) -> None:
        """Say what is new."""
        self._say("rollout", shown.id, shown.state, shown.detail)
        for move in shown.moves:
            self._say("node", move.node, move.state, move.detail)

    def _say(self, what: str, which: object, state: str, detail: str) -> None:
        if self._said.get((what, which)) != (state, detail):
            self._said[what, which] = (state, detail)
            print(f"{what} {which} {state}" + (f": {detail}" if detail else ""), flush=True)
