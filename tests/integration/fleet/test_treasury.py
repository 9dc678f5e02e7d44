"""Gas money under daily limits, whoever leads; senders that lose it to others; offers closed in time."""

import random

import pytest

from linkpool.fleet.alarms import Kind
from linkpool.fleet.treasury.terms import Limits, Marks, Terms
from linkpool.fleet.treasury.treasury import Unfunded
from linkpool.store import accounts, ledger
from linkpool.store.database import Database
from linkpool.units import WHOLE, Wei
from tests.support.purse import GWEI, MANAGER, MARKS, THIEF, TREASURY, Purse, most_in_a_day

HOUR = 3_600


@pytest.fixture
async def purse(database: Database) -> Purse:
    made = Purse(database)
    await made.lead()
    return made


async def test_senders_are_filled_to_the_high_mark_and_then_left_alone(purse: Purse) -> None:
    index = await purse.node()
    senders = [purse.sender(index, slot).address for slot in range(3)]
    for _ in range(4):
        await purse.look()
    assert [purse.balance(each) for each in senders] == [WHOLE, WHOLE, 0]
    assert len(await purse.sent()) == 2
    assert purse.treasury.hold is None
    assert await purse.alarms() == {}


@pytest.mark.parametrize("seed", range(2))
async def test_a_stolen_sender_costs_at_most_its_daily_limit_whoever_leads(purse: Purse, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a history, repeatable
    index = await purse.node()
    stolen, kept = purse.sender(index, 0), purse.sender(index, 1)
    for _ in range(60):
        if dice.random() < 0.8:
            purse.rob(stolen)
        if dice.random() < 0.2:
            await purse.lead()
        if dice.random() < 0.2:  # somebody who should not unfreezes it again and again
            async with purse.database.write() as session:
                await accounts.unfreeze(session, stolen.address)
        purse.clock.wall += dice.choice([0.0, -1e8, 1e8]) * (dice.random() < 0.1)
        await purse.look(dice.choice([12, 300, HOUR]))
    assert most_in_a_day(await purse.sent(stolen.address)) <= purse.terms.limits.sender
    assert purse.balance(THIEF) > 0
    assert purse.balance(kept.address) == WHOLE


async def test_limits_of_node_and_pool_hold_across_leaders(database: Database) -> None:
    limits = Limits(Wei(3 * WHOLE), Wei(4 * WHOLE), Wei(7 * WHOLE))
    purse = Purse(database, Terms(MARKS, limits, Wei(0)))
    await purse.lead()
    first = [await purse.node() for _ in range(2)]
    for step in range(30):
        for index in first:
            for slot in (0, 1):
                purse.rob(purse.sender(index, slot))
        if step % 4 == 0:
            await purse.lead()
        async with database.write() as session:
            for each in purse.held:
                await accounts.unfreeze(session, each)
        await purse.look()
    for index in first:
        of_node = [one for slot in range(6) for one in await purse.sent(purse.sender(index, slot).address)]
        assert most_in_a_day(of_node) <= limits.node
    assert most_in_a_day(await purse.sent()) <= limits.pool
    assert {Kind.GAS_LIMIT, Kind.OFFERS_HELD} <= (await purse.alarms()).keys()


async def test_a_limit_is_over_a_day_later_by_the_chains_time(database: Database) -> None:
    purse = Purse(database, Terms(MARKS, Limits(Wei(WHOLE), Wei(9 * WHOLE), Wei(99 * WHOLE)), Wei(0)))
    await purse.lead()
    index = await purse.node(held=1)
    for _ in range(3):
        await purse.look()
    purse.spend(purse.sender(index, 0), gas=21_000, price=int(0.95 * WHOLE) // 21_000)  # dear, and ours
    await purse.look()
    assert Kind.GAS_LIMIT in await purse.alarms()
    purse.clock.wall += 10 * 86_400
    await purse.look()
    assert Kind.GAS_LIMIT in await purse.alarms(), "a wall clock does not count"
    await purse.look(86_400)
    await purse.look()
    assert Kind.GAS_LIMIT not in await purse.alarms()


async def test_a_theft_freezes_the_sender_its_siblings_go_on_and_a_person_unfreezes_it(purse: Purse) -> None:
    index = await purse.node()
    stolen, kept = purse.sender(index, 0), purse.sender(index, 1)
    for _ in range(3):
        await purse.look()
    purse.rob(stolen)
    assert await purse.look() == [stolen.address]
    assert THIEF.lower() in (await purse.alarms())[Kind.SLOT_FROZEN].lower()
    for _ in range(5):
        purse.spend(kept)
        assert await purse.look() == []
    assert len(await purse.sent(stolen.address)) == 1
    with pytest.raises(Unfunded, match="frozen"):
        await purse.treasury.top_up([stolen.address])
    async with purse.database.write() as session:
        assert await accounts.unfreeze(session, stolen.address)
    await purse.look()
    await purse.look()
    assert purse.balance(stolen.address) == WHOLE
    assert Kind.SLOT_FROZEN not in await purse.alarms()
    assert (await purse.events()).count("slot_frozen") == 1


async def test_coin_that_goes_without_a_transaction_freezes_the_sender(purse: Purse) -> None:
    index = await purse.node()
    taken = purse.sender(index, 0).address
    for _ in range(3):
        await purse.look()
    purse.chain.mine()
    purse.chain.state.balances[taken] //= 2  # as code set for an address can (EIP-7702)
    assert await purse.look() == [taken]
    assert "without a transaction" in (await purse.alarms())[Kind.SLOT_FROZEN]


@pytest.mark.parametrize("seed", range(2))
async def test_answers_top_ups_gifts_and_reorgs_freeze_nobody(purse: Purse, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a history, repeatable
    index = await purse.node()
    senders = [purse.sender(index, slot) for slot in range(2)]
    for _ in range(3):
        await purse.look()
    for _ in range(40):
        for key in senders:
            for _ in range(dice.choice([0, 0, 1, 3])):
                purse.spend(key, gas=dice.choice([90_000, 500_000, 14_000_000]))
        if dice.random() < 0.2:
            purse.chain.fund(senders[0].address, GWEI)
        if dice.random() < 0.2:
            await purse.lead()
        if dice.random() < 0.3 and len(purse.chain.blocks) > 6:
            purse.chain.reorg(dice.randint(1, 4), keep=lambda tx: dice.random() < 0.9)
        assert await purse.look(dice.choice([1, 12])) == []


async def test_what_senders_spend_is_booked_for_their_node(purse: Purse) -> None:
    index = await purse.node()
    for _ in range(3):
        await purse.look()
    key = purse.sender(index, 0)
    before = purse.balance(key.address)
    for _ in range(4):
        purse.spend(key)
        await purse.look()
    spent = before - purse.balance(key.address)
    assert spent > 0
    async with purse.database.read() as session:
        rows = [row async for row in ledger.since(session, 0)]
        seen = await accounts.every(session)
    assert sum(int(row.gas) for row in rows if row.node == index) == spent
    assert int(seen[key.address].spent) == spent
    assert int(seen[TREASURY.address].balance) == purse.balance(TREASURY.address)


@pytest.mark.parametrize(("nodes", "coin"), [(1, 2), (5, 4)])
async def test_a_treasury_that_runs_dry_holds_offers_closed_while_all_can_answer(
    database: Database, nodes: int, coin: int
) -> None:
    marks = Marks(Wei(WHOLE // 5), Wei(3 * WHOLE // 5))
    purse = Purse(database, Terms(marks, Limits.of(marks), Wei(0)))
    await purse.lead()
    indices = [await purse.node() for _ in range(nodes)]
    keys = [purse.sender(index, slot) for index in indices for slot in (0, 1)]
    for _ in range(3):
        await purse.look()
    purse.chain.state.balances[TREASURY.address] = coin * WHOLE
    price, step = 3_000 * GWEI, 0
    while purse.treasury.hold is None:
        step += 1
        for number, key in enumerate(keys):
            if (step + number) % 2:  # not all of them at once
                purse.spend(key, gas=21_000, price=price)
        if step % 9 == 8:
            await purse.lead()
        await purse.look()
    assert min(purse.balance(key.address) for key in keys) >= 21_000 * price, (
        "each can still answer when offers close"
    )
    assert purse.balance(TREASURY.address) > 0
    assert {Kind.OFFERS_HELD, Kind.TREASURY_LOW} <= (await purse.alarms()).keys()


async def test_offers_stay_closed_across_leaders_until_there_is_clearly_enough(purse: Purse) -> None:
    await purse.node()
    for _ in range(3):
        await purse.look()
    floor = purse.terms.floor(2)
    purse.chain.state.balances[TREASURY.address] = floor // 2
    await purse.look()
    assert purse.treasury.hold is not None
    purse.chain.state.balances[TREASURY.address] = floor + floor // 2
    await purse.lead()
    await purse.look()
    assert purse.treasury.hold is not None, "it must not flap"
    purse.chain.state.balances[TREASURY.address] = 3 * floor
    await purse.look()
    assert purse.treasury.hold is None
    assert Kind.OFFERS_HELD not in await purse.alarms()


async def test_the_manager_is_filled_before_all_others(purse: Purse) -> None:
    await purse.node()
    purse.chain.state.balances[MANAGER.address] = 0
    purse.chain.state.balances[TREASURY.address] = WHOLE + WHOLE // 10
    await purse.look()
    await purse.look()
    assert purse.balance(MANAGER.address) == WHOLE
    assert len(await purse.sent()) == 1


async def test_when_no_node_can_be_given_gas_offers_are_held_closed(purse: Purse) -> None:
    index = await purse.node()
    for _ in range(3):
        await purse.look()
    for slot in (0, 1):
        purse.rob(purse.sender(index, slot))
    assert len(await purse.look()) == 2
    assert purse.treasury.hold is not None
    assert Kind.NODE_WITHOUT_GAS in await purse.alarms()


async def test_gas_above_the_cap_is_said_and_waits(purse: Purse) -> None:
    index = await purse.node()
    purse.chain.base_fee = 1_000 * GWEI
    purse.chain.mine()
    with pytest.raises(Unfunded, match="gas costs more"):
        await purse.treasury.top_up([purse.sender(index, 0).address])
    assert await purse.sent() == []
