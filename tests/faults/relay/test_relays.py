"""Two relays before a real pair, broken in every way while requests come: nothing is missed.

Each relay has two upstreams of its own, and the replicas have providers behind the relays.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import pytest_asyncio

from tests.support.pair import Pair, Replica, Seen, standing
from tests.support.relay_process import RelayProcess
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON = 40
"""Blocks: a relay that stands still shows it after 3 s, and a busy machine takes its time."""

Fault = Callable[[RelayProcess], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    async with standing(tmp_path_factory.mktemp("behind"), relays=2) as made:
        yield made


async def stopped(relay: RelayProcess) -> None:
    relay.say(signal.SIGSTOP)


async def cut_off(relay: RelayProcess) -> None:
    await asyncio.gather(*(up.cut() for up in relay.ups))


async def lied_to(relay: RelayProcess) -> None:
    for up in relay.ups:
        up.faults.hide_logs = True


@asynccontextmanager
async def requests(pair: Pair) -> AsyncIterator[list[bytes]]:
    """Requests follow each other while the context is open; their ids."""
    ids: list[bytes] = []

    async def ask() -> None:
        while True:
            ids.extend(await pair.ask(2))

    asking = asyncio.create_task(ask())
    try:
        yield ids
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def asks(replica: Replica, port: int) -> bool:
    """It made calls to that port."""
    return any(key[0] == "rpc_calls" and key[1].endswith(f":{port}") for key in await replica.figures())


def asked_of_providers(pair: Pair) -> int:
    """Calls that replicas made to what stands behind the relays."""
    return sum(each.first.calls.total() + each.second.calls.total() for each in pair.replicas.values())


async def blocks_with_requests(pair: Pair, ids: list[bytes], blocks: int) -> None:
    """Return that many blocks later, when at least as many requests were made."""
    start = len(ids)
    await pair.blocks(blocks)
    while len(ids) < start + blocks:
        await pair.blocks(1)


def slowest(seen: list[Seen]) -> int:
    return max(one.delay for one in seen)


async def sound(pair: Pair) -> None:
    """Both relays run and are ready, and so are both replicas."""
    for relay in pair.relays:
        relay.heal()
        assert relay.process is not None
        if relay.process.returncode is None:
            relay.say(signal.SIGCONT)
        else:
            await relay.start()
    await asyncio.gather(*(relay.says("ready") for relay in pair.relays))
    await pair.sound()


async def test_replicas_ask_relays_first_and_providers_for_next_to_nothing(pair: Pair) -> None:
    async def without_providers() -> bool:
        before = asked_of_providers(pair)
        assert slowest(await pair.answered(await pair.ask_both())) <= SOON
        return asked_of_providers(pair) == before

    await until(without_providers, "requests are answered without the providers")
    for replica in pair.replicas.values():
        for relay in pair.relays:
            await until(partial(asks, replica, relay.port), f"{replica.name} asks {relay.name}")
    heads = sum(up.calls["eth_getBlockByNumber"] for relay in pair.relays for up in relay.ups)
    assert heads < 2 * await pair.height()


@pytest.mark.parametrize("fault", [stopped, cut_off, lied_to])
async def test_one_relay_fails_and_nothing_is_missed(pair: Pair, fault: Fault) -> None:
    await sound(pair)
    async with requests(pair) as ids:
        await blocks_with_requests(pair, ids, 1)
        await fault(pair.relays[0])
        await blocks_with_requests(pair, ids, 5)
    seen = await pair.answered(ids)
    assert slowest(seen) <= SOON
    for replica in pair.replicas.values():
        assert (await replica.figures())["requests_missed",] == 0


async def test_both_relays_are_killed_and_the_provider_serves_until_they_are_back(pair: Pair) -> None:
    await sound(pair)
    async with requests(pair) as ids:
        await blocks_with_requests(pair, ids, 1)
        await asyncio.gather(*(relay.end() for relay in pair.relays))
        await blocks_with_requests(pair, ids, 4)
        await sound(pair)
        await blocks_with_requests(pair, ids, 1)
    assert slowest(await pair.answered(ids)) <= SOON
    assert pair.left.first.calls["eth_subscribe"] > 0


async def test_a_reorg_under_both_relays(pair: Pair) -> None:
    await sound(pair)
    ids = await pair.ask(4)
    await pair.answered(ids)
    await pair.blocks(2)
    pair.chain.rpc("anvil_reorg", 3, [])
    await pair.answered(await pair.ask_both())
    for relay in pair.relays:
        assert await relay.figure("relay_reorgs_total") >= 1
