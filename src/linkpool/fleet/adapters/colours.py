"""An adapter as a thing with two colours: two tasks in each, which replicas are told by their URLs.

What the primary colour is stands in the database; who is told is `places`: the primary's healthy tasks first,
then, between the switch and its draining, those of the old colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from linkpool.engines.protocol import Phase, Task
from linkpool.errors import Permanent
from linkpool.fleet.adapters.health import AdapterHealth
from linkpool.fleet.catalog.document import Bridge
from linkpool.fleet.catalog.told import bearer
from linkpool.fleet.office import Office
from linkpool.fleet.rollouts.two_colours import other
from linkpool.fleet.running.groups import REPLICAS, Groups, Shape
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store import adapters, releases
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour

SETTLED = 10
"""Good answers in a row of every task of a new colour, after which waiting longer would show no more."""
TOLD_SECONDS = 2.0
"""After so long every replica on the line has taken a catalog."""


class BridgeGone(Permanent):
    """The catalog has no program under that name any more."""


@dataclass
class Stand:
    """One adapter as its leader knows it. groups: the living ones by colour; second: told too, after those
    of the primary; drained_at: monotonic second at which the other colour was first not told any more.
    """

    bridge: Bridge | None = None
    primary: Colour = Colour.BLUE
    groups: Mapping[Colour, str] = field(default_factory=dict)
    second: bool = False
    drained_at: float | None = None
    told: Sequence[str] = ()


class AdapterColours:
    """`TwoColours` of all adapters for one term; `of` gives that of one."""

    def __init__(
        self, office: Office, *, groups: Groups, tasks: Tasks, health: AdapterHealth, keys: Keyring
    ) -> None:
        self.office = office
        self.groups = groups
        self.tasks = tasks
        self.health = health
        self.keys = keys
        self.stands: dict[str, Stand] = {}

    def of(self, bridge: str) -> "AdapterThing":
        """The adapter of that bridge."""
        return AdapterThing(self, bridge)

    def places(self, bridge: str) -> Sequence[str]:
        """Its URLs, best first. Of one that is sick everywhere, where it was or runs: it may come back."""
        stand = self.stands.get(bridge)
        if stand is None:
            return ()
        colours = (stand.primary, other(stand.primary))[: 2 if stand.second else 1]
        running = [task for colour in colours for task in self.running(stand, colour)]
        well = [task for task in running if self.health.healthy(task.id)]
        stand.told = tuple(f"http://{task.address}/" for task in well or running) or stand.told
        return stand.told

    def running(self, stand: Stand, colour: Colour) -> list[Task]:
        """The tasks of a colour that are up, oldest first."""
        group = stand.groups.get(colour)
        tasks = [task for task in self.tasks.of(group) if task.phase is Phase.RUNNING] if group else []
        return sorted(tasks, key=lambda task: (task.started_at, task.id))


class AdapterThing:
    """One adapter."""

    def __init__(self, fleet: AdapterColours, bridge: str) -> None:
        self._fleet = fleet
        self._bridge = bridge
        self._owner = Owner(bridge=bridge)
        self._stand = fleet.stands.setdefault(bridge, Stand())

    async def start(self, colour: Colour, release: str) -> None:
        """Two tasks of the program, each told where to listen, its secrets and what replicas show it."""
        bridge = self._stand.bridge
        if bridge is None:
            raise BridgeGone(f"bridge {self._bridge} runs no program any more")
        async with self._fleet.office.read() as session:
            sealed = (await releases.get(session, release)).secrets
        secrets = {name: self._fleet.keys.unlock(value) for name, value in sealed.items()}
        shape = Shape(secrets, port=0, token=bearer(bridge, self._fleet.keys))
        group = await self._fleet.groups.start(self._owner, colour, release, shape)
        self._stand.groups = {**self._stand.groups, colour: group}

    def unhealthy(self, colour: Colour) -> str | None:
        """None while both tasks run and are healthy; else what is missing."""
        tasks = self._tasks(colour)
        if len(tasks) < REPLICAS:
            return f"{len(tasks)} of {REPLICAS} tasks run"
        sick = [task.id for task in tasks if not self._fleet.health.healthy(task.id)]
        return f"{sick[0]}: {self._fleet.health.detail(sick[0])}" if sick else None

    async def unwell(self, colour: Colour) -> str | None:
        """None once both tasks are healthy, and answered the sample if there is one."""
        if trouble := self.unhealthy(colour):
            return trouble
        bridge = self._stand.bridge
        sample = bridge.program.sample if bridge and bridge.program else None
        if bridge is None or sample is None:
            return None
        for task in self._tasks(colour):
            if trouble := await self._fleet.health.prove(
                task, sample, bearer(bridge, self._fleet.keys) or ""
            ):
                return f"{task.id}, asked the sample: {trouble}"
        return None

    async def make_primary(self, colour: Colour) -> None:
        """In the database first; replicas are told at the next look at `places`."""
        async with self._fleet.office.lead() as session:
            await adapters.put(session, self._bridge, self._fleet.office.clock.now(), primary=colour.value)
        self._stand.second = colour is not self._stand.primary
        self._stand.primary = colour

    async def works(self, colour: Colour) -> bool:
        """Any task of it answers; one that was not asked yet may."""
        health = self._fleet.health
        return any(health.healthy(task.id) or not health.knows(task.id) for task in self._tasks(colour))

    async def settled(self, colour: Colour) -> bool:
        """Every task of it answered well for a while."""
        tasks = self._tasks(colour)
        return len(tasks) >= REPLICAS and all(self._fleet.health.streak(task.id) >= SETTLED for task in tasks)

    async def drain(self, colour: Colour) -> bool:
        """Nobody is told of it; true once the last question that may have gone there has ended."""
        now = self._fleet.office.clock.monotonic()
        if self._stand.drained_at is None:
            self._stand.drained_at = now
        self._stand.second = False
        longest = self._stand.bridge.timeout if self._stand.bridge else 0.0
        return now - self._stand.drained_at >= TOLD_SECONDS + longest

    async def resume(self, colour: Colour) -> None:
        """Tell of it again."""
        self._stand.drained_at = None
        self._stand.second = colour is not self._stand.primary

    async def remove(self, colour: Colour) -> None:
        """Its tasks go."""
        self._stand.drained_at = None
        self._stand.second = False
        await self._fleet.groups.remove(self._owner, colour)
        self._stand.groups = {which: group for which, group in self._stand.groups.items() if which != colour}

    def _tasks(self, colour: Colour) -> list[Task]:
        return self._fleet.running(self._stand, colour)
