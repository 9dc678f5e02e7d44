"""A real control plane whose engine is a story: it says that two tasks run for each of so many nodes.

    python -m bench._simulated CONFIG NODES

The rest is what `linkpool control` runs: API, agent socket with TLS, lease, database, loops. Nodes, groups
and slots are written into the database by `seed`, as they are after as many calls of `node add`; the chain
knows none of them.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from linkpool import log as logs
from linkpool.api.settings import Settings
from linkpool.chain.keys import Key
from linkpool.cli.control import serve
from linkpool.engines.protocol import Group, Phase, Task, TaskEvent
from linkpool.fleet.running.groups import REPLICAS
from linkpool.fleet.secrets.keys import SLOTS, Keyring
from linkpool.store import groups, releases, tokens
from linkpool.store.database import Database
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour, NodeRow, NodeState, SlotRow
from linkpool.units import Slot

RELEASE = "simulated"


def group_of(node: int) -> str:
    """The name of a node's only group."""
    return Owner(node=node).name(Colour.BLUE, 1)


def task_of(node: int, place: int) -> str:
    """A replica's task; place: 0 or 1."""
    return f"{group_of(node)}.{place}"


class StoryEngine:
    """`Engine` that starts and stops nothing: all tasks of nodes 1 to `nodes` run, always."""

    def __init__(self, nodes: int) -> None:
        places = [(node, place) for node in range(1, nodes + 1) for place in range(REPLICAS)]
        self._tasks = [Task(task_of(*at), group_of(at[0]), Phase.RUNNING, RELEASE, 0.0) for at in places]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def ensure(self, group: Group) -> None:
        """It runs already."""

    async def remove(self, group: str, grace: float) -> None:
        """Nobody asks for it here."""

    async def tasks(self) -> list[Task]:
        """All of them."""
        return self._tasks

    async def replace(self, task: str, why: str) -> None:
        """A replica that was silent for 15 s; it is another process's."""

    async def room(self) -> int | None:
        """It places them itself."""
        return None

    async def events(self) -> AsyncIterator[TaskEvent]:
        """None ever comes."""
        await asyncio.Event().wait()
        yield TaskEvent("", "", Phase.GONE)


async def seed(database: Database, keys: Keyring, nodes: int) -> list[str]:
    """Tables for so many nodes that serve; the addresses of the senders that their replicas will hold."""
    await database.migrate()
    held: list[str] = []
    now = time.time()  # a slot that nobody held for a day would be swept
    async with database.write() as session:
        await releases.put(session, RELEASE, command=["story"], image=None, settings={}, now=0.0)
        for node in range(1, nodes + 1):
            senders = [Key(keys.sender(node, Slot(number))).address for number in range(SLOTS)]
            held += senders[:REPLICAS]
            place = {"index": node, "state": NodeState.SERVING, "capacity": "1", "primary": Colour.BLUE}
            addresses = {"wallet": Key(keys.wallet(node)).address, "oracle": f"0x{node:040x}"}
            session.add(NodeRow(**place, **addresses, made_at=now, changed_at=now))
            await session.flush()
            session.add_all(SlotRow(node=node, number=at, sender=one) for at, one in enumerate(senders))
            await groups.add(
                session,
                group_of(node),
                Owner(node=node),
                serial=1,
                colour=Colour.BLUE,
                release=RELEASE,
                token_hash=tokens.digest(keys.group_token(group_of(node))),
                now=0.0,
            )
    return held


if __name__ == "__main__":
    logs.configure()
    story = partial(StoryEngine, int(sys.argv[2]))
    serve(Settings.load(Path(sys.argv[1])), engine=story)
