"""A pool from nothing to a paid answer on a real dev chain, through the typed calls alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from linkpool.chain.http import HttpEndpoint
from linkpool.chain.keys import Key
from linkpool.chain.types import parse_logs
from linkpool.contracts import deploy, oracle, pool_events
from linkpool.contracts.abi import Call
from linkpool.contracts.events import decode
from linkpool.contracts.invite import Invite, oracle_address
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import Answer, Ask, Oracle, RequestTerms
from linkpool.contracts.pool import Offer, Pool, Status, stake_data
from linkpool.contracts.view import View
from linkpool.units import link
from tests.support.anvil import KEYS, STILL_BASE_FEE, Anvil, anvil

OWNER, MANAGER, SENDER, STAKER, REQUESTER, STRANGER = map(Key, KEYS)
WALLET = "0x00000000000000000000000000000000000A11cE"
JOB = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture
async def rpc(chain: Anvil) -> AsyncIterator[HttpEndpoint]:
    async with aiohttp.ClientSession() as session:
        yield HttpEndpoint(URL(chain.http), session, 10.0)


async def send(rpc: HttpEndpoint, key: Key, call: Call[Any], gas: int | None = None) -> list[Any]:
    """One transaction from an unlocked account; the events of its receipt."""
    limit = {} if gas is None else {"gas": hex(gas)}
    sent = await rpc.call("eth_sendTransaction", {"from": key.address, **call.request, **limit})
    while (receipt := await rpc.call("eth_getTransactionReceipt", sent)) is None:
        await asyncio.sleep(0.01)
    assert receipt["status"] == "0x1"
    return [event for event in map(decode, parse_logs(receipt["logs"])) if event is not None]


def settings(**changes: Any) -> deploy.Settings:
    account = OWNER.address
    values: dict[str, Any] = {
        "chain_id": 31337,
        "owner": account,
        "manager": MANAGER.address,
        "guardian": account,
        "fee_account": account,
    }
    return deploy.Settings(**{**values, **changes})


async def test_from_nothing_to_a_paid_answer(rpc: HttpEndpoint) -> None:
    made = await deploy.plan(rpc, settings(), OWNER.address)
    await deploy.deploy(rpc, made, OWNER)
    coin, pool, view = Link(made.link), Pool(made.pool), View(made.view)

    invite = Invite(WALLET, (SENDER.address,), link(1000), 2**40, 7)
    signature = invite.sign(31337, made.pool, MANAGER.sign_digest)
    (registered,) = await send(rpc, STRANGER, pool.register(invite, signature))
    node = oracle_address(made.pool, WALLET, made.implementation)
    assert isinstance(registered, pool_events.NodeRegistered)
    assert registered.node == node
    assert registered.senders == (SENDER.address,)
    assert await pool.register(invite, b"").ask(rpc) == node, "registered already is success"

    await send(rpc, STRANGER, coin.mint(STAKER.address, link(500)))
    await send(rpc, STRANGER, coin.mint(REQUESTER.address, link(5)))
    staking = coin.transfer_and_call(made.pool, link(500), stake_data(node, STAKER.address))
    assert pool_events.Staked in map(type, await send(rpc, STAKER, staking))

    await send(rpc, MANAGER, pool.set_offer(Offer(JOB, link("0.1"), link(1), 10**12, True)))
    ask = Ask(job=JOB, requester=REQUESTER.address, callback_function_id=b"\1\2\3\4", nonce=1, data=b"\xa0")
    events = await send(rpc, REQUESTER, coin.transfer_and_call(node, link("0.1"), ask.calldata))
    request = next(event for event in events if isinstance(event, oracle.OracleRequest))
    covered = next(event for event in events if isinstance(event, oracle.Covered))
    assert (request.request_id, request.data, request.job) == (ask.request_id, b"\xa0", JOB)
    assert (covered.request_id, covered.penalty) == (ask.request_id, link(1))

    answer = Answer(RequestTerms.of(request), ask.request_id + bytes(32))
    assert await Oracle(node).reserves().ask(rpc) == link(1)
    (response,) = await send(rpc, SENDER, Oracle(node).fulfill(answer), oracle.SINGLE_GAS)
    assert isinstance(response, oracle.OracleResponse)

    (synced,) = await send(rpc, STRANGER, pool.sync(node))
    assert (synced.fee, synced.net) == (link("0.01"), link("0.09"))
    (claimed,) = [e for e in await send(rpc, STAKER, pool.claim([node])) if type(e) is pool_events.Claimed]
    assert link("0.09") - claimed.amount <= 1, "a juel of dust at most"
    assert await coin.balance_of(STAKER.address).ask(rpc) == claimed.amount

    state = await deploy.show(rpc, made)
    assert state.summary.owner == OWNER.address
    assert state.summary.fees == link("0.01")
    (row,) = state.nodes
    assert (row.node, row.status, row.active, row.accepting) == (node, Status.ACTIVE, link(500), True)
    assert row.room == link(5)
    account = await view.account(made.pool, STAKER.address).ask(rpc)
    assert [(h.node, h.value, h.claimable) for h in account.holdings] == [(node, link(500), 0)]
    assert await view.offers(made.pool, [JOB]).ask(rpc) == (await pool.offer(JOB).ask(rpc),)


async def made_pool(rpc: HttpEndpoint) -> tuple[Link, Pool, str]:
    """A pool of its own with one staked node."""
    made = await deploy.plan(rpc, settings(), OWNER.address)
    await deploy.deploy(rpc, made, OWNER)
    coin, pool = Link(made.link), Pool(made.pool)
    invite = Invite(WALLET, (SENDER.address,), link(10_000), 2**40, 1)
    signature = invite.sign(31337, made.pool, MANAGER.sign_digest)
    await send(rpc, STRANGER, pool.register(invite, signature))
    node = oracle_address(made.pool, WALLET, made.implementation)
    await send(rpc, STRANGER, coin.mint(STAKER.address, link(10_000)))
    await send(rpc, STRANGER, coin.mint(REQUESTER.address, link(100)))
    data = stake_data(node, STAKER.address)
    await send(rpc, STAKER, coin.transfer_and_call(made.pool, link(10_000), data))
    return coin, pool, node


async def request(rpc: HttpEndpoint, coin: Link, node: str, nonce: int) -> list[Any]:
    """A request and, when it is covered, its cover."""
    ask = Ask(job=JOB, requester=REQUESTER.address, callback_function_id=b"\1\2\3\4", nonce=nonce)
    return await send(rpc, REQUESTER, coin.transfer_and_call(node, link("0.1"), ask.calldata))


@pytest.mark.parametrize(("ceiling", "covered"), [(STILL_BASE_FEE, True), (STILL_BASE_FEE - 1, False)])
async def test_no_cover_above_the_base_fee_ceiling(rpc: HttpEndpoint, ceiling: int, covered: bool) -> None:
    coin, pool, node = await made_pool(rpc)
    await send(rpc, MANAGER, pool.set_offer(Offer(JOB, link("0.1"), link(1), ceiling, True)))
    events = await request(rpc, coin, node, 1)
    assert (oracle.Covered in map(type, events)) == covered


@pytest.fixture
def own_chain() -> Iterator[Anvil]:
    """For a test that leaves its chain in disorder."""
    with anvil() as running:
        yield running


@pytest.mark.parametrize("late", [False, True])
async def test_a_cold_batch_keeps_its_gas_promise(own_chain: Anvil, late: bool) -> None:
    """At the formula's limit, all slots cold, callbacks that eat all they get; in time, or all late."""
    async with aiohttp.ClientSession() as session:
        rpc = HttpEndpoint(URL(own_chain.http), session, 10.0)
        answered, penalties = await cold_batch(rpc, own_chain, late)
    assert answered >= 7 if late else answered == 8
    assert penalties == (answered if late else 0)


async def cold_batch(rpc: HttpEndpoint, chain: Anvil, late: bool) -> tuple[int, int]:
    """How many of a batch of eight were answered, and how many paid a penalty."""
    coin, pool, node = await made_pool(rpc)
    await send(rpc, MANAGER, pool.set_offer(Offer(JOB, link("0.1"), link(1), 10**12, True)))
    made = [(await request(rpc, coin, node, nonce))[0] for nonce in range(8)]
    answers = [Answer(RequestTerms.of(item), item.request_id + bytes(32)) for item in made]
    chain.rpc("anvil_setCode", REQUESTER.address, "0x5b5f56")
    if late:
        chain.rpc("evm_increaseTime", 400)
    call = Oracle(node).fulfill_many(answers)
    events = await send(rpc, SENDER, call, oracle.batch_gas(len(answers)))
    answered = sum(isinstance(event, oracle.OracleResponse) for event in events)
    penalties = sum(isinstance(event, pool_events.Penalized) for event in events)
    return answered, penalties


async def test_a_batch_with_any_gas_calls_back_with_400000_or_not_at_all(
    rpc: HttpEndpoint, chain: Anvil
) -> None:
    """A callback that writes down its gas; a late, covered answer; every gas limit; all slots cold."""
    coin, pool, node = await made_pool(rpc)
    await send(rpc, MANAGER, pool.set_offer(Offer(JOB, link("0.1"), link(1), 10**12, True)))
    (made, *_) = await request(rpc, coin, node, 1)
    writes_gas = "0x5a5f5500"
    chain.rpc("evm_increaseTime", 400)
    call = Oracle(node).fulfill_many([Answer(RequestTerms.of(made), made.request_id + bytes(32))])
    chain.rpc("anvil_setCode", REQUESTER.address, writes_gas)
    seen = set()
    for gas in range(450_000, 700_000, 5_003):
        snapshot = chain.rpc("evm_snapshot")
        events = await send(rpc, SENDER, call, gas)
        answered = any(isinstance(event, oracle.OracleResponse) for event in events)
        got = int(await rpc.call("eth_getStorageAt", REQUESTER.address, "0x0", "latest"), 16)
        assert (399_900 < got <= 400_000) if answered else got == 0
        seen.add(answered)
        chain.rpc("evm_revert", snapshot)
    assert seen == {False, True}
