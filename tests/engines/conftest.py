"""One Docker daemon for all tests of a run. Where none can run, these tests fail and say why."""

from collections.abc import Iterator

import pytest

from tests.support.docker import Daemon, daemon


@pytest.fixture(scope="session")
def docker() -> Iterator[Daemon]:
    with daemon() as running:
        yield running
