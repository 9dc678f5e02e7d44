"""What a dead sibling left pending delays a takeover by one block at most, and never prevents it."""

import asyncio
from typing import Any

import pytest

from linkpool.chain.rpc import Unreachable
from linkpool.replica.landing import Landings
from linkpool.wire.agent import Member
from tests.support.replica_desk import Chain, on_chain

pytestmark = pytest.mark.unit

DEAD = Member(task="dead", sender="0xd", primary=True)


class Nonces:
    """An rpc that knows two nonces, or fails, or never answers."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    async def batch(self, calls: list[Any]) -> list[Any]:
        self.asked += 1
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return list(self.answer)


def waited(answer: Any, requests: int = 1) -> tuple[float, int]:
    """Seconds until settled, and how often was asked, when so many requests wait together."""

    async def scenario(chain: Chain) -> tuple[float, int]:
        await asyncio.sleep(5.25)  # so that the length of blocks is known
        rpc = Nonces(answer)
        landings, start = Landings(rpc, chain.heads, chain.clock), asyncio.get_running_loop().time()  # type: ignore[arg-type]
        await asyncio.gather(*(landings.settle(DEAD) for _ in range(requests)))
        return asyncio.get_running_loop().time() - start, rpc.asked

    return on_chain(scenario)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [(("0x5", "0x5"), 0), (("0x5", "0x7"), 0.75), (Unreachable("down"), 0), (None, 1.0), (("0x5", "?"), 0)],
    ids=["nothing pending", "pending", "no endpoint", "no answer", "garbage"],
)
def test_it_waits_for_one_block_where_something_may_land(answer, seconds):
    assert waited(answer)[0] == pytest.approx(seconds, abs=0.01)


def test_it_asks_once_for_all_requests_of_the_dead():
    assert waited(("0x5", "0x7"), requests=50)[1] == 1
