"""When offers must close: while there is still gas for what was asked, before there is none. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkpool.units import show


@dataclass(frozen=True)
class Purse:
    """What there is, in wei. room: of the pool's daily limit; nodes: with held slots; starved: those of them
    whose senders are all nearly out of gas and cannot be filled, and why.
    """

    treasury: int
    room: int
    floor: int
    nodes: int
    starved: Mapping[int, str]


def hold(purse: Purse, held: bool) -> str | None:
    """Why offers must be closed; once they are, they stay so until there is twice as much (no flapping)."""
    enough = purse.floor * (2 if held else 1)
    if purse.treasury < enough:
        return f"the treasury has {show(max(purse.treasury, 0))} left to give and needs {show(enough)}"
    if purse.room < enough:
        return f"the pool's daily limit for gas leaves {show(purse.room)}, and {show(enough)} are needed"
    if purse.nodes and len(purse.starved) == purse.nodes:
        return f"no node can be given gas: {next(iter(purse.starved.values()))}"
    return None
