"""What is seen to once a second of every group that lives: the lost are replaced, the flapping are told."""

from collections.abc import Mapping

from linkpool.fleet.office import Office
from linkpool.fleet.running.flapping import Flapping
from linkpool.fleet.running.groups import Groups
from linkpool.fleet.running.recovery import Recovery
from linkpool.store import groups, nodes

READ_EVERY = 30.0
"""Seconds after which the groups are read again though this leader changed none."""


class Healing:
    """Over nodes' and adapters' groups; adapters are replaced by their own."""

    def __init__(self, office: Office, kept: Groups, recovery: Recovery, flapping: Flapping) -> None:
        self._office = office
        self._kept = kept
        self._recovery = recovery
        self._flapping = flapping
        self._read_at = float("-inf")
        self._changes = 0
        self._of_nodes: Mapping[str, int] = {}
        self._names: Mapping[str, str] = {}

    async def step(self) -> None:
        """Look once. Raises StoreUnreachable, LeaseLost, EngineUnreachable."""
        now = self._office.clock.monotonic()
        if self._changes != self._kept.changes or now - self._read_at >= READ_EVERY:
            self._changes, self._read_at = self._kept.changes, now
            await self._read()
        await self._recovery.step(self._of_nodes)
        await self._flapping.step(self._names)

    async def _read(self) -> None:
        async with self._office.read() as session:
            living = await groups.all_living(session)
            oracles = {row.index: row.oracle for row in await nodes.every(session)}
        self._of_nodes = {row.name: row.node for row in living if row.node is not None}
        owners = {row.name: oracles.get(row.node or 0) or row.bridge or "a new node" for row in living}
        self._names = {row.name: f"{owners[row.name]} {row.colour}" for row in living}
