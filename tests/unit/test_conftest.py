"""The rules that tests/conftest.py lays on all tests."""

import asyncio
import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SocketInUnitTest
from tests.support import examples, virtual_time


def test_a_unit_test_cannot_open_a_socket() -> None:
    with pytest.raises(SocketInUnitTest, match="no network"):
        socket.create_connection(("127.0.0.1", 9))
    with pytest.raises(SocketInUnitTest):
        socket.socket()


def test_the_marker_is_the_folder(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("unit") is not None


def test_hours_pass_at_once() -> None:
    async def nap() -> float:
        start = asyncio.get_running_loop().time()
        await asyncio.sleep(7200)
        return asyncio.get_running_loop().time() - start

    assert virtual_time.run(nap()) == pytest.approx(7200)


def test_waiting_for_nothing_is_a_deadlock_within_the_limit() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        virtual_time.run(wait(), limit=60)


def drawn() -> list[object]:
    """What a property is tried with."""
    seen: list[object] = []

    @given(st.integers() | st.text())
    def see(value: object) -> None:
        seen.append(value)

    see()
    return seen


@pytest.mark.skipif(examples.FRESH, reason="fresh examples were asked for")
def test_examples_are_the_same_whatever_other_files_were_loaded_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = drawn()
    source = tmp_path / "loaded.py"
    source.write_text(f"CONSTANTS = {[*range(1_000_000, 1_000_400)]}\n")
    other = ModuleType("loaded")
    other.__file__ = str(source)
    monkeypatch.setitem(sys.modules, other.__name__, other)
    assert drawn() == before
