"""Replicas speak to control planes of their own pool, over TLS, and to nobody else."""

import asyncio
import random
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from linkpool.api.agent import build_agent_app
from linkpool.api.agent_tls import AgentTls
from linkpool.api.server import listen, serve
from linkpool.fleet.agents.door import Door
from linkpool.fleet.secrets.authority import LIFE, Authority
from linkpool.fleet.secrets.keys import Keyring
from linkpool.replica.agent import Agent
from linkpool.replica.trust import Trust
from linkpool.wire.agent import Heartbeat, Hello, NotLeader, State
from tests.integration.api.test_one_node import serving_node
from tests.support.control import MASTER, Ground, control_plane, ground
from tests.support.job_text import JOB
from tests.support.manual_clock import ManualClock
from tests.support.ports import free_port
from tests.support.until import until

OURS = Authority(Keyring(MASTER).authority())
DICE = random.Random(1)  # noqa: S311 - spreads reconnects
THEIRS = Authority(Keyring(bytes(32)).authority())


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path, block_time=1) as made:
        yield made


async def anybody(_hello: Hello) -> None:
    """Who knocks may wait: this is about the line."""


def now() -> ManualClock:
    return ManualClock(wall=time.time())


@asynccontextmanager
async def control(tls: ssl.SSLContext, shown: Authority, port: int = 0) -> AsyncIterator[str]:
    """A standby that shows one authority and has a certificate of it, or of another; its URL."""
    bound = listen("127.0.0.1", port)
    serving = asyncio.create_task(serve(build_agent_app(Door(anybody), shown.certificate), bound, tls))
    try:
        yield f"https://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


@asynccontextmanager
async def replica(url: str, fingerprint: str = OURS.fingerprint) -> AsyncIterator[Agent]:
    """The replica's side of the socket."""
    hello = Hello(group="g", task="t", token=SecretStr("token"))
    beat = Heartbeat(state=State.CLAIMING, ready=False)
    async with aiohttp.ClientSession() as http:
        agent = Agent((url,), http, lambda: hello, lambda: beat, DICE, Trust(fingerprint, http))
        running = asyncio.create_task(agent.run())
        try:
            yield agent
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


def trouble(lines: Sequence[Mapping[str, object]]) -> list[str]:
    return [str(line["error"]) for line in lines if "out of reach" in str(line["event"])]


async def heard(agent: Agent) -> bool:
    return not agent.inbox.empty()


async def told(lines: Sequence[Mapping[str, object]]) -> bool:
    return bool(trouble(lines))


def soon(probe: Callable[..., Awaitable[bool]], *subject: object) -> Callable[[], Awaitable[bool]]:
    return lambda: probe(*subject)


async def test_a_control_plane_of_the_pool_is_believed() -> None:
    async with control(AgentTls(OURS, now()).context, OURS) as url, replica(url) as agent:
        assert isinstance(await asyncio.wait_for(agent.inbox.get(), 60), NotLeader)


async def test_another_pools_control_plane_is_one_clear_line_and_the_right_one_is_found_later() -> None:
    with capture_logs() as lines:
        port = free_port()
        async with control(AgentTls(THEIRS, now()).context, THEIRS, port) as url, replica(url) as agent:
            await until(soon(told, lines), "the replica complains")
            await asyncio.sleep(2.5)  # at least one more try
            (line,) = trouble(lines)
            assert OURS.fingerprint in line
            assert THEIRS.fingerprint in line
            assert agent.connected == 0
        async with replica(url) as agent, control(AgentTls(OURS, now()).context, OURS, port):
            assert isinstance(await asyncio.wait_for(agent.inbox.get(), 60), NotLeader)


@pytest.mark.parametrize("how", ["another authority's", "expired", "not good yet"])
async def test_who_shows_the_right_authority_needs_its_good_certificate_too(how: str) -> None:
    clock = now()
    clock.wall += {"another authority's": 0, "expired": -1, "not good yet": 1}[how] * 2 * LIFE.total_seconds()
    issuer = THEIRS if how == "another authority's" else OURS
    with capture_logs() as lines:
        async with control(AgentTls(issuer, clock).context, OURS) as url, replica(url) as agent:
            await until(soon(told, lines), "the replica complains")
            assert "certificate" in trouble(lines)[0]
            assert not await heard(agent)


async def test_a_server_in_clear_hears_nothing() -> None:
    words: list[bytes] = []

    async def listen_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words.append(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(listen_in, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with capture_logs() as lines:
        async with replica(f"https://127.0.0.1:{port}"):
            await until(soon(told, lines), "the replica complains")
    server.close()
    await server.wait_closed()
    assert words
    assert all(b"token" not in word and b"HTTP" not in word for word in words)


async def test_a_certificate_is_renewed_while_old_lines_stay() -> None:
    tls = AgentTls(OURS, now())
    trusting = ssl.create_default_context(cadata=OURS.certificate)

    async def serial(port: int) -> tuple[str, asyncio.StreamWriter]:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trusting, server_hostname="control.linkpool"
        )
        return writer.get_extra_info("peercert")["serialNumber"], writer

    async with control(tls.context, OURS) as url, replica(url) as agent:
        await asyncio.wait_for(agent.inbox.get(), 60)
        port = int(url.rpartition(":")[2])
        first, line = await serial(port)
        await tls.renew()
        second, other = await serial(port)
        assert first != second
        assert agent.connected == 1
        for writer in (line, other):
            writer.close()
            await writer.wait_closed()


async def test_a_node_serves_over_tls_and_the_network_finds_no_socket_in_clear(pool: Ground) -> None:
    settings = pool.settings(
        host="0.0.0.0",  # noqa: S104 - what is tested
        agent_host="127.0.0.1",
        agent_port=0,
        release_command=[sys.executable, "-m", "linkpool.replica"],
    )
    async with control_plane(settings) as running:
        await running.client.post("/api/v1/catalog", json={"jobs": [{"text": JOB}]})
        await running.client.post("/api/v1/nodes", json={})
        async with asyncio.timeout(200):
            while not (node := await serving_node(running.client)):
                await asyncio.sleep(0.1)
        environment = Path(f"/proc/{node['replicas'][0]['pid']}/environ").read_text()
        assert f"LINKPOOL_CA_FINGERPRINT={OURS.fingerprint}" in environment
        assert "LINKPOOL_CONTROL_URLS=https://127.0.0.1:" in environment
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await http.ws_connect(f"{running.client.base_url}/agent/v1")
