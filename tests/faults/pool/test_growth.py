"""The control plane is killed while it makes a node by itself, and while one goes: each happens once."""

import pytest

from linkpool.api import client_growth as growth
from linkpool.contracts.pool import Pool, Status
from linkpool.units import WHOLE, link
from linkpool.wire.scaling import PutPolicy, ScalingPolicy
from tests.support.pool import RealPool, traffic
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TWO = ScalingPolicy(
    floor=2, ceiling=2, stake_room=str(link(1)), budget_per_day=str(10 * WHOLE), window_seconds=4
)


async def killed_and_back(pool: RealPool) -> None:
    await pool.plane.kill()
    pool.control = await pool.plane.start()


async def test_killed_while_it_grows_and_while_a_node_goes(pool: RealPool) -> None:
    async with traffic(pool):
        await growth.put_policy(pool.control, PutPolicy(policy=TWO))

        async def on_the_way() -> bool:
            return len(await pool.control.nodes()) == 2

        await until(on_the_way, "a second node is on its way")
        await killed_and_back(pool)

        async def both_serve() -> bool:
            return [node.state for node in await pool.control.nodes()] == ["serving", "serving"]

        await until(both_serve, "both nodes serve")
        await growth.put_policy(pool.control, PutPolicy(policy=None))
        decided = (await growth.decisions(pool.control)).decisions
        assert [one.count for one in decided if one.action == "up"] == [1]

        gone = (await pool.control.nodes())[1].id or ""
        operation = await growth.retire(pool.control, gone)
        await killed_and_back(pool)
        await growth.until_over(pool.control, operation, 180)
        assert (await Pool(pool.found.deployment.pool).node(gone).ask(pool.rpc)).status is Status.RETIRED

        async def only_the_first_runs() -> bool:
            return len(pool.processes()) == 2

        await until(only_the_first_runs, "nothing of the retired node runs")
    tally = await pool.settled()
    assert tally.answered
