"""What holds for every test: its marker is its folder, its dice are its own, a unit test opens no socket."""

import gc
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support import examples

examples.load()

_MARKERS = ("unit", "contracts", "integration", "engines", "faults", "browser")
_HERE = Path(__file__).parent


class SocketInUnitTest(AssertionError):
    """A test under tests/unit reached for the network."""


def pytest_report_header() -> str:
    return f"examples: new ones, {examples.FACTOR} times as many" if examples.FRESH else "examples: fixed"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(_HERE).parts[0]
        if folder in _MARKERS:
            item.add_marker(folder)


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what is there from the start need not be looked at after each test


@pytest.fixture(autouse=True)
def _own_dice(request: pytest.FixtureRequest) -> None:
    """Pauses that code draws fall in a test as they fell there before, whichever tests ran between."""
    random.seed(request.node.nodeid)


@pytest.fixture(autouse=True)
def _nothing_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """A socket or loop that a test leaves open fails that test, not the one in which it is collected."""
    yield
    if request.node.get_closest_marker("unit") is None:
        gc.collect()


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """What a test does to the logs of its process ends with it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests may make local socket pairs (asyncio does), and no other socket."""
    if request.node.get_closest_marker("unit") is None:
        return
    make = socket.socket.__init__

    def guarded(self: socket.socket, family: int = -1, *args: Any, **kwargs: Any) -> None:
        fileno = kwargs.get("fileno", args[2] if len(args) > 2 else None)
        if fileno is None and family != socket.AF_UNIX:
            raise SocketInUnitTest(f"{request.node.nodeid} opened a socket: unit tests have no network")
        make(self, family, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "__init__", guarded)
