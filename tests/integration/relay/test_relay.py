"""`linkpool relay` as a process between a real chain and real clients."""

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from linkpool.chain.endpoint import connect
from linkpool.chain.rpc import EndpointTrouble, Unreachable
from linkpool.relay.main import run
from linkpool.relay.settings import Settings
from tests.support.anvil import Anvil, anvil
from tests.support.chain_probe import LOGGER, Probe, probe, put_logger, until
from tests.support.ports import free_port
from tests.support.relay_process import RelayProcess, relay_process
from tests.support.rpc_proxy import rpc_proxy

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def chain() -> Any:
    with anvil(block_time=1) as made:
        put_logger(made)
        made.mine(40)
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def relay(chain: Anvil, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RelayProcess]:
    folder = tmp_path_factory.mktemp("relay")
    async with (
        rpc_proxy(chain.http, chain.ws) as one,
        rpc_proxy(chain.http, chain.ws) as two,
        aiohttp.ClientSession() as session,
        relay_process(folder, "one", [one, two], session) as made,
    ):
        yield made


async def post(relay: RelayProcess, body: Any, **more: Any) -> Any:
    async with relay.session.post(relay.http, json=body, **more) as reply:
        return await reply.json()


def call(method: str, *params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def works(one: Probe, *numbers: int) -> None:
    """Have these logged, through whatever the probe is connected to."""
    for number in numbers:
        one.want(number)
    await until(lambda: set(numbers) <= set(one.done))


async def test_answers_are_those_of_the_chain(chain: Anvil, relay: RelayProcess) -> None:
    async with probe([relay.ws]) as one:
        await works(one, 1, 2, 3)
        tip = one.follower.head
        assert tip is not None
        low, high = hex(tip.number - 20), hex(tip.number)
        where = {"address": LOGGER.lower(), "fromBlock": low, "toBlock": high}
        for method, params in (
            ("eth_getLogs", (where,)),
            ("eth_getLogs", ({**where, "fromBlock": "0x0"},)),
            ("eth_getLogs", ({**where, "topics": [None, f"0x{2:064x}"]},)),
            ("eth_getBlockByNumber", ("0x0", False)),
            ("eth_getBlockByNumber", (high, True)),
            ("eth_getTransactionReceipt", ("0x" + one.logs[-1].tx_hash.hex(),)),
            ("eth_call", ({"to": LOGGER, "data": "0x"}, high)),
            ("eth_feeHistory", ("0x2", high, [50])),
        ):
            told = await post(relay, call(method, *params))
            assert told["result"] == chain.rpc(method, *params), method
        header = (await post(relay, call("eth_getBlockByNumber", high, False)))["result"]
        whole = chain.rpc("eth_getBlockByNumber", high, False)
        assert header.items() <= whole.items()
        assert whole.keys() - header.keys() <= {"transactions", "uncles", "withdrawals", "size"}


async def test_a_worker_that_knows_only_the_relay_survives_reorgs(chain: Anvil, relay: RelayProcess) -> None:
    async with probe([relay.ws]) as one:
        await works(one, 10, 11, 12)
        async with asyncio.timeout(60):
            while await relay.figure("relay_window_blocks") < 10:
                await asyncio.sleep(0.05)
        before = await relay.figure("relay_reorgs_total")
        chain.rpc("anvil_reorg", 4, [])
        await works(one, 13)
        truth = chain.rpc("eth_getLogs", {"address": LOGGER, "fromBlock": "0x0"})
        assert sorted(log.tx_hash.hex() for log in one.logs) == sorted(
            log["transactionHash"][2:] for log in truth
        )
        assert await relay.figure("relay_reorgs_total") > before


async def test_kill_9_and_a_new_process_on_the_same_port(relay: RelayProcess) -> None:
    async with probe([relay.ws]) as one:
        await works(one, 20)
        assert await relay.end() == -signal.SIGKILL
        one.want(21)
        await relay.start()
        await relay.says("ready")
        await until(lambda: 21 in one.done)


async def test_ten_listeners_cost_the_provider_what_one_does(relay: RelayProcess) -> None:
    async with relay.session.get(f"{relay.http}/live") as reply:
        assert reply.status == 200
    asked = [probe([relay.ws]) for _ in range(10)]
    probes = await asyncio.gather(*(one.__aenter__() for one in asked))
    try:
        async with asyncio.timeout(60):
            while await relay.figure("relay_subscriptions") != 20:  # others' that were there end, too
                await asyncio.sleep(0.05)
        before = await relay.figure("rpc_calls_total", "eth_getLogs")
        start = max(one.heads[-1] for one in probes)
        await until(lambda: all(one.heads[-1] >= start + 5 for one in probes))
        asked_for = await relay.figure("rpc_calls_total", "eth_getLogs") - before
        assert asked_for <= 2 * (max(one.heads[-1] for one in probes) - start), "and not ten times"
    finally:
        await asyncio.gather(*(one.__aexit__(None, None, None) for one in asked))
    await _listeners(relay, 0)


async def _listeners(relay: RelayProcess, count: int) -> None:
    async with asyncio.timeout(60):
        while await relay.figure("relay_clients") != count:
            await asyncio.sleep(0.05)


async def test_bad_input_gets_errors_and_harms_nobody(relay: RelayProcess) -> None:
    for body in (b"{", b"\xff", b"[]", b"7", b"[" * 5_000):
        async with relay.session.post(relay.http, data=body) as reply:
            assert reply.status == 200
            assert (await reply.json(content_type=None))["error"]["code"] in (-32700, -32600)
    async with relay.session.post(relay.http, data=BytesIO(b" " * (3 * 2**20))) as reply:
        assert reply.status == 413
    async with relay.session.get(relay.http) as reply:
        assert reply.status == 400
    assert (await post(relay, call("eth_subscribe", "newHeads")))["error"]["code"] == -32601
    many = await post(relay, [call("eth_chainId"), 7, call("evm_mine"), call("eth_getLogs", {"address": 1})])
    assert [one.get("result") or one["error"]["code"] for one in many] == ["0x7a69", -32600, -32601, -32602]
    await relay.says("ready")


async def test_a_client_that_does_not_read_is_cut_off(relay: RelayProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port, limit=2**10)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert b"101" in await reader.readline()
    text = b'{"id":1,"method":"eth_getBlockByNumber","params":["latest",false]}'
    batch = b"[" + b",".join([text] * 100) + b"]"
    frame = b"\x81\xfe" + len(batch).to_bytes(2) + bytes(4) + batch  # masked with zeros
    async with asyncio.timeout(60):
        while await relay.figure("relay_slow_clients_total") == 0:
            writer.write(frame)
            await asyncio.sleep(0.005)
    writer.close()
    await relay.says("ready")


async def test_what_it_cannot_do_is_one_line(chain: Anvil) -> None:
    command = [sys.executable, "-m", "linkpool", "relay", "--upstream", chain.ws, "--chain-id", "31337"]
    for option, why in (
        (("--host", "192.0.2.1"), b"no loopback address"),
        (("--port", str(chain.port)), b"choose another port"),
    ):
        process = await asyncio.create_subprocess_exec(*command, *option, stderr=asyncio.subprocess.PIPE)
        _, said = await process.communicate()
        assert process.returncode == 1
        assert why in said
        assert b"Traceback" not in said


def certificate(folder: Path) -> tuple[Path, Path]:
    """Files of a certificate for 127.0.0.1, signed by itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


async def test_a_token_and_tls(chain: Anvil, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    token = "t0ken" * 8
    (tmp_path / "token").write_text(token + "\n")
    said = {"upstreams": [chain.ws], "chain_id": 31337, "port": 0}
    files = {"token_file": tmp_path / "token", "tls_cert": cert, "tls_key": key}
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(Settings.load(None, {}, said | files), listening=port.set_result))
    trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(cert)))
    async with aiohttp.ClientSession(connector=trusting) as session:
        where = f"127.0.0.1:{await port}"
        async with asyncio.timeout(60):
            while (await _status(session, f"https://{where}/ready")) != 200:
                await asyncio.sleep(0.05)
        for scheme in ("https", "wss"):
            end = connect(f"{scheme}://{where}/{token}", session)
            assert await end.call("eth_chainId") == "0x7a69"
            await end.close()
            for wrong in ("", "/", f"/{token}x", f"/{token[:-1]}"):
                end = connect(f"{scheme}://{where}{wrong}", session)
                with pytest.raises(EndpointTrouble):
                    await end.call("eth_chainId")
        bearer = {"Authorization": f"Bearer {token}"}
        async with session.post(f"https://{where}/", json=call("eth_chainId"), headers=bearer) as reply:
            assert (await reply.json())["result"] == "0x7a69"
        async with session.post(f"https://{where}/", json=call("eth_chainId")) as reply:
            assert reply.status == 401
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_no_more_clients_than_it_is_told_to_take(chain: Anvil) -> None:
    said = {"upstreams": [chain.ws], "chain_id": 31337, "port": 0, "max_clients": 1}
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(Settings.load(None, {}, said), listening=port.set_result))
    async with aiohttp.ClientSession() as session:
        url = f"ws://127.0.0.1:{await port}"
        async with session.ws_connect(url):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await session.ws_connect(url)
        async with asyncio.timeout(30):
            while True:  # the place is free as soon as the relay has seen the first one leave
                try:
                    async with session.ws_connect(url):
                        break
                except aiohttp.WSServerHandshakeError:
                    await asyncio.sleep(0.02)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as reply:
        return reply.status


async def test_an_upstream_of_another_chain_is_never_used(chain: Anvil, tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session, rpc_proxy(chain.http, chain.ws) as other:
        other.faults.chain_id = 5
        port = free_port()
        relay = RelayProcess("wrong", port, [other], tmp_path / "log", session)
        await relay.start()
        end = connect(relay.ws, session)
        try:
            await relay.says("no block seen yet")
            with pytest.raises(Unreachable, match="no block seen"):
                await end.call("eth_chainId")
            async with asyncio.timeout(60):
                while await relay.figure("endpoint_drops_total", "WrongChain") < 1:
                    await asyncio.sleep(0.05)
        finally:
            await end.close()
            await relay.end()


async def test_sigterm_ends_it_in_order(relay: RelayProcess) -> None:
    async with probe([relay.ws]):
        assert await relay.end(signal.SIGTERM) == 0
