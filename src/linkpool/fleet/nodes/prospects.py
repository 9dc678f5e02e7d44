"""Whether a node on its way can still become one: what ends its making for good, in words.

A pool that is full, a manager whose word counts no more, or a step that is not done in time. Before a node is
given up the contracts are read anew, and the node's own registration after them: one that got in is in.
"""

from linkpool.contracts.view import Summary
from linkpool.fleet.clock import Clock
from linkpool.fleet.pool import Pool
from linkpool.store.tables import UNREGISTERED, NodeRow, NodeState
from linkpool.units import show

MAKE_WITHIN = 900.0
"""Seconds from a leader's first look at a wanted node until it must be registered."""
READ_EVERY = 5.0
"""Seconds for which a reading of the pool's limits without trouble is good."""

_NOT_YET = {
    NodeState.WANTED: "its keys are not made",
    NodeState.KEYS_MADE: "its senders have no gas; `linkpool treasury show` says what there is to send",
    NodeState.FUNDED: "the engine does not report a task of it",
    NodeState.STARTED: "no replica of it registered it: look at their logs, the release may not start",
}


class Prospects:
    """Judges nodes that are not registered, for one term. within: seconds."""

    def __init__(self, pool: Pool, clock: Clock, within: float = MAKE_WITHIN) -> None:
        self._pool = pool
        self._clock = clock
        self._within = within
        self._since: dict[int, float] = {}
        self._registered_at: dict[int, float] = {}
        self._good_until = float("-inf")

    async def hopeless(self, row: NodeRow, waits_for: str | None) -> str | None:
        """Why it cannot become a node any more; None while it can. waits_for: what it waited for last.

        Raises EndpointTrouble.
        """
        if row.state not in UNREGISTERED:
            self._since.pop(row.index, None)
            return None
        now = self._clock.monotonic()
        waited = now - self._since.setdefault(row.index, now)
        if now >= self._good_until:
            refusal = _refusal(row, await self._pool.summary(), self._pool.manager)
            if refusal is None:
                self._good_until = now + READ_EVERY
            elif not await self._in(row):
                return refusal
        if waited >= self._within and not await self._in(row):
            why = waits_for or _NOT_YET[NodeState(row.state)]
            return f"not registered after {self._within:.0f} s: {why}"
        return None

    def overdue(self, row: NodeRow) -> str | None:
        """Why the making of a registered node counts as failed, though it goes on: it serves too late."""
        if row.state != NodeState.REGISTERED:
            return None
        now = self._clock.monotonic()
        if now - self._registered_at.setdefault(row.index, now) < self._within:
            return None
        return (
            f"registered, but both replicas do not serve after {self._within:.0f} s: look at their logs. "
            "It goes on trying; `linkpool node retire` gives it up"
        )

    async def _in(self, row: NodeRow) -> bool:
        return row.oracle is not None and await self._pool.registered(row.oracle)


def _refusal(row: NodeRow, pool: Summary, manager: str) -> str | None:
    if pool.manager != manager:
        return (
            f"the pool's manager is {pool.manager}, so our invites are void; "
            f"have the owner call set_manager({manager})"
        )
    if int(row.capacity) > pool.max_capacity:
        return (
            f"a capacity of {show(int(row.capacity))} LINK is above the pool's {show(pool.max_capacity)}; "
            "ask for less, or have the owner call set_limits"
        )
    if pool.live_nodes >= pool.max_nodes:
        return (
            f"the pool is full: {pool.live_nodes} of {pool.max_nodes} nodes; "
            "retire one, or have the owner call set_limits"
        )
    return None
