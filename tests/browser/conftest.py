"""One running pool and one Chromium for all tests of the pages; each test has its own profile and wallet."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from linkpool.api.pages import PAGE, STATIC
from tests.support.pages import chromium
from tests.support.pool import RealPool, real_pool

expect.set_options(timeout=60_000)  # conditions are waited for; a loaded machine only takes longer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealPool]:
    assert (STATIC / PAGE).exists(), "the pages are not built: run `make dapp`"
    async with real_pool(tmp_path_factory.mktemp("pool")) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched
