"""The guard at work: reads its source now and then, remembers what it said, and latches between the marks."""

from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.chain.rpc import Rpc
from linkpool.fleet.alarms import Kind
from linkpool.fleet.guard.rule import Reading, Verdict, blocked, judge
from linkpool.fleet.guard.source import NoNumber, OpenHttp, read
from linkpool.fleet.office import Office
from linkpool.store import guard as rows
from linkpool.store import nodes
from linkpool.store.scaling_tables import GuardRow, OverrideRow
from linkpool.store.tables import AT_REST
from linkpool.wire.guard import GuardSettings

READ_EVERY = 300.0
"""Seconds between two readings, and between two tries when the source fails."""
RETRY_EVERY = 30.0


class Standing:
    """The guard as the database has it: settings, reading, override, and what follows."""

    def __init__(self, row: GuardRow, override: OverrideRow | None, ours: int, now: float) -> None:
        self.settings = _settings(row)
        self.reading = Reading(row.nodes, row.read_at, row.trouble, row.blocked)
        self.override = override
        self.ours = ours
        until = override.until if override else None
        self.verdict: Verdict = judge(self.settings, self.reading, ours=ours, now=now, override_until=until)


async def standing(session: AsyncSession, now: float) -> Standing:
    """How the guard stands. now: Unix seconds."""
    ours = sum(row.state not in AT_REST for row in await nodes.every(session))
    return Standing(await rows.current(session), await rows.override(session, now), ours, now)


def _settings(row: GuardRow) -> GuardSettings | None:
    return None if row.settings is None else GuardSettings.model_validate(row.settings)


class Guard:
    """Keeps the reading fresh, as the leader of `epoch`."""

    def __init__(self, office: Office, *, rpc: Rpc, http: OpenHttp) -> None:
        self._office = office
        self._rpc = rpc
        self._http = http
        self._read: dict[str, Any] | None = None
        """The settings that were read last; others are read at once."""
        self._next = float("-inf")

    async def step(self) -> None:
        """Read when it is time; say when what follows has changed. Raises StoreUnreachable, LeaseLost."""
        async with self._office.read() as session:
            row = await rows.current(session)
        if row.settings is not None:
            await self._look(row)
        async with self._office.read() as session:
            await self._tell(await standing(session, self._office.clock.now()))

    async def _look(self, row: GuardRow) -> None:
        settings = GuardSettings.model_validate(row.settings)
        reading = Reading(row.nodes, row.read_at, row.trouble, row.blocked)
        if row.settings != self._read or self._office.clock.monotonic() >= self._next:
            reading = await self._ask(settings, reading)
            self._read = row.settings
        async with self._office.read() as session:
            ours = (await standing(session, self._office.clock.now())).ours
        reading = replace(reading, blocked=blocked(settings, reading, ours))
        if reading != Reading(row.nodes, row.read_at, row.trouble, row.blocked):
            async with self._office.lead() as session:
                await rows.note(
                    session,
                    row.settings,
                    nodes=reading.nodes,
                    read_at=reading.at,
                    trouble=reading.trouble,
                    blocked=reading.blocked,
                )

    async def _ask(self, settings: GuardSettings, reading: Reading) -> Reading:
        try:
            count = await read(settings.source, self._rpc, self._http)
        except NoNumber as error:
            self._next = self._office.clock.monotonic() + RETRY_EVERY
            return replace(reading, trouble=str(error))
        self._next = self._office.clock.monotonic() + READ_EVERY
        return Reading(count, self._office.clock.now(), None, reading.blocked)

    async def _tell(self, now: Standing) -> None:
        if now.verdict.state == "blocked":
            await self._office.alarms.up(
                Kind.GUARD_BLOCKS, "pool", f"auto-scaling may not grow: {now.verdict.why}"
            )
        else:
            await self._office.alarms.down(Kind.GUARD_BLOCKS, "pool")
