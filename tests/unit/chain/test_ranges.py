"""Reading a range: every block once, in answers of a bearable size, whatever the endpoint refuses."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.ranges import CHUNK, MANY, Wanted, read_range
from linkpool.chain.rpc import RangeRefused
from tests.support.oracle_logs import ORACLE

pytestmark = pytest.mark.unit

WANTED = Wanted((ORACLE,), ())


class Busy:
    """An endpoint with that many logs in each block, which refuses more than `most` blocks at once."""

    def __init__(self, logs: Callable[[int], int], most: int = CHUNK) -> None:
        self._logs, self._most = logs, most
        self.told: list[int] = []
        """Logs in each answer."""
        self.refusals = 0

    async def call(self, _method: str, *params: Any) -> Any:
        low, high = (int(params[0][key], 16) for key in ("fromBlock", "toBlock"))
        if high - low >= self._most:
            self.refusals += 1
            raise RangeRefused(f"at most {self._most} blocks")
        logs = [_log(block, index) for block in range(low, high + 1) for index in range(self._logs(block))]
        self.told.append(len(logs))
        return logs

    async def batch(self, calls: Any) -> Any:
        return [await self.call(method, *params) for method, params in calls]


def _log(block: int, index: int) -> dict[str, Any]:
    name = f"0x{block:064x}"
    where = {"blockNumber": hex(block), "blockHash": name, "transactionHash": name, "logIndex": hex(index)}
    return {"address": ORACLE, "topics": [], "data": "0x", **where}


def read(busy: Busy, low: int, high: int, **options: Any) -> list[tuple[int, int]]:
    async def main() -> list[tuple[int, int]]:
        return [(piece.low, piece.high) async for piece in read_range(busy, WANTED, low, high, **options)]

    return asyncio.run(main())


@given(st.integers(0, 60), st.integers(0, 90), st.integers(1, 40), st.integers(1, 50), st.integers(0, 700))
def test_every_block_is_read_once_whatever_is_refused_or_known(low, blocks, most, first, logs):
    busy = Busy(lambda block: logs if block % 17 == 0 else 0, most)
    known = dict.fromkeys(range(low, low + blocks, 3), logs)
    pieces = read(busy, low, low + blocks, first=first, known=lambda block: known.get(block, 0))
    assert [block for start, end in pieces for block in range(start, end + 1)] == list(
        range(low, low + blocks + 1)
    )


def test_a_quiet_chain_is_read_in_few_calls():
    busy = Busy(lambda _: 0)
    read(busy, 0, 3_600)
    assert len(busy.told) == 2
    busy = Busy(lambda _: 0)
    read(busy, 0, 3_600, first=1)
    assert len(busy.told) == 6


@pytest.mark.parametrize("each", [1, 30, 200, 600])
def test_a_busy_chain_comes_in_answers_of_about_as_many_logs(each):
    busy = Busy(lambda _: each)
    read(busy, 1, 200, first=1)
    assert max(busy.told) <= max(MANY, each)
    assert len(busy.told) <= 4 + 200 / max(MANY // each, 1)


def test_what_is_known_of_its_blocks_bounds_the_first_answer_too():
    busy = Busy(lambda block: 200 if block > 50 else 0)
    read(busy, 1, 100, known=lambda block: 200 if block > 50 else 0)
    assert max(busy.told) <= MANY


def test_a_burst_after_quiet_blocks_costs_two_large_answers_at_most():
    busy = Busy(lambda block: 100 if block > 64 else 0)
    read(busy, 0, 400, first=1)
    assert sorted(busy.told)[-3] <= MANY < max(busy.told)


def test_what_was_refused_is_not_tried_again_at_once():
    busy = Busy(lambda _: 0, most=100)
    read(busy, 1, 2_000)
    assert busy.refusals < len(busy.told) / 2
