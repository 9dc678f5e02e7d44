"""A program written from docs/replica-program.md alone is a release; what the page shows are messages."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest
from aiohttp import web

from linkpool.wire import agent as wire
from linkpool.wire.agent import DOWN, UP, Catalog, Drain, Probe, Resume, encode
from tests.support.control import REPOSITORY, Ground, control_plane, ground
from tests.support.until import until

PROGRAM = [sys.executable, str(REPOSITORY / "examples" / "replica" / "minimal.py")]
PAGE = (REPOSITORY / "docs" / "replica-program.md").read_text()
SHOWN = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]


def kinds(union: Any) -> set[str]:
    """The kinds of one direction."""
    return {one.model_fields["kind"].default for one in get_args(get_args(union)[0])}


@pytest.mark.parametrize("message", SHOWN, ids=lambda message: str(message["kind"]))
def test_what_the_page_shows_is_a_message_and_nothing_more(
    message: dict[str, Any],
) -> None:
    adapter = UP if message["kind"] in kinds(wire.Up) else DOWN
    assert json.loads(encode(adapter.validate_python(message))) == message


def test_the_page_shows_every_message() -> None:
    assert {message["kind"] for message in SHOWN} == kinds(wire.Up) | kinds(wire.Down)


# --- as a release ---------------------------------------------------------------------------------


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path) as made:
        yield made


async def test_it_is_accepted_gets_slot_roster_and_catalog_and_ends_on_sigterm(pool: Ground) -> None:
    settings = pool.settings(release_name="minimal", release_command=PROGRAM, release_settings={})
    async with control_plane(settings) as control:
        await control.client.post("/api/v1/nodes", json={})

        async def serving() -> dict[str, Any] | None:
            nodes = (await control.client.get("/api/v1/nodes")).json()["nodes"]
            live = [one for node in nodes for one in node["replicas"] if one["in_roster"] and one["ready"]]
            return dict(nodes[0]) if len(live) == 2 and nodes[0]["state"] == "serving" else None

        node = await until(serving, "two copies of the program serve")
        assert {replica["slot"] for replica in node["replicas"]} == {0, 1}
        tasks = {replica["task"] for replica in node["replicas"]}

        async def all_told() -> bool:
            words = [pool.heard(task) for task in tasks]
            rosters = [[w for w in heard if w["kind"] == "roster"][-1:] for heard in words]
            both = all(last and {m["task"] for m in last[0]["members"]} == tasks for last in rosters)
            return both and all("catalog" in {word["kind"] for word in heard} for heard in words)

        await until(all_told, "both know the roster and the catalog")
        for task in tasks:
            heard = pool.heard(task)
            assert heard[0]["kind"] == "welcome"
            assert "sender_key" not in str(heard)
        victim, sibling = node["replicas"]
        before = {task: [w for w in pool.heard(task) if w["kind"] == "roster"] for task in tasks}
        os.kill(victim["pid"], signal.SIGTERM)

        async def left() -> bool:
            rosters = [word["members"] for word in pool.heard(sibling["task"]) if word["kind"] == "roster"]
            known = len(before[sibling["task"]])
            return any([one["task"] for one in members] == [sibling["task"]] for members in rosters[known:])

        await until(left, "the one that was told to end left the roster")

        async def replaced() -> bool:
            now = await serving()
            return now is not None and victim["task"] not in {one["task"] for one in now["replicas"]}

        await until(replaced, "the engine keeps two copies")


# --- word by word ---------------------------------------------------------------------------------


class Plane:
    """A control plane that says what a test wants, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.socket: web.WebSocketResponse | None = None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """The agent socket."""
        self.socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for frame in socket:
            self.heard.append(json.loads(frame.data))
        return socket

    async def say(self, message: wire.Message) -> None:
        assert self.socket is not None
        await self.socket.send_str(encode(message))

    async def hears(self, **wanted: Any) -> dict[str, Any]:
        """The newest word that has these fields, once there is one; what came before is forgotten."""

        async def so() -> dict[str, Any] | None:
            return next((w for w in reversed(self.heard) if wanted.items() <= w.items()), None)

        found = await until(so, f"{wanted} in {self.heard[-1:]}")
        self.heard.clear()
        return found


@asynccontextmanager
async def played(folder: Path) -> AsyncIterator[tuple[Plane, asyncio.subprocess.Process]]:
    """The program, and a control plane and a chain that it can dial: the node is on chain."""
    plane, app = Plane(), web.Application()

    async def chain(request: web.Request) -> web.Response:
        return web.json_response({"jsonrpc": "2.0", "id": (await request.json())["id"], "result": "0x60"})

    app.add_routes([web.get("/agent/v1", plane.serve), web.post("/rpc", chain)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    (folder / "token").write_text("k3y\n")
    environment = {
        "PATH": os.environ["PATH"],
        "LINKPOOL_GROUP": "g",
        "LINKPOOL_TASK": "g.1",
        "LINKPOOL_TOKEN_FILE": str(folder / "token"),
        "LINKPOOL_CONTROL_URLS": url,
        "LINKPOOL_RPC_URLS": f"{url}/rpc",
    }
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield plane, process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await runner.cleanup()


async def ready(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/ready") as reply:
        return reply.status, await reply.text()


async def test_it_drains_stays_comes_back_answers_a_probe_and_says_goodbye(tmp_path: Path) -> None:
    async with played(tmp_path) as (plane, process):
        hello = await plane.hears(kind="hello")
        assert (hello["group"], hello["task"], hello["token"]) == ("g", "g.1", "k3y")
        welcome = next(message for message in SHOWN if message["kind"] == "welcome")
        await plane.say(DOWN.validate_python(welcome))
        await plane.hears(kind="heartbeat", state="serving", ready=True, registered=True)
        await plane.say(Catalog(epoch=4, version=1, revision=7))
        await plane.hears(kind="heartbeat", catalog=7)
        await plane.say(Drain(epoch=4, version=2))
        await plane.hears(kind="heartbeat", state="draining", drained=True)
        assert await ready(hello["health"]) == (503, "draining")
        await plane.say(Drain(epoch=3, version=9))
        await plane.say(Resume(epoch=4, version=3))
        await plane.hears(kind="heartbeat", state="serving")
        assert (await ready(hello["health"]))[0] == 200
        await plane.say(Probe(epoch=4, version=4, id="p1"))
        assert (await plane.hears(kind="probed", id="p1"))["ok"]
        process.send_signal(signal.SIGTERM)
        await plane.hears(kind="goodbye")
        assert await asyncio.wait_for(process.wait(), 60) == 0
