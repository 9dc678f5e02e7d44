"""`linkpool engine list|prune`: what runs beside what the database wants."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from linkpool.api.settings import Settings
from linkpool.cli.prune import seen, unwanted
from linkpool.engines.local import LocalEngine
from linkpool.engines.protocol import Group, Release
from linkpool.store import groups, nodes, releases
from linkpool.store.database import Database
from linkpool.store.groups import Owner
from linkpool.store.tables import Colour

SLEEP = Release("r", ("/bin/sh", "-c", "exec sleep 1000"))


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """A pool whose database wants one of the two groups that run."""
    made = Settings(
        state=tmp_path, chain_id=1, pool="0x" + "11" * 20, view="0x" + "22" * 20, rpc_urls=["http://x"]
    )
    database = Database(made.database_url)
    await database.migrate()
    async with database.write() as session:
        node = await nodes.want(session, 1, 0.0)
        await releases.put(session, "r", command=["x"], image=None, settings={}, now=0.0)
        await groups.add(
            session,
            "mine",
            Owner(node=node.index),
            serial=1,
            colour=Colour.BLUE,
            release="r",
            token_hash="0",
            now=0.0,
        )
    await database.close()
    async with LocalEngine(tmp_path / "engine", "linkpool", time.time) as engine:
        for name in ("mine", "stranger"):
            await engine.ensure(Group("linkpool", name, SLEEP, {}, "t", 1))
    yield made
    async with LocalEngine(tmp_path / "engine", "linkpool", time.time) as engine:
        await engine.stop_all(0.1)


async def test_strangers_are_named_then_removed_and_the_wanted_stay(settings: Settings) -> None:
    before = {each.task.group: each for each in await seen(settings)}
    assert {group: each.wanted for group, each in before.items()} == {"mine": True, "stranger": False}
    assert await unwanted(settings, remove=False) == ["stranger"]
    assert await unwanted(settings, remove=True) == ["stranger"]
    assert [each.task.id for each in await seen(settings)] == [before["mine"].task.id]
    assert await unwanted(settings, remove=True) == []


async def test_a_look_starts_nothing(settings: Settings) -> None:
    async with LocalEngine(settings.state / "engine", "linkpool", time.time) as engine:
        await engine.stop_all(0.1)
    (settings.state / "engine" / "groups" / "mine.token").write_text("t")
    promised = settings.state / "engine" / "groups" / "mine.json"
    promised.write_text(
        '{"pool": "linkpool", "name": "mine", "environment": {}, "count": 1,'
        ' "release": {"name": "r", "command": ["/bin/sleep", "1000"]}}'
    )
    assert await seen(settings) == []
