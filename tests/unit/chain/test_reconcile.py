"""What two endpoints are compared by is one chain: one that goes to another meanwhile is believed nothing."""

from collections.abc import Sequence
from typing import Any

import pytest

from linkpool.chain import ranges
from linkpool.chain.ranges import Wanted, read_range
from linkpool.chain.reconcile import Comparison, compare
from linkpool.chain.rpc import Call
from linkpool.chain.types import parse_head
from linkpool.chain.window import Window
from tests.support import virtual_time
from tests.support.chain_world import BOARD, make_chain
from tests.support.fake_endpoint import FakeEndpoint
from tests.support.relay_ear import Emitter

BLOCKS, OLD = 40, 30
WANTED = Wanted((BOARD,), ())


class Turning(FakeEndpoint):
    """Goes to another chain after it has given logs so many times."""

    turn = 0

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        answers = await super().batch(calls)
        if self.turn and self.calls["eth_getLogs"] == self.turn:
            self.turn = 0
            self.chain.reorg(OLD)
        return answers


async def compared(turn: int) -> tuple[Comparison | None, Window]:
    """A window that holds all logs of a chain, compared with an endpoint of the same chain."""
    chain = make_chain()
    Emitter(chain).blocks(BLOCKS)
    other, window = Turning(chain), Window(0, 2 * BLOCKS)
    tip = chain.head.number
    async for piece in read_range(other, WANTED, 0, tip):
        window.replace(piece.low, piece.high, piece.logs)
    window.settle(parse_head(await other.call("eth_getBlockByNumber", "latest", False)))
    assert len(window.logs()) == BLOCKS
    other.calls.clear()
    other.turn = turn
    return await compare(other, WANTED, window, 0, tip), window


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_an_endpoint_that_changes_its_chain_between_two_answers_adds_nothing(
    turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "MANY", 10)  # four answers

    async def main() -> None:
        result, window = await compared(turn)
        assert result is None
        assert len(window.logs()) == BLOCKS

    virtual_time.run(main())


def test_one_that_stays_and_agrees_is_compared_in_as_many_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "MANY", 10)

    async def main() -> None:
        result, window = await compared(0)
        assert result is not None
        assert (result.found, result.lacking) == ((), ())
        assert len(window.logs()) == BLOCKS

    virtual_time.run(main())
