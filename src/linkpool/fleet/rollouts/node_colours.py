"""A node as a thing with two colours: two replicas in each, on lines to the hub, asked by rosters."""

from collections.abc import Awaitable, Callable, Sequence

from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.agents.orders import Orders
from linkpool.fleet.agents.sessions import Session
from linkpool.fleet.office import Office
from linkpool.fleet.running.groups import REPLICAS, Groups
from linkpool.fleet.running.tasks import Tasks
from linkpool.store import nodes
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour
from linkpool.wire.agent import State

Funded = Callable[[Sequence[str]], Awaitable[bool]]
"""Sees to it that these senders get gas; true once all have enough. Raises LinkPoolError when it cannot."""


class NodeColours:
    """`TwoColours` of the nodes of a pool, for one term; `of` gives that of one node."""

    def __init__(
        self, office: Office, *, groups: Groups, tasks: Tasks, hub: Hub, orders: Orders, funded: Funded
    ) -> None:
        self.office = office
        self.groups = groups
        self.tasks = tasks
        self.hub = hub
        self.orders = orders
        self.funded = funded

    def of(self, node: int) -> "NodeThing":
        """The node of that index."""
        return NodeThing(self, node)


class NodeThing:
    """One node, for one look."""

    def __init__(self, fleet: NodeColours, node: int) -> None:
        self._fleet = fleet
        self._node = node
        self._owner = Owner(node=node)
        self._names: dict[Colour, str | None] = {}

    async def start(self, colour: Colour, release: str) -> None:
        """Its replicas in that colour, with the release."""
        self._names[colour] = await self._fleet.groups.start(self._owner, colour, release)

    async def unwell(self, colour: Colour) -> str | None:
        """None once both replicas serve, are synced and funded, and their probes are ok."""
        tasks = await self._tasks(colour)
        if len(tasks) < REPLICAS:
            return f"{len(tasks)} of {REPLICAS} replicas run"
        sessions = [session for task in tasks if (session := self._fleet.hub.session(task))]
        serving = [session for session in sessions if session.state is State.SERVING]
        if len(serving) < len(tasks):
            states = ", ".join(sorted(session.state.value for session in sessions)) or "nobody on the line"
            return f"{len(serving)} of {len(tasks)} serve ({states})"
        if not await self._fleet.funded([session.sender for session in serving]):
            return "gas is on its way to its senders"
        if late := [session.task for session in serving if not (session.beat and session.beat.ready)]:
            return f"serves, and is not ready yet: {', '.join(late)}"
        return self._unproved(serving)

    def _unproved(self, sessions: list[Session]) -> str | None:
        outcomes = [self._fleet.orders.probe(session.task) for session in sessions]
        for session, outcome in zip(sessions, outcomes, strict=True):
            if outcome is None:
                return f"the probe of {session.task} is under way"
            if not outcome.ok:
                return f"the probe of {session.task} says: {outcome.detail}"
        return None

    async def make_primary(self, colour: Colour) -> None:
        """In the database first, then in the roster."""
        async with self._fleet.office.lead() as session:
            await nodes.set_primary(session, self._node, colour)
        self._fleet.hub.prefer(self._node, colour)

    async def works(self, colour: Colour) -> bool:
        """Somebody of it is in the roster. A new leader presumes alive whoever held a slot."""
        roster = {member.task for member in self._fleet.hub.roster(self._node)}
        return not roster.isdisjoint(await self._tasks(colour))

    async def settled(self, colour: Colour) -> bool:
        """Each of its replicas has answered a request."""
        sessions = [self._fleet.hub.session(task) for task in await self._tasks(colour)]
        return len(sessions) >= REPLICAS and all(
            session and session.beat and session.beat.answered for session in sessions
        )

    async def drain(self, colour: Colour) -> bool:
        """Its replicas take nothing new; true once nothing is in their hands."""
        return self._fleet.orders.drain(await self._tasks(colour))

    async def resume(self, colour: Colour) -> None:
        """Its replicas serve again."""
        self._fleet.orders.resume(await self._tasks(colour))

    async def remove(self, colour: Colour) -> None:
        """Its replicas go: SIGTERM, which lets them finish what they have."""
        self._names.pop(colour, None)
        await self._fleet.groups.remove(self._owner, colour)

    async def _tasks(self, colour: Colour) -> list[str]:
        if colour not in self._names:
            self._names[colour] = await self._fleet.groups.living(self._owner, colour)
        group = self._names[colour]
        return [task.id for task in self._fleet.tasks.of(group)] if group else []
