"""One Docker daemon and one build of the images for all tests of a run.

Where no daemon can run, these tests fail and say why.
"""

from collections.abc import Iterator

import pytest

from tests.support.docker import Daemon, daemon
from tests.support.images import Images, build_all


@pytest.fixture(scope="session")
def docker() -> Iterator[Daemon]:
    with daemon() as running:
        yield running


@pytest.fixture(scope="session")
def images(docker: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Images:
    return build_all(docker.socket, tmp_path_factory.mktemp("images"))
