"""One pool on a real chain: registered, staked, asked, answered, missed, re-organised; the views agree."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from linkpool.chain.endpoints import Endpoints
from linkpool.chain.http import HttpEndpoint
from linkpool.chain.keys import Key
from linkpool.chain.types import parse_logs
from linkpool.contracts import deploy
from linkpool.contracts.abi import Call
from linkpool.contracts.events import decode
from linkpool.contracts.invite import Invite, oracle_address
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import SINGLE_GAS, Answer, Ask, Oracle, OracleRequest, RequestTerms
from linkpool.contracts.pool import Offer, Pool, stake_data
from linkpool.fleet.indexer.blocks import BlockReader
from linkpool.fleet.indexer.check import Checker
from linkpool.fleet.indexer.indexer import Followed, Indexer
from linkpool.store import chain_rows as rows
from linkpool.store.database import Database
from linkpool.units import link
from tests.support.anvil import KEYS, Anvil, anvil
from tests.support.indexing import catch_up, lead
from tests.support.office import office_of

OWNER, MANAGER, SENDER, STAKER, REQUESTER, STRANGER = map(Key, KEYS)
WALLET = "0x00000000000000000000000000000000000A11cE"
JOB = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def chain() -> Any:
    with anvil() as running:
        yield running


@pytest.fixture
async def rpc(chain: Anvil) -> AsyncIterator[Endpoints]:
    async with aiohttp.ClientSession() as session:
        yield Endpoints([HttpEndpoint(URL(chain.http), session, 10.0)], chain_id=31337)


async def send(rpc: Endpoints, key: Key, call: Call[Any], gas: int | None = None) -> list[Any]:
    """One transaction in a block of its own; its events."""
    limit = {} if gas is None else {"gas": hex(gas)}
    sent = await rpc.call("eth_sendTransaction", {"from": key.address, **call.request, **limit})
    while (receipt := await rpc.call("eth_getTransactionReceipt", sent)) is None:
        await asyncio.sleep(0.01)
    assert receipt["status"] == "0x1"
    return [event for event in map(decode, parse_logs(receipt["logs"])) if event is not None]


class Life:
    """A pool with one node, and what happens to it."""

    def __init__(self, rpc: Endpoints, chain: Anvil, made: deploy.Deployment) -> None:
        self.rpc, self.chain = rpc, chain
        self.coin, self.pool = Link(made.link), Pool(made.pool)
        self.node = oracle_address(made.pool, WALLET, made.implementation)
        self.asked = 0

    async def register(self) -> None:
        invite = Invite(WALLET, (SENDER.address,), link(10_000), 2**40, 1)
        signature = invite.sign(31337, self.pool.address, MANAGER.sign_digest)
        await send(self.rpc, STRANGER, self.pool.register(invite, signature))
        await send(self.rpc, MANAGER, self.pool.set_offer(Offer(JOB, link("0.1"), link(1), 10**12, True)))
        for who in (STAKER, REQUESTER):
            await send(self.rpc, STRANGER, self.coin.mint(who.address, link(5_000)))

    async def stake(self, amount: int) -> None:
        data = stake_data(self.node, STAKER.address)
        await send(self.rpc, STAKER, self.coin.transfer_and_call(self.pool.address, amount, data))

    async def ask(self) -> OracleRequest:
        self.asked += 1
        who = REQUESTER.address
        ask = Ask(job=JOB, requester=who, callback_function_id=b"\1\2\3\4", nonce=self.asked, data=b"\xa0")
        events = await send(
            self.rpc, REQUESTER, self.coin.transfer_and_call(self.node, link("0.1"), ask.calldata)
        )
        return next(event for event in events if isinstance(event, OracleRequest))

    async def answer(self, request: OracleRequest) -> None:
        answer = Answer(RequestTerms.of(request), request.request_id + bytes(32))
        await send(self.rpc, SENDER, Oracle(self.node).fulfill(answer), SINGLE_GAS)

    async def miss(self) -> None:
        request = await self.ask()
        self.chain.rpc("evm_increaseTime", 301)
        await send(self.rpc, REQUESTER, Oracle(self.node).cancel(RequestTerms.of(request)))


async def test_a_real_chain_with_a_reorg_ends_as_its_views_say(
    chain: Anvil, rpc: Endpoints, database: Database
) -> None:
    people = (OWNER.address, MANAGER.address, OWNER.address, OWNER.address)
    made = await deploy.plan(rpc, deploy.Settings(31337, *people), OWNER.address)
    await deploy.deploy(rpc, made, OWNER)
    office = office_of(await lead(database), database)
    follower = Indexer(office, BlockReader(rpc, made.pool, made.block))
    careful = Checker(office, rpc, Followed(made.pool, made.view, made.block))
    life = Life(rpc, chain, made)
    await catch_up(follower)
    await life.register()
    await life.stake(link(1_000))
    await catch_up(follower)
    point = chain.rpc("evm_snapshot")
    await life.stake(link(500))
    await life.answer(await life.ask())
    await life.miss()
    await catch_up(follower)
    await careful.step()
    chain.rpc("evm_revert", point)  # a re-org: the last blocks are gone, others follow
    life.asked = 0
    await life.answer(await life.ask())
    await life.answer(await life.ask())
    for _ in range(8):
        chain.mine()
    await life.miss()
    await catch_up(follower)
    await careful.step()
    chain.rpc("anvil_reorg", 3, [])
    chain.mine(4)
    await catch_up(follower)
    await careful.step()
    async with database.read() as session:
        checked, books = await rows.checked(session), await rows.books_now(session)
    assert checked is not None
    assert (checked.checks, checked.differences) == (3, 0)
    assert checked.block == int(await rpc.call("eth_blockNumber"), 16)
    one = books[life.node]
    assert (one.answered, one.earned, one.status) == (2, link("0.2"), 1)
