"""A real pool brings its income home, tells what it cost, pushes a ticket through, ends a stolen sender."""

from datetime import UTC, datetime

import pytest

from linkpool.api import client_growth as growth
from linkpool.api import client_money as money
from linkpool.chain.history import read_head
from linkpool.chain.types import parse_logs, quantity
from linkpool.contracts.oracle import Oracle
from linkpool.contracts.pool import Pool
from linkpool.contracts.pool_events import SenderAdded
from linkpool.dev.pool import stake
from linkpool.units import WHOLE
from linkpool.wire.history import PoolFigures
from linkpool.wire.money import EnginePrices, MoveView, PriceTable
from tests.support.pool import RealPool
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEEK = 7 * 86_400


async def landed(pool: RealPool, purpose: str) -> MoveView | None:
    """The treasury's last transaction of that purpose, once it is in a block."""
    moves = (await money.treasury(pool.control)).moves
    return next((one for one in moves if one.purpose.startswith(purpose) and one.state == "landed"), None)


async def again(pool: RealPool) -> None:
    """Another leader, whose slow loops take their first step at once."""
    await pool.plane.kill()
    pool.control = await pool.plane.start()
    await pool.replicas()


async def test_income_comes_home_for_a_twentieth_of_it_and_the_books_tell_of_it(pool: RealPool) -> None:
    await stake(pool.found, pool.oracle)
    for _ in range(3):
        await pool.ask(100)
        await pool.answered(100)
    earned = (await pool.tally()).answered * WHOLE // 10
    await until(lambda: _indexed(pool, earned), "the indexer has seen it all")
    await money.set_prices(pool.control, PriceTable(engines={"local": EnginePrices(replica_hour="1")}))
    await again(pool)
    move = await until(lambda: landed(pool, "harvest"), "the income is harvested")
    assert 20 * int(move.cost or 0) <= earned * 5 * 10**15 // WHOLE
    held = await pool.link.balance_of(pool.found.deployment.pool).ask(pool.rpc)
    assert held >= earned
    found = await money.economics(pool.control, 1)
    assert int(found.account.fee_juels) == earned // 10
    assert found.account.answered == (await pool.tally()).answered
    assert int(found.account.gas_wei) > 0
    assert found.account.fee is not None
    assert found.covered is None, "a few minutes are not enough data"
    assert [node.node for node in found.nodes] == [pool.oracle]


async def _indexed(pool: RealPool, earned: int) -> bool:
    found = await money.economics(pool.control, 1)
    return int(found.account.fee_juels) == earned // 10


async def test_a_due_ticket_is_pushed_through_for_its_staker(pool: RealPool) -> None:
    staker = pool.found.staker
    book = Pool(pool.found.deployment.pool)
    before = await pool.link.balance_of(staker.address).ask(pool.rpc)
    await staker.send(book.request_unstake(pool.oracle, WHOLE * 5))
    await pool.rpc.call("evm_increaseTime", WEEK + 1)
    await pool.rpc.call("evm_mine")
    now = datetime.fromtimestamp((await read_head(pool.rpc)).timestamp, UTC)

    async def passed() -> bool:
        known = PoolFigures.model_validate(await pool.control.ask("GET", "/public/pool"))
        return known.as_of is not None and known.as_of.time >= now

    await until(passed, "the indexer has seen the week pass")
    await again(pool)
    move = await until(lambda: landed(pool, "ticket:"), "the ticket is pushed through")
    gas = quantity((await pool.rpc.call("eth_getTransactionReceipt", move.hash))["gasUsed"])
    assert gas < 150_000
    assert await pool.link.balance_of(staker.address).ask(pool.rpc) == before + WHOLE * 5


async def test_a_revoked_sender_may_answer_nothing_more_and_the_node_answers_all(pool: RealPool) -> None:
    oracle = Oracle(pool.oracle)
    victim, sibling = await pool.replicas()
    assert victim.sender
    operation = await growth.revoke(pool.control, pool.oracle, victim.sender)
    pasted = await growth.revoke(pool.control, pool.oracle.lower(), victim.sender.lower())
    assert pasted.id == operation.id, "twice is once, and in any case"
    await pool.ask(10)
    await growth.until_over(pool.control, operation, 120)
    assert not await oracle.is_authorized_sender(victim.sender).ask(pool.rpc)
    after = await pool.replicas(victim)
    assert sibling.task in {replica.task for replica in after}
    assert victim.sender not in {replica.sender for replica in after}

    async def in_its_place() -> bool:
        topics = [f"0x{SenderAdded.topic().hex()}"]
        where = {"address": pool.found.deployment.pool, "fromBlock": "0x0", "topics": topics}
        added = [SenderAdded.decode(log) for log in parse_logs(await pool.rpc.call("eth_getLogs", where))]
        return [one.node for one in added] == [pool.oracle]

    await until(in_its_place, "a fresh sender is authorized in its place")
    await pool.ask(10)
    assert (await pool.settled()).open == 0
    shown = {one.address: one for one in (await money.treasury(pool.control)).accounts}
    assert (shown[victim.sender].revoked, shown[victim.sender].held) == (True, False)
    told = (await pool.control.ask("GET", "/audit?limit=50"))["entries"]
    asked = [entry["path"].lower() for entry in told]
    assert sum(path.endswith(f"/senders/{victim.sender.lower()}/revoke") for path in asked) == 2
