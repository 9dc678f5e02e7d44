"""Nodes that move between releases, in memory: an engine, replicas and a clock that no crash touches.

`World` is what stays: the engine with its tasks, what each replica does, and the database file. `Plane` is
one control plane from its first call to its last, every one of them through a fuse. A replica of a broken
release starts and never serves; one of a sound release serves one turn after its start, and answers while its
colour is primary, as the last leader told it.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from linkpool.engines.protocol import Engine, Phase, Task
from linkpool.fleet.agents.sessions import Session
from linkpool.fleet.rollouts.build import build_rollouts
from linkpool.fleet.running.groups import Groups, Launch
from linkpool.fleet.running.recovery import Recovery
from linkpool.fleet.running.strays import Strays
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store import groups, nodes, releases
from linkpool.store.database import Database
from linkpool.store.tables import Colour, NodeState
from linkpool.wire.agent import Drain, Heartbeat, Member, Message, Probe, Probed, Resume, State
from tests.support.fake_engine import FakeEngine
from tests.support.fuse import Crash, Fault, FaultyEngine, Fuse, FusedDatabase, FusedEngine
from tests.support.manual_clock import ManualClock
from tests.support.office import take_office

KEYS = Keyring(bytes(range(32)))
TURN = 3.0
"""Seconds of a turn."""


@dataclass
class Replica:
    """One process. since: turns it has run; answered: requests."""

    release: str
    since: int = 0
    draining: bool = False
    answered: int = 0
    silent_since: float | None = None


@dataclass
class World:
    """What no crash touches."""

    saved: bytes = b""
    """The database, when the world was made."""
    engine: FakeEngine = field(default_factory=FakeEngine)
    clock: ManualClock = field(default_factory=ManualClock)
    replicas: dict[str, Replica] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Releases whose replicas never serve."""
    primary: dict[int, Colour] = field(default_factory=dict)
    """What the replicas of each node heard last."""
    owners: dict[str, tuple[int, Colour]] = field(default_factory=dict)
    """Which node and colour a group is of, as the leaders learnt it."""
    strict: bool = True
    """Every node has a serving replica of its primary colour at every moment."""

    def turn(self) -> None:
        """Time passes: processes end, begin, serve and answer."""
        self.clock.advance(TURN)
        running = self.engine.running.values()
        self.replicas = {task.id: self.replicas.get(task.id, Replica(task.release)) for task in running}
        for task in running:
            self.replicas[task.id].since += 1
            if self.serves(task) and self.owner(task)[1] == self.primary.get(self.owner(task)[0]):
                self.replicas[task.id].answered += 1
        self.watch()

    def watch(self) -> None:
        """Look for a node without a serving primary replica, or without any."""
        for node in self.primary if self.strict else ():
            serving = [self.owner(task)[1] for task in self.of(node) if self.serves(task)]
            assert serving, f"nobody of node {node} serves"
            assert self.primary[node] in serving, f"no primary replica of node {node} serves: {serving}"

    def serves(self, task: Task) -> bool:
        """It is in the roster."""
        replica = self.replicas.get(task.id)
        if replica is None or replica.since < 1 or replica.release in self.broken:
            return False
        return not replica.draining and replica.silent_since is None and task.phase is Phase.RUNNING

    def owner(self, task: Task) -> tuple[int, Colour]:
        return self.owners.get(task.group, (0, Colour.BLUE))

    def of(self, node: int) -> list[Task]:
        return [task for task in self.engine.running.values() if self.owner(task)[0] == node]


class Line(Session):
    """A replica on the line to one control plane: what it is told it does at once."""

    def __init__(self, world: World, fuse: Fuse, task: Task, node: int, colour: Colour) -> None:
        super().__init__(None, node=node, group=task.group, task=task.id, colour=colour)
        self._world, self._fuse, self._task = world, fuse, task
        self.sender = f"sender of {task.id}"

    def look(self) -> "Line":
        """With the newest heartbeat."""
        replica = self._world.replicas.get(self.task, Replica(self._task.release))
        serves = self._world.serves(self._task)
        state = State.DRAINING if replica.draining else State.SERVING if serves else State.SYNCING
        self.beat = Heartbeat(state=state, ready=serves, answered=replica.answered, drained=replica.draining)
        return self

    def post(self, kind: str, message: Message) -> None:
        self._fuse.enter()
        replica = self._world.replicas.get(self.task)
        if replica is None:
            return
        match message:
            case Drain():
                replica.draining = True
            case Resume():
                replica.draining = False
            case Probe(id=asked):
                self.probed = Probed(id=asked, ok=True, detail="", checked=3)
        self._world.watch()


class WorldHub:
    """What a control plane hears and says: every task that runs is on the line."""

    def __init__(self, world: World, fuse: Fuse) -> None:
        self._world, self._fuse = world, fuse
        self._lines: dict[str, Line] = {}
        self._began = world.clock.monotonic()

    @property
    def judging(self) -> bool:
        return self._world.clock.monotonic() - self._began >= 15.0

    def session(self, task_id: str) -> Session | None:
        task = self._world.engine.running.get(task_id)
        if task is None or task_id not in self._world.replicas:
            return None
        if task_id not in self._lines:
            self._lines[task_id] = Line(self._world, self._fuse, task, *self._world.owner(task))
        return self._lines[task_id].look()

    def roster(self, node: int) -> tuple[Member, ...]:
        world = self._world
        return tuple(
            Member(task=task.id, sender="", primary=world.owner(task)[1] == world.primary[node])
            for task in world.of(node)
            if world.serves(task)
        )

    def prefer(self, node: int, colour: Colour) -> None:
        self._fuse.enter()
        self._world.primary[node] = colour
        self._world.watch()

    def heard_ago(self, task: str) -> float:
        replica, now = self._world.replicas.get(task), self._world.clock.monotonic()
        if replica is None:
            return now - self._began
        return 0.0 if replica.silent_since is None else now - max(self._began, replica.silent_since)

    def heard_at(self, task: str) -> float | None:
        replica = self._world.replicas.get(task)
        return None if replica is None else self._world.clock.now()


class Plane:
    """One control plane; `lead` is all its loops, in turns, until something is so."""

    def __init__(self, world: World, database: FusedDatabase, fuse: Fuse, fault: Fault | None = None) -> None:
        self.world, self.database, self._fuse = world, database, fuse
        self.database.through(fuse)
        self.engine: Engine = FusedEngine(FaultyEngine(world.engine, fault or Fault()), fuse)

    async def lead(self, until: Callable[[Database], Awaitable[bool]], turns: int = 800) -> None:
        """Raises Crash, or AssertionError when it is not so after that many turns."""
        world, clock = self.world, self.world.clock
        office = await take_office(self.database, clock, ends_by=ManualClock())  # it never ends by itself
        tasks = Tasks(self.engine)
        launch = Launch("test", "old", {})
        kept = Groups(office, keys=KEYS, engine=self.engine, tasks=tasks, launch=launch)
        hub = WorldHub(world, self._fuse)
        rollouts = build_rollouts(office, engine=self.engine, groups=kept, tasks=tasks, hub=hub, funded=_rich)
        strays = Strays(office, engine=self.engine, tasks=tasks)
        healer = Recovery(office, engine=self.engine, tasks=tasks, hub=hub, replicas=2)
        while not tasks.known:  # as every leader: nothing is judged by what nobody has seen
            await _loop(tasks.refresh)
        for turn in range(turns):
            living, primaries = await self._look()  # stale when it is used, as on a real line
            now_and_then = (strays.step, partial(healer.step, living)) if turn % 4 == 0 else ()
            for step in (tasks.refresh, rollouts.step, *now_and_then, partial(self._keep, kept, primaries)):
                await _loop(step)
            world.turn()
            if await until(self.database):
                return
        raise AssertionError("it does not come to its end")

    async def _look(self) -> tuple[dict[str, int], dict[int, Colour]]:
        """Living groups by name, primary colours by node; and whose each group is, as tokens say."""
        async with self.database.read() as session:
            rows = await groups.every(session)
            primaries = {row.index: Colour(row.primary) for row in await nodes.every(session)}
        self.world.owners = {row.name: (row.node or 0, Colour(row.colour)) for row in rows}
        return {row.name: row.node or 0 for row in rows if row.removed_at is None}, primaries

    async def _keep(self, kept: Groups, primaries: dict[int, Colour]) -> None:
        for node, primary in primaries.items():
            await kept.keep(node, primary)


async def _rich(_senders: object) -> bool:
    return True


async def _loop(step: Callable[[], Awaitable[None]]) -> None:
    """As `supervise.forever`: a step that fails is made again."""
    try:
        await step()
    except Exception as error:
        if isinstance(error, AssertionError) or not _temporary(error):
            raise


def _temporary(error: BaseException) -> bool:
    from linkpool.errors import Temporary

    if isinstance(error, BaseExceptionGroup):
        return all(_temporary(each) for each in error.exceptions)
    return isinstance(error, Temporary)


@contextmanager
def crashing() -> Iterator[None]:
    """What is in here may die by its fuse, and by nothing else."""
    try:
        yield
    except Crash:
        return
    except BaseExceptionGroup as group:
        others = group.split(Crash)[1]
        if others is not None:
            raise


class Stage:
    """One database file, on which one history after the other is played, each from a world as it was."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "control.db"
        self.database = FusedDatabase(f"sqlite:///{self._file}", Fuse())

    async def save(self, world: World) -> World:
        """The world as it is now, to begin from."""
        await self.database.close()
        return replace(deepcopy(world), saved=self._file.read_bytes())

    async def begin(self, saved: World) -> World:
        """The same world once more, to be broken in another way."""
        await self.database.close()
        for file in self._file.parent.glob("control.db-*"):
            file.unlink()
        self._file.write_bytes(saved.saved)
        return deepcopy(saved)

    async def prepare(self, count: int) -> World:
        """A world of `count` nodes that serve release "old", with a sound and a bad release more."""
        world = World()
        await self.database.migrate()
        async with self.database.write() as session:
            for name in ("old", "new", "bad"):
                await releases.put(session, name, command=["x"], image=None, settings={}, now=0.0)
            for number in range(1, count + 1):
                node = await nodes.want(session, 1, 0.0)
                await nodes.set_addresses(
                    session,
                    node.index,
                    wallet=f"0xw{number}",
                    oracle=oracle(number),
                    senders=[f"0x{number}{slot}" for slot in range(6)],
                    now=0.0,
                )
                await nodes.set_state(session, node.index, NodeState.SERVING, 0.0)

        async def served(_database: Database) -> bool:
            serving = [task for task in world.engine.running.values() if world.serves(task)]
            return len(serving) == 2 * count and len(world.owners) == count

        plane = Plane(world, self.database, Fuse())
        await plane.lead(served)
        world.broken = {"bad"}
        world.primary = dict.fromkeys(range(1, count + 1), Colour.BLUE)
        world.turn()
        return await self.save(world)


def oracle(number: int) -> str:
    """A node's id."""
    return f"0x{number:040x}"
