"""The disk fills up under a running pool: answers go on, and when there is room again all is as before."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.pool import RealPool, real_pool, traffic
from tests.support.small_disk import fill, small_disk

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealPool]:
    with small_disk(tmp_path_factory.mktemp("full") / "disk", 32) as disk:
        async with real_pool(disk) as made:
            yield made


async def test_a_full_disk_stops_no_answer_and_ends_no_process(pool: RealPool) -> None:
    before = await pool.replicas()
    async with traffic(pool):
        await pool.answered(2)
        filled = fill(pool.folder.root)
        await pool.answered(10)
        assert pool.processes() == {replica.pid for replica in before}
        filled.unlink()
        assert pool.plane.process is not None
        assert pool.plane.process.returncode is None, "the control plane outlives it"
        await pool.replicas()
        os.kill(before[0].pid or 0, signal.SIGKILL)
        await pool.replicas(before[0])
    await pool.settled()
