"""What is seen to once a second of every group that lives: the lost are replaced, the flapping are told."""

from linkpool.fleet.office import Office
from linkpool.fleet.running.flapping import Flapping
from linkpool.fleet.running.recovery import Recovery
from linkpool.store import groups, nodes


class Healing:
    """Over nodes' and adapters' groups; adapters are replaced by their own."""

    def __init__(self, office: Office, recovery: Recovery, flapping: Flapping) -> None:
        self._office = office
        self._recovery = recovery
        self._flapping = flapping

    async def step(self) -> None:
        """Look once. Raises StoreUnreachable, LeaseLost, EngineUnreachable."""
        async with self._office.read() as session:
            living = await groups.all_living(session)
            oracles = {row.index: row.oracle for row in await nodes.every(session)}
        await self._recovery.step({row.name: row.node for row in living if row.node is not None})
        owners = {row.name: oracles.get(row.node or 0) or row.bridge or "a new node" for row in living}
        await self._flapping.step({row.name: f"{owners[row.name]} {row.colour}" for row in living})
