"""A real pool grows when stake room runs out, tells who waits, stops at its guard, and shrinks again."""

import time
from typing import Any

import pytest

from linkpool.api import client_growth as growth
from linkpool.api.client import Client
from linkpool.contracts.pool import Pool, Status
from linkpool.dev.account import Account
from linkpool.dev.pool import stake
from linkpool.fleet.waiting.statement import Domain
from linkpool.units import WHOLE, link
from linkpool.wire.api import NodeView
from linkpool.wire.guard import ContractSource, GuardSettings, NumberSource, PutGuard, PutOverride
from linkpool.wire.scaling import PutPolicy, ScalingPolicy
from linkpool.wire.waiting import Statement
from tests.support.pool import RealPool
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

RULES = ScalingPolicy(
    floor=1,
    ceiling=3,
    stake_room=str(link(40_000)),
    budget_per_day=str(10 * WHOLE),
    window_seconds=4,
    rest_up_seconds=0,
    rest_down_seconds=0,
    slack=str(link(10_000)),
    per_hour=3,
    per_day=3,
)


SILENT = ContractSource(kind="contract", address="0x" + "11" * 20, function="nodeCount()")
"""Nobody there: a source that never says anything."""


def books(pool: RealPool) -> Pool:
    return Pool(pool.found.deployment.pool)


async def nodes_serve(pool: RealPool, count: int) -> list[NodeView]:
    async def serve() -> list[NodeView] | None:
        nodes = [node for node in await pool.control.nodes() if node.state == "serving"]
        return nodes if len(nodes) == count else None

    return await until(serve, f"{count} nodes serve")


async def at_least(pool: RealPool, count: int) -> list[NodeView]:
    """So many nodes, made where no earlier test has made them."""
    serving = [node for node in await pool.control.nodes() if node.state == "serving"]
    for _ in range(count - len(serving)):
        await growth.until_made(pool.control, await pool.control.make_node(), 120)
    return await nodes_serve(pool, count)


async def statement(pool: RealPool, wallet: Account, amount: int, nonce: int) -> dict[str, Any]:
    """What a wallet says, signed."""
    said = Statement(
        wallet=wallet.address,
        amount=str(amount),
        deadline=int(time.time()) + 3_600,
        nonce=str(nonce),
        signature="0x00",
    )
    digest = Domain(31337, pool.found.deployment.pool).digest(said)
    signature = "0x" + wallet.key.sign_digest(digest).hex()
    return said.model_copy(update={"signature": signature}).model_dump()


async def test_stake_room_runs_out_and_a_node_appears_and_is_staked_on(pool: RealPool) -> None:
    before = await growth.scaling(pool.control)
    assert (before.on, before.action) == (False, "hold")
    await growth.put_policy(pool.control, PutPolicy(policy=RULES))
    wallet = Account(pool.rpc, 31337)
    await wallet.fund()
    await pool.found.staker.send(pool.link.transfer(wallet.address, link(60_000)))
    await stake(pool.found, pool.oracle, link(89_000))  # 10,000 LINK are left
    anybody = Client(pool.http, pool.control.url, None)
    entry = await anybody.ask("POST", "/public/waiting", await statement(pool, wallet, link(80_000), 1))
    assert (entry["counted"], entry["state"]) == (str(link(60_000)), "waiting")

    first, second = await nodes_serve(pool, 2)
    assert first.id == pool.oracle
    assert second.id is not None
    await stake(pool.found, second.id, link(1_000))
    assert (await books(pool).node(second.id).ask(pool.rpc)).active > 0

    async def told() -> bool:
        return (await anybody.ask("GET", f"/public/waiting/{wallet.address}"))["state"] == "room"

    await until(told, "the waiting wallet is told that there is room")
    decided = (await growth.decisions(pool.control)).decisions
    ups = [one for one in decided if one.action == "up"]
    assert [(one.count, one.state) for one in ups] == [(1, "done")]
    assert [operation.node for operation in ups[0].operations] == [second.id]


async def test_the_guard_holds_what_the_policy_wants_until_a_person_says_otherwise(pool: RealPool) -> None:
    await at_least(pool, 2)
    source = NumberSource(kind="number", nodes=2)
    await growth.put_guard(pool.control, PutGuard(guard=GuardSettings(source=source, upper=0.5, lower=0.4)))
    await growth.put_policy(pool.control, PutPolicy(policy=RULES.model_copy(update={"floor": 3})))

    async def held() -> bool:
        now, guard = await growth.scaling(pool.control), await growth.guard(pool.control)
        return guard.share == 1 and any("guard" in reason for reason in now.reasons)

    await until(held, "the guard holds the third node")
    await growth.put_guard(pool.control, PutGuard(guard=GuardSettings(source=SILENT, upper=0.9, lower=0.8)))

    async def unknown() -> bool:
        guard = await growth.guard(pool.control)
        return guard.state == "blocked" and "nodeCount" in guard.why

    await until(unknown, "a source that says nothing blocks, whatever the marks")
    public = await pool.control.ask("GET", "/public/pool")
    assert public["guard"]["state"] == "blocked"
    assert len(await pool.control.nodes()) == 2
    await growth.override(pool.control, PutOverride(reason="a test says so", expires_in_seconds=600))
    await nodes_serve(pool, 3)
    overridden = await growth.guard(pool.control)
    assert overridden.state == "overridden"
    assert overridden.override
    assert overridden.override.reason == "a test says so"
    told = (await pool.control.ask("GET", "/audit?limit=100"))["entries"]
    assert [one["status"] for one in told if one["path"].endswith("/guard/override")] == [200]
    await growth.put_guard(pool.control, PutGuard(guard=None))


async def test_a_node_goes_when_nobody_needs_it_and_one_with_stake_when_a_person_says_so(
    pool: RealPool,
) -> None:
    first, second, third = await at_least(pool, 3)
    assert first.id
    assert second.id
    assert third.id
    if not (await books(pool).node(second.id).ask(pool.rpc)).active:
        await stake(pool.found, second.id, link(1_000))
    nobody_waits = RULES.model_copy(update={"stake_room": str(link(1))})
    await growth.put_policy(pool.control, PutPolicy(policy=nobody_waits))

    async def retired() -> bool:
        return (await pool.control.node(third.id or "")).state == "retired"

    await until(retired, "the empty node is retired by the policy")
    await growth.put_policy(pool.control, PutPolicy(policy=None))

    operation = await growth.retire(pool.control, second.id, key="go")
    assert (await growth.retire(pool.control, second.id, key="go")).id == operation.id
    assert (await growth.retire(pool.control, second.id)).id == operation.id
    await growth.until_over(pool.control, operation, 120)
    assert (await books(pool).node(second.id).ask(pool.rpc)).status is Status.RETIRED
    await pool.found.staker.send(books(pool).move(second.id, first.id, link(1_000)))

    async def still() -> bool:
        nodes = {node.id: node for node in await pool.control.nodes()}
        return not nodes[second.id].replicas and not nodes[third.id].replicas and len(pool.processes()) == 2

    await until(still, "nothing of the retired nodes runs")
    await pool.replicas()


async def test_a_pool_that_is_full_ends_the_call_with_the_reason(pool: RealPool) -> None:
    await pool.owner.send(books(pool).set_limits(1, link(100_000)))
    made = await pool.control.make_node()
    with pytest.raises(growth.OperationFailed, match="the pool is full: 1 of 1 nodes"):
        await growth.until_made(pool.control, made, 120)
    assert (await pool.control.node(made.node.id or "")).state == "failed"
    await pool.owner.send(books(pool).set_limits(10, link(100_000)))
    again = await pool.control.make_node()
    assert again.node.index == made.node.index + 1
    await growth.until_made(pool.control, again, 120)
