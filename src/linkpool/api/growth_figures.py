"""Growing and shrinking in figures, for Prometheus. Amounts in LINK."""

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.fleet.clock import Clock
from linkpool.fleet.guard.guard import standing
from linkpool.fleet.scaling.view import policy_of
from linkpool.fleet.waiting.waiting import room_in
from linkpool.store import chain_rows, scaling, waiting
from linkpool.units import WHOLE


class GrowthFigures:
    """Gauges that are read from the database at each look."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        self._share = Gauge("linkpool_guard_share", "Ours of the network's nodes", registry=registry)
        self._blocks = Gauge("linkpool_guard_blocks", "1 while the guard blocks", registry=registry)
        self._on = Gauge("linkpool_scaling_on", "1 while a policy is in force", registry=registry)
        self._room = Gauge("linkpool_stake_room_link", "LINK that nodes take now", registry=registry)
        self._waiting = Gauge("linkpool_waiting_link", "LINK on the waiting list", registry=registry)

    async def read(self, session: AsyncSession) -> None:
        """As it is now."""
        verdict = (await standing(session, self._clock.now())).verdict
        self._share.set(verdict.share or 0)
        self._blocks.set(verdict.state == "blocked")
        self._on.set(policy_of(await scaling.policy(session)) is not None)
        books = await chain_rows.books_now(session)
        self._room.set(room_in(list(books.values())) / WHOLE)
        self._waiting.set(sum(row.counted for row in await waiting.waiting(session)) / WHOLE)
