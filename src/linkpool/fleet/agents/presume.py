"""Who held a slot when the last leader ended, and still runs, counts as alive for now."""

from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.agents.roster import Seat
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.store import groups, nodes
from linkpool.store.tables import Colour, NodeState

PRESUMED = (NodeState.SERVING, NodeState.DRAINING)
"""Nodes whose running replicas a new leader takes for alive."""


async def presume(office: Office, hub: Hub, tasks: Tasks) -> None:
    """Tell the hub of each, before anybody is let in. Raises StoreUnreachable."""
    async with office.read() as session:
        rows = {row.index: row for row in await nodes.every(session)}
        slots = await nodes.every_slot(session)
        colours = {row.name: Colour(row.colour) for row in await groups.all_living(session)}
    for slot in slots:
        task = tasks.get(slot.task) if slot.task else None
        node = rows[slot.node]
        if task is not None and task.group in colours and node.state in PRESUMED:
            hub.presume(node, Seat(task.id, slot.sender, colours[task.group], True, 0.0))
