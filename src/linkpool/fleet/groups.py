"""The groups of replicas that shall run, told to the engine once a term and whenever they change."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from linkpool.engines.protocol import Engine, Group, Release
from linkpool.fleet.clock import Clock
from linkpool.fleet.keys import Keyring
from linkpool.fleet.tasks import Tasks
from linkpool.store import nodes, tokens
from linkpool.store.database import Database
from linkpool.store.tables import Colour, GroupRow

REPLICAS = 2
"""Of a node, in one colour."""


@dataclass(frozen=True)
class Launch:
    """What every group gets. environment: for each replica, besides its release's settings."""

    pool_name: str
    release: str
    environment: Mapping[str, str]


class Groups:
    """Remembers a group, then has the engine run it."""

    def __init__(
        self,
        *,
        database: Database,
        keys: Keyring,
        engine: Engine,
        tasks: Tasks,
        clock: Clock,
        epoch: int,
        launch: Launch,
    ) -> None:
        self._database = database
        self._keys = keys
        self._engine = engine
        self._tasks = tasks
        self._clock = clock
        self._epoch = epoch
        self._launch = launch
        self._ensured: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    @staticmethod
    def name(node: int, colour: Colour) -> str:
        """A group's name, unique in the pool."""
        return f"n{node}-{colour.value}"

    async def ensure(self, node: int, colour: Colour) -> str:
        """Have the replicas of a node run; the group's name. Cheap when it was done in this term.

        Raises EngineUnreachable, EngineRefused, StoreUnreachable, LeaseLost.
        """
        name = self.name(node, colour)
        async with self._one_at_a_time:
            if name not in self._ensured:
                token = self._keys.group_token(name)
                async with self._database.lead(self._epoch) as session:
                    await nodes.add_group(
                        session,
                        name,
                        node=node,
                        colour=colour,
                        release=self._launch.release,
                        token_hash=tokens.digest(token),
                        now=self._clock.now(),
                    )
                    row = await session.get_one(GroupRow, name)
                    stored = await nodes.release(session, row.release)
                release = Release(stored.name, tuple(stored.command), stored.image, stored.settings)
                await self._engine.ensure(
                    Group(self._launch.pool_name, name, release, self._launch.environment, token, REPLICAS)
                )
                self._ensured.add(name)
                await self._tasks.refresh()
        return name
