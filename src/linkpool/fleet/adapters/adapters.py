"""Adapters that the pool runs: a program of the catalog is two tasks in the engine, kept, upgraded, let go.

The catalog says what shall run. A new adapter starts in its primary colour; another program goes through the
four steps of `two_colours`, and one that never becomes well leaves the old one in its place. Tasks of a
bridge that no revision names any more go when every serving replica has acknowledged that.
"""

from collections.abc import Awaitable, Mapping, Sequence

import structlog

from linkpool.engines.protocol import Engine, Task
from linkpool.errors import LinkPoolError
from linkpool.fleet.adapters.colours import AdapterColours, Stand
from linkpool.fleet.adapters.health import AdapterHealth
from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.alarms import Kind
from linkpool.fleet.catalog.document import Bridge, Document
from linkpool.fleet.office import Office
from linkpool.fleet.rollouts.two_colours import RETURNABLE, Steps, other
from linkpool.fleet.running.groups import REPLICAS
from linkpool.fleet.running.recovery import SILENCE, Recovery
from linkpool.fleet.running.tasks import Tasks
from linkpool.store import adapters, catalog, events, groups, moves
from linkpool.store.catalog_tables import AdapterRow, AdapterState
from linkpool.store.database import LeaseLost, StoreUnreachable
from linkpool.store.groups import Owner
from linkpool.store.rollout_tables import MoveRow, MoveState
from linkpool.store.tables import Colour, GroupRow
from linkpool.wire.catalog import AdapterTask

log = structlog.get_logger(__name__)

PROBE_EVERY = 0.5
"""Seconds between two questions how a task is."""
WITHIN = 120.0
"""Seconds a new program has to become well."""

_ON_THE_WAY = {AdapterState.STARTING, AdapterState.UPGRADING, AdapterState.LEAVING}


class Adapters:
    """Looks once a second, as the leader of `epoch`; `places` is what replicas are told."""

    def __init__(
        self,
        office: Office,
        *,
        engine: Engine,
        tasks: Tasks,
        hub: Hub,
        colours: AdapterColours,
        health: AdapterHealth,
        steps: Steps,
    ) -> None:
        self._office = office
        self._tasks = tasks
        self._hub = hub
        self._colours = colours
        self._health = health
        self._steps = steps
        self._recovery = Recovery(
            office,
            engine=engine,
            tasks=tasks,
            hub=health,
            replicas=REPLICAS,
            kind="adapter",
        )

    def places(self, bridge: str) -> Sequence[str]:
        """Where replicas find an adapter now."""
        return self._colours.places(bridge)

    def shown(self, bridge: str) -> list[AdapterTask]:
        """The tasks of an adapter, for people."""
        stand = self._colours.stands.get(bridge, Stand())
        return [
            AdapterTask(
                task=task.id,
                colour=colour.value,
                address=task.address,
                pid=task.pid,
                healthy=self._health.healthy(task.id),
                detail=self._health.detail(task.id),
            )
            for colour in (stand.primary, other(stand.primary))
            for task in self._colours.running(stand, colour)
        ]

    async def begin(self) -> None:
        """Know where adapters are before the first catalog of a term is told. Raises StoreUnreachable."""
        await self._read()
        await self.probe()

    async def probe(self) -> None:
        """Ask every task how it is."""
        await self._health.look(self._every_task())

    async def recover(self) -> None:
        """Replace sick tasks, with the brakes of replicas. Raises EngineUnreachable."""
        numbers = {name: number for number, name in enumerate(sorted(self._colours.stands))}
        known = {
            group: numbers[name]
            for name, stand in self._colours.stands.items()
            for group in stand.groups.values()
        }
        await self._recovery.step(known)

    async def step(self) -> bool:
        """One look at every adapter; whether any is on its way. Raises StoreUnreachable, LeaseLost."""
        document, rows, open_moves = await self._read()
        programs = {name: bridge for name, bridge in document.bridges.items() if bridge.program}
        for name, bridge in programs.items():
            await self._safely(name, self._keep(bridge, rows.get(name), open_moves.get(name)))
        for name, row in rows.items():
            if name not in programs:
                await self._safely(name, self._let_go(row, open_moves.get(name), document.revision))
        rows = await self._alarm()
        return programs.keys() != rows.keys() or any(row.state in _ON_THE_WAY for row in rows.values())

    # --- one adapter ------------------------------------------------------------------------------------

    async def _keep(self, bridge: Bridge, row: AdapterRow | None, move: MoveRow | None) -> None:
        row = await self._want(bridge, row)
        thing = self._colours.of(bridge.name)
        self._colours.stands[bridge.name].bridge = bridge
        if move is not None:
            if move.release != row.wanted:
                move = await self._steps.turn_back(move, "another program is wanted by now")
            move = await self._steps.advance(move, thing)
            await self._moved(row, move)
            return
        primary = Colour(row.primary)
        running = await self._running(bridge.name, primary)
        await thing.start(primary, running.release if running else row.wanted)
        if running is not None and row.wanted not in (running.release, row.refused):
            await self._move(row, other(primary))
        elif row.wanted == row.refused:
            await self._say(row, AdapterState.KEPT_OLD, row.detail)
        else:
            first = row.state == AdapterState.STARTING  # the sample is for programs that have yet to show
            why = await thing.unwell(primary) if first else thing.unhealthy(primary)
            serves = why is None or row.state == AdapterState.SERVING
            await self._say(row, AdapterState.SERVING if serves else AdapterState.STARTING, why or "")

    async def _want(self, bridge: Bridge, row: AdapterRow | None) -> AdapterRow:
        program = bridge.program
        assert program is not None  # noqa: S101 - only such bridges are kept
        release = program.release(bridge.name)
        if row is not None and row.wanted == release:
            return row
        async with self._office.lead() as session:
            return await adapters.want(
                session,
                bridge.name,
                release,
                command=program.command,
                image=program.image,
                settings=program.settings,
                secrets=program.secrets,
                now=self._office.clock.now(),
            )

    async def _move(self, row: AdapterRow, colour: Colour) -> None:
        """Another program is wanted: begin the four steps."""
        async with self._office.lead() as session:
            await moves.add(
                session,
                bridge=row.bridge,
                release=row.wanted,
                colour=colour,
                within=WITHIN,
                state=MoveState.STARTING,
                now=self._office.clock.now(),
            )
        await self._say(row, AdapterState.UPGRADING, f"to {row.wanted}")

    async def _moved(self, row: AdapterRow, move: MoveRow) -> None:
        if move.state == MoveState.RETURNED and move.release == row.wanted:
            async with self._office.lead() as session:
                await adapters.put(session, row.bridge, self._office.clock.now(), refused=move.release)
            await self._say(row, AdapterState.KEPT_OLD, f"{move.release} was taken back: {move.detail}")
        elif move.state == MoveState.DONE:
            await self._say(row, AdapterState.SERVING, "")
        else:
            await self._say(row, AdapterState.UPGRADING, f"{move.state}: {move.detail}")

    async def _let_go(self, row: AdapterRow, move: MoveRow | None, revision: int) -> None:
        """End the tasks of a bridge that no serving replica knows any more as a program."""
        acknowledged = self._hub.acknowledged()
        nobody = acknowledged is None and self._hub.judging
        if not nobody and (acknowledged is None or acknowledged < revision):
            await self._say(row, AdapterState.LEAVING, "replicas may still ask it")
            return
        thing = self._colours.of(row.bridge)
        if move is not None:
            if MoveState(move.state) in RETURNABLE:
                move = await self._steps.turn_back(move, "the bridge was removed")
            move = await self._steps.advance(move, thing)
            if move.ended_at is None:
                return
        for colour in Colour:
            await thing.remove(colour)
        async with self._office.lead() as session:
            await adapters.forget(session, row.bridge)
            events.add(session, "adapter_gone", None, {"bridge": row.bridge}, self._office.clock.now())
        self._colours.stands.pop(row.bridge, None)
        await self._office.journal.wake()

    async def _running(self, bridge: str, colour: Colour) -> GroupRow | None:
        async with self._office.read() as session:
            return await groups.living(session, Owner(bridge=bridge), colour)

    # --- what is known, and told ------------------------------------------------------------------------

    async def _read(self) -> tuple[Document, Mapping[str, AdapterRow], Mapping[str, MoveRow]]:
        async with self._office.read() as session:
            document = Document.of(await catalog.current(session))
            rows = await adapters.every(session)
            living = await groups.living_of_bridges(session)
            open_moves = {row.bridge: row for row in await moves.open_of_bridges(session) if row.bridge}
        for name, row in rows.items():
            stand = self._colours.stands.setdefault(name, Stand())
            stand.bridge = document.bridges.get(name)
            stand.primary = Colour(row.primary)
            stand.groups = {Colour(group.colour): group.name for group in living if group.bridge == name}
            move = open_moves.get(name)
            stand.second = move is not None and move.state == MoveState.PRIMARY
        return document, rows, open_moves

    def _every_task(self) -> list[Task]:
        return [
            task
            for stand in self._colours.stands.values()
            for colour in Colour
            for task in self._colours.running(stand, colour)
        ]

    async def _safely(self, bridge: str, work: Awaitable[None]) -> None:
        """One adapter's trouble is its own: it is told, and tried again at the next look."""
        try:
            await work
        except (LeaseLost, StoreUnreachable):
            raise
        except LinkPoolError as error:
            log.warning("adapter waits", bridge=bridge, why=str(error))
            async with self._office.lead() as session:
                if bridge in await adapters.every(session):
                    await adapters.put(session, bridge, self._office.clock.now(), detail=str(error))

    async def _say(self, row: AdapterRow, state: AdapterState, detail: str) -> None:
        """Remember how it is, and tell of a new state."""
        if (row.state, row.detail) == (state.value, detail):
            return
        now = self._office.clock.now()
        async with self._office.lead() as session:
            await adapters.put(session, row.bridge, now, state=state.value, detail=detail)
            if row.state != state.value:
                data = {"bridge": row.bridge, "release": row.wanted, "detail": detail}
                events.add(session, f"adapter_{state.value}", None, data, now)
        await self._office.journal.wake()

    async def _alarm(self) -> Mapping[str, AdapterRow]:
        """Tell what a person must look at; how adapters are by now."""
        async with self._office.read() as session:
            rows = await adapters.every(session)
        kept = {
            name: f"{row.detail}; the program before it serves: mend the new one, or apply the old catalog"
            for name, row in rows.items()
            if row.state == AdapterState.KEPT_OLD
        }
        await self._office.alarms.only(Kind.ADAPTER_KEPT_OLD, kept)
        sick = {name: self._sick(name) for name in rows}
        await self._office.alarms.only(Kind.ADAPTER_UNWELL, {name: why for name, why in sick.items() if why})
        return rows

    def _sick(self, bridge: str) -> str | None:
        """Why nobody answers for an adapter, when that has lasted."""
        stand = self._colours.stands.get(bridge)
        if stand is None or not self._health.judging:
            return None
        tasks = self._colours.running(stand, stand.primary)
        if any(self._health.heard_ago(task.id) < SILENCE for task in tasks):
            return None
        details = "; ".join(f"{task.id}: {self._health.detail(task.id)}" for task in tasks)
        return f"no task of it answers GET /health: {details or 'none runs'}; read its log (engine/logs)"
