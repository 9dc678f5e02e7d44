"""One node with two replicas per module; each test leaves both serving."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.pair import Pair, standing


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    async with standing(tmp_path_factory.mktemp("pair")) as made:
        yield made
