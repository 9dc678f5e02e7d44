"""The groups of tasks that shall run, told to the engine once a term and whenever they change.

A group is remembered before any engine hears of it, and its removal before any engine removes it: so whoever
leads next can tell what was meant from what was left behind.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.engines.protocol import Engine, Group, Release
from linkpool.errors import Permanent
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store import groups, nodes, releases, tokens
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour, GroupRow

REPLICAS = 2
"""Of a node, in one colour."""
GRACE = 15.0
"""Seconds that tasks of a removed group get between SIGTERM and SIGKILL."""


class GroupInTheWay(Permanent):
    """That colour runs already, with another release."""


@dataclass(frozen=True)
class Launch:
    """What every group gets. environment: for each replica, besides its release's settings."""

    pool_name: str
    release: str
    """What new nodes run until a rollout over all of them says otherwise."""
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Shape:
    """What tasks get besides their release: an environment, and a port when they listen (0: a free one).

    token: what they find in their token file, in place of their group's own.
    """

    environment: Mapping[str, str] = field(repr=False)
    port: int | None = None
    token: str | None = field(default=None, repr=False)


class Groups:
    """Remembers a group, then has the engine run it. Methods raise EngineUnreachable, EngineRefused,
    StoreUnreachable, LeaseLost.
    """

    def __init__(
        self, office: Office, *, keys: Keyring, engine: Engine, tasks: Tasks, launch: Launch
    ) -> None:
        self._office = office
        self._keys = keys
        self._engine = engine
        self._tasks = tasks
        self._launch = launch
        self._replicas = Shape(launch.environment)
        self._running: dict[tuple[Owner, Colour], str] = {}
        """What the engine was told in this term."""
        self._removed: set[str] = set()
        """Groups whose removal this leader recorded; nobody else may."""
        self._releases: dict[str, Release] = {}
        """Those of groups that were written down: their names keep their meaning."""
        self.changes = 0
        """How often this leader wrote down that a group shall run, or shall not."""
        self._recording = asyncio.Lock()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One call to the engine at a time about each group."""

    async def keep(self, node: int, primary: Colour) -> str:
        """Have a node's primary colour run, a new node's with the current release; the group's name.

        primary: as last read; when that is not told to the engine yet, the database decides.
        """
        owner = Owner(node=node)
        if name := self._running.get((owner, primary)):
            return name
        async with self._recording, self._office.lead() as session:
            colour = Colour((await nodes.get(session, node)).primary)
            row = await groups.living(session, owner, colour)
            if row is None:
                release = await releases.current(session, self._launch.release)
                row = await self._add(session, owner, colour, release)
            stored = await self._release(session, row)
        return await self._run(owner, row, stored, self._replicas)

    async def start(self, owner: Owner, colour: Colour, release: str, shape: Shape | None = None) -> str:
        """Have a colour run with that release; the group's name. Cheap when it was done in this term.

        shape: of an adapter's tasks; replicas get what all replicas get. Raises GroupInTheWay.
        """
        if name := self._running.get((owner, colour)):
            return name
        async with self._recording, self._office.lead() as session:
            row = await groups.living(session, owner, colour) or await self._add(
                session, owner, colour, release
            )
            stored = await self._release(session, row)
        if row.release != release:
            raise GroupInTheWay(f"{colour.value} runs release {row.release} already: {row.name}")
        return await self._run(owner, row, stored, shape or self._replicas)

    async def living(self, owner: Owner, colour: Colour) -> str | None:
        """The name of the group that shall run in that colour, if any shall."""
        async with self._office.read() as session:
            row = await groups.living(session, owner, colour)
        return row.name if row else None

    async def remove(self, owner: Owner, colour: Colour, grace: float = GRACE) -> None:
        """Record the removal of a colour, then have the engine do it; returns when its tasks are gone.

        Doing it again does no harm: the engine is told again, should it have missed it. grace: seconds.
        """
        async with self._recording, self._office.lead() as session:
            row = await groups.newest(session, owner, colour)
            if row is not None and row.removed_at is None:
                row.removed_at = self._office.clock.now()
        self.changes += 1
        if row is None:
            return
        self._removed.add(row.name)
        async with self._turns[row.name]:
            self._running.pop((owner, colour), None)
            await self._engine.remove(row.name, grace)
        await self._tasks.refresh()

    async def _add(self, session: AsyncSession, owner: Owner, colour: Colour, release: str) -> GroupRow:
        name, serial = await groups.fresh(session, owner, colour)
        return await groups.add(
            session,
            name,
            owner,
            serial=serial,
            colour=colour,
            release=release,
            token_hash=tokens.digest(self._keys.group_token(name)),
            now=self._office.clock.now(),
        )

    async def _release(self, session: AsyncSession, row: GroupRow) -> Release:
        """What a group runs. A leader that has just begun asks for the same one for every node."""
        if known := self._releases.get(row.release):
            return known
        stored = await releases.get(session, row.release)
        return Release(stored.name, tuple(stored.command), stored.image, stored.settings)

    async def _run(self, owner: Owner, row: GroupRow, release: Release, shape: Shape) -> str:
        colour = Colour(row.colour)
        self._releases[row.release] = release
        self.changes += 1
        async with self._turns[row.name]:
            if row.name not in self._removed and (owner, colour) not in self._running:
                await self._engine.ensure(
                    Group(
                        self._launch.pool_name,
                        row.name,
                        release,
                        shape.environment,
                        shape.token or self._keys.group_token(row.name),
                        REPLICAS,
                        shape.port,
                    )
                )
                if len(self._tasks.of(row.name)) < REPLICAS:  # a new leader begins with a fleet that runs
                    await self._tasks.refresh()
                self._running[owner, colour] = row.name
        return row.name
