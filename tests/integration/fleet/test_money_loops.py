"""Sweeps, harvest, tickets and prices as loops of a leader, on both databases and a chain in memory."""

from decimal import Decimal

import pytest
from eth_abi.abi import encode

from linkpool.engines.protocol import Phase, Task
from linkpool.fleet.alarms import Kind
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.treasury.harvest import WORTH, Harvest
from linkpool.fleet.treasury.look import TRANSFER_GAS
from linkpool.fleet.treasury.rates import DECIMALS, STALE, Rates, Sources
from linkpool.fleet.treasury.sweep import IDLE_SECONDS, Sweep
from linkpool.fleet.treasury.tickets import TICKET_GAS, Tickets
from linkpool.store import chain_rows
from linkpool.store.chain_rows import Registered, Rows
from linkpool.store.chain_state import Block, Books, PoolBooks, Ticket
from linkpool.store.database import Database
from linkpool.store.tables import NodeState
from linkpool.units import WHOLE, Wei
from tests.support.fake_chain import Call, FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults
from tests.support.fake_engine import FakeEngine
from tests.support.office import pass_time
from tests.support.purse import GWEI, KEYS, THIEF, TREASURY, Purse

POOL = "0x00000000000000000000000000000000000000AA"
ORACLES = [f"0x{number:040x}" for number in range(1, 6)]
LINK_PRICE = WHOLE // 200


@pytest.fixture
async def purse(database: Database) -> Purse:
    made = Purse(database)
    await made.lead()
    return made


def sweeping(purse: Purse, tasks: Tasks | None = None) -> Sweep:
    return Sweep(
        purse.office,
        rpc=purse.endpoint,
        keys=KEYS,
        tasks=tasks or Tasks(FakeEngine()),
        treasury=TREASURY.address,
        outbox_of=purse.outbox_of,
    )


@pytest.mark.parametrize("state", [NodeState.RETIRED, NodeState.FAILED])
async def test_coin_of_a_node_at_rest_comes_back_but_for_the_dust(purse: Purse, state: NodeState) -> None:
    index = await purse.node(held=0, state=state)
    living = await purse.node(held=0)
    keys = [purse.sender(index, slot) for slot in (0, 3)]
    other = purse.sender(living, 0)
    for key in (*keys, other):
        purse.chain.fund(key.address, WHOLE)
    before = purse.balance(TREASURY.address)
    purse.chain.mine()
    await sweeping(purse).step()
    await purse.lead()  # whoever leads next sees to it
    sweep = sweeping(purse)
    purse.chain.mine()
    await sweep.settle()
    left = [purse.balance(key.address) for key in keys]
    assert all(0 <= dust < TRANSFER_GAS * 6 * GWEI for dust in left)
    moved = purse.balance(TREASURY.address) - before
    assert moved + sum(left) + 2 * TRANSFER_GAS * 2 * GWEI == 2 * WHOLE
    assert purse.balance(other.address) == WHOLE, "it was left alone an hour ago"
    await sweep.step()
    assert purse.chain.mempool == {}, "dust is not worth a transaction"
    assert (await purse.events()).count("swept") == 2


async def test_a_slot_nobody_held_for_a_day_is_swept_and_its_sender_is_not_frozen_for_it(
    purse: Purse,
) -> None:
    index = await purse.node(held=1)
    for _ in range(3):
        await purse.look()
    key = purse.sender(index, 0)
    purse.held.clear()
    sweep = sweeping(purse)
    await sweep.step()
    assert purse.balance(key.address) == WHOLE
    pass_time(purse.term, purse.clock, IDLE_SECONDS + 1)
    await sweep.step()
    purse.chain.mine()
    await sweep.settle()
    for _ in range(3):
        assert await purse.look() == []
    assert purse.balance(key.address) < WHOLE // 1_000
    assert purse.balance(THIEF) == 0


async def test_a_slot_that_was_held_until_now_keeps_its_coin_for_a_day(purse: Purse) -> None:
    index = await purse.node(held=1)
    key, engine, task = purse.sender(index, 0), FakeEngine(), f"n{index}.0"
    engine.running[task] = Task(task, "n", Phase.RUNNING, "r", 0.0)
    tasks = Tasks(engine)
    await tasks.refresh()
    sweep = sweeping(purse, tasks)
    purse.chain.fund(key.address, WHOLE)
    purse.chain.mine()
    pass_time(purse.term, purse.clock, 7 * IDLE_SECONDS)
    await sweep.step()  # it holds its slot still, a week after it got it
    engine.running.clear()
    await tasks.refresh()
    pass_time(purse.term, purse.clock, IDLE_SECONDS - 1)
    await sweep.step()
    assert purse.chain.mempool == {}
    pass_time(purse.term, purse.clock, 2)
    await sweep.step()
    assert [tx.sender for tx in purse.chain.mempool.values()] == [key.address]


async def books_of(database: Database, income: dict[str, int], fees: int, tickets: list[Ticket]) -> None:
    """What an indexer would have written."""
    async with database.write() as session:
        rows = Rows(
            blocks=[Block(1, "0x" + "11" * 32, 1_700_000_000)],
            nodes=[Registered(node, node, number, 1, 1) for number, node in enumerate(income)],
            books=[
                {"node": node, "block": 1, "time": 1}
                | chain_rows.columns(Books(1, 1, 1_000, 1, earned=juels))
                for node, juels in income.items()
            ],
            pool=[{"block": 1, "time": 1} | chain_rows.columns(PoolBooks(fees=fees))],
            tickets=tickets,
        )
        await chain_rows.append(session, rows)


async def test_income_is_brought_home_when_it_is_worth_it_and_its_cap_keeps_it_so(purse: Purse) -> None:
    calls: list[bytes] = []
    purse.chain.contracts[POOL] = lambda call: calls.append(call.data) or b""  # type: ignore[func-returns-value]  # both
    rich, poor = WHOLE * 10, WHOLE // 1_000
    await books_of(purse.database, {ORACLES[0]: rich, ORACLES[1]: poor}, poor, [])
    harvest = Harvest(
        purse.office, rpc=purse.endpoint, outbox=purse.outbox, pool=POOL, link_price=lambda: LINK_PRICE
    )
    await harvest.step()
    (tx,) = purse.chain.mempool.values()
    assert bytes.fromhex(ORACLES[0][2:]) in tx.data
    assert bytes.fromhex(ORACLES[1][2:]) not in tx.data
    assert WORTH * tx.gas * tx.max_fee <= rich * LINK_PRICE // WHOLE
    purse.chain.base_fee = 10_000 * GWEI
    purse.chain.mine()
    for _ in range(20):  # however long it waits, it never offers more than its cap
        pass_time(purse.term, purse.clock, 30)
        await purse.outbox.step()
        purse.chain.mine()
    assert all(
        WORTH * tx.gas * tx.max_fee <= rich * LINK_PRICE // WHOLE for tx in purse.chain.mempool.values()
    )


async def test_without_a_price_nothing_is_harvested(purse: Purse) -> None:
    await books_of(purse.database, {ORACLES[0]: 10**24}, 0, [])
    harvest = Harvest(
        purse.office, rpc=purse.endpoint, outbox=purse.outbox, pool=POOL, link_price=lambda: None
    )
    await harvest.step()
    assert purse.chain.mempool == {}


async def test_due_tickets_are_pushed_through_within_the_days_budget(purse: Purse) -> None:
    purse.chain.contracts[POOL] = lambda _call: b""
    ready = 1_600_000_000
    tickets = [Ticket(n, ORACLES[0], ORACLES[0], 1, 1, 1, 1, ready + n) for n in range(6)]
    tickets.append(Ticket(99, ORACLES[0], ORACLES[0], 1, 1, 1, 1, 1_900_000_000))
    await books_of(purse.database, {ORACLES[0]: 0}, 0, tickets)
    most = 2 * GWEI + 3 * GWEI
    budget = Wei(4 * TICKET_GAS * most)
    loop = Tickets(purse.office, rpc=purse.endpoint, outbox=purse.outbox, pool=POOL, budget=budget)
    await loop.step()
    await loop.step()
    assert len(purse.chain.mempool) == 4
    purse.chain.mine()
    await purse.outbox.step()
    spent = 1_000 * WHOLE - purse.balance(TREASURY.address)
    assert 0 < spent <= budget
    await loop.step()  # what they really cost leaves room for others
    assert {tx.nonce for tx in purse.chain.mempool.values()} == {4, 5}


class Feed:
    """A price feed that says `answer` with 8 digits, as of `at`."""

    def __init__(self, answer: int, at: int) -> None:
        self.answer, self.at = answer, at

    def __call__(self, call: Call) -> bytes:
        if call.data.hex() == DECIMALS[2:]:
            return encode(["uint8"], [8])
        kinds = ["uint80", "int256", "uint256", "uint256", "uint80"]
        return encode(kinds, [1, self.answer, self.at, self.at, 1])


async def test_a_feed_counts_while_it_is_fresh_and_the_setting_after_that(database: Database) -> None:
    chain = FakeChain()
    purse = Purse(database, chain=chain)
    await purse.lead()
    feed = Feed(5 * 10**5, chain.head.timestamp)
    chain.contracts[POOL] = feed
    heard: list[str | None] = []
    rates = Rates(
        FakeEndpoint(chain, faults=Faults(latency=0)),
        Sources(link=7, link_feed=POOL, coin=Decimal(3)),
        purse.office.alarms,
        heard.append,
    )
    assert rates.link_price == 7
    await rates.step()
    assert rates.link_price == 5 * 10**15
    chain.mine(timestamp=feed.at + STALE + 1)
    await rates.step()
    assert rates.link_price == 7
    assert Kind.PRICE_FEED_STALE in await purse.alarms()
    feed.at, feed.answer = chain.head.timestamp, -1
    await rates.step()
    assert rates.link_price == 7, "a price is never negative"
    del chain.contracts[POOL]
    await rates.step()
    assert rates.link_price == 7
    assert rates.coin is not None
    assert rates.coin.value == 3
    assert heard == [str(5 * 10**15), "7", "7", "7"]
