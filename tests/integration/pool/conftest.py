"""One running pool per module; each test leaves it with two replicas serving."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.pool import RealPool, real_pool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealPool]:
    async with real_pool(tmp_path_factory.mktemp("pool")) as made:
        yield made
