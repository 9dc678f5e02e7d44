"""Each test here runs on both databases."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from linkpool.store.database import Database
from tests.support.databases import Cluster, postgres


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.create()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """One with all tables."""
    database = Database(url)
    await database.migrate()
    yield database
    await database.close()
