"""Requests that kill: one that was in hand at two deaths is on the node's `avoid` list and not run again.

A death is the engine saying that a task is gone which did not say goodbye; a lost line is none.
"""

from collections import Counter
from collections.abc import Collection

DEATHS = 2
FORGET_AFTER = 3_600.0
"""Seconds: by then the request is long answered, rejected or expired."""


class Poison:
    """What replicas have in hand, and what that did to them. Times in monotonic seconds."""

    def __init__(self) -> None:
        self._in_hand: dict[str, tuple[int, Collection[str]]] = {}
        self._deaths: Counter[tuple[int, str]] = Counter()
        self._last: dict[tuple[int, str], float] = {}

    def holds(self, task: str, node: int, runs: Collection[str]) -> None:
        """A replica's heartbeat: these runs are in its hands now."""
        self._in_hand[task] = (node, runs)

    def ended(self, task: str) -> None:
        """It said goodbye: whatever it held did not kill it."""
        self._in_hand.pop(task, None)

    def bury(self, alive: Collection[str], now: float) -> None:
        """Count the deaths of those no longer alive, and forget what is long past."""
        for task in [task for task in self._in_hand if task not in alive]:
            node, runs = self._in_hand.pop(task)
            for run in runs:
                self._deaths[node, run] += 1
                self._last[node, run] = now
        for key in [key for key, at in self._last.items() if now - at > FORGET_AFTER]:
            del self._last[key], self._deaths[key]

    def avoid(self, node: int) -> tuple[str, ...]:
        """Runs that this node shall not begin again."""
        counts = self._deaths.items()
        return tuple(sorted(run for (of, run), deaths in counts if of == node and deaths >= DEATHS))
