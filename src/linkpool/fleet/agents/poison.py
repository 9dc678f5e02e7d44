"""Requests that kill: found without rejecting one that is innocent.

A death is the engine saying that a task is gone which did not say goodbye; a lost line is none. What was in
hand at two deaths of a node is suspected. It may be innocent: a power cut ends all that was in hand, so
suspects are tried, each alone in one replica (`linkpool/replica/trials.py`). A trial that ends acquits. Two
deaths in trials of the same run convict it: it is on the node's `avoid` list, not run again, and rejected.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from linkpool.wire.agent import Heartbeat, Remembering

DEATHS = 2
"""In hand at so many, a run is suspected."""
STRIKES = 2
"""Tried alone at so many, it is convicted: one may be chance."""
TOGETHER = 20.0
"""Seconds within which two deaths may have had one cause."""
FORGET_AFTER = 3_600.0
"""Seconds: by then the request is long answered, rejected or expired."""

Run = tuple[int, str]
"""A node's index and the id of one of its runs."""


@dataclass(frozen=True)
class _Hand:
    """What a replica of a node said last."""

    node: int
    beat: Heartbeat

    @property
    def blamed(self) -> Collection[str]:
        """What may have killed it, should it be dead."""
        return self.beat.trying if self.beat.alone else self.beat.in_hand


class Poison:
    """What replicas have in hand, and what that did to them. Times in monotonic seconds."""

    def __init__(self) -> None:
        self._hands: dict[str, _Hand] = {}
        self._deaths: Counter[Run] = Counter()
        self._strikes: Counter[Run] = Counter()
        self._last: dict[Run, float] = {}
        self._buried: dict[int, float] = {}
        """When a replica of a node was last found dead."""

    def holds(self, task: str, node: int, beat: Heartbeat) -> bool:
        """A replica's heartbeat. Returns whether a trial of it ended, so that a suspect is acquitted."""
        before = self._hands.get(task)
        self._hands[task] = _Hand(node, beat)
        ended = set(before.beat.trying).difference(beat.trying) if before else ()
        for run in ended:
            self._forget((node, run))
        return bool(ended)

    def recall(self, node: int, told: Remembering, now: float) -> None:
        """What the leader before found out, as a replica that lived under it tells; strikes are forgotten."""
        for run in {*told.suspects, *told.avoid}:
            self._deaths[node, run] = max(self._deaths[node, run], DEATHS)
            self._last.setdefault((node, run), now)
        for run in told.avoid:
            self._strikes[node, run] = STRIKES

    def ended(self, task: str) -> None:
        """It said goodbye: whatever it held did not kill it."""
        self._hands.pop(task, None)

    def bury(self, alive: Collection[str], heard: Collection[str], now: float) -> set[int]:
        """Count the deaths of those no longer alive, and forget what is long past. `heard`: who speaks now.
        Returns the nodes of which something is thought now that was not before.

        A death is no strike against what was tried when the sibling does not speak either, or has just died:
        whatever took both was not a request that one of them ran.
        """
        gone = [task for task in self._hands if task not in alive]
        struck = [task for task in gone if self._outlived(task, heard, now)]
        touched = {self._hands[task].node for task in gone}
        for task in gone:
            hand = self._hands.pop(task)
            self._buried[hand.node] = now
            for run in hand.blamed:
                self._deaths[hand.node, run] += 1
                self._last[hand.node, run] = now
            if task in struck and hand.beat.alone and len(hand.beat.trying) == 1:
                self._strikes[hand.node, hand.beat.trying[0]] += 1
        for key in [key for key, at in self._last.items() if now - at > FORGET_AFTER]:
            self._forget(key)
            touched.add(key[0])
        return touched

    def _outlived(self, task: str, heard: Collection[str], now: float) -> bool:
        """Whether a sibling lives on, or there was none that could."""
        node = self._hands[task].node
        siblings = [other for other, hand in self._hands.items() if hand.node == node and other != task]
        if siblings:
            return any(other in heard for other in siblings)
        return now - self._buried.get(node, -TOGETHER) >= TOGETHER

    def _forget(self, run: Run) -> None:
        for counts in (self._last, self._deaths, self._strikes):
            counts.pop(run, None)

    def avoid(self, node: int) -> tuple[str, ...]:
        """Runs that this node shall not begin again."""
        return tuple(sorted(run for (of, run), n in self._strikes.items() if of == node and n >= STRIKES))

    def suspects(self, node: int) -> tuple[str, ...]:
        """Runs that this node shall try alone, in that order: what was struck last, so that others get by."""
        found = [
            (self._strikes[of, run], -deaths, run)
            for (of, run), deaths in self._deaths.items()
            if of == node and deaths >= DEATHS and self._strikes[of, run] < STRIKES
        ]
        return tuple(run for _, _, run in sorted(found))
