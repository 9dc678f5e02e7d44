"""A sender's money: read rarely while there is enough, often while there is not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from linkpool.chain.funds import SHORT_SECONDS, Funds
from linkpool.units import Wei
from tests.support import virtual_time

pytestmark = pytest.mark.unit


class Account:
    """What the chain says."""

    def __init__(self, balance: int) -> None:
        self.balance, self.asked = balance, 0
        rpc: Any = self
        self.funds = Funds(rpc, "0xa")

    async def call(self, *_call: Any) -> str:
        self.asked += 1
        return hex(self.balance)

    async def live(self, seconds: float) -> int:
        """Watch for so long, four times a second; returns how often the chain was asked."""
        before, end = self.asked, asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await self.funds.watch()
            await asyncio.sleep(0.25)
        return self.asked - before


def play(test: Callable[[Account], Awaitable[None]], balance: int = 1000) -> None:
    async def main() -> None:
        await test(Account(balance))

    virtual_time.run(main())


def test_it_is_read_once_at_the_start_and_within_a_minute_after_spending() -> None:
    async def test(it: Account) -> None:
        assert await it.live(1000) == 1
        it.funds.spent()
        assert await it.live(1000) == 1
        for _ in range(100):
            it.funds.spent()
            await it.live(1)
        assert it.asked == 2 + 2
        assert not it.funds.short

    play(test)


def test_one_with_nothing_is_short_until_it_has_something() -> None:
    async def test(it: Account) -> None:
        await it.live(10)
        assert it.funds.short
        it.balance = 1
        await it.live(2 * SHORT_SECONDS)
        assert not it.funds.short

    play(test, balance=0)


def test_after_a_refusal_it_is_short_until_the_balance_covers_what_was_refused() -> None:
    async def test(it: Account) -> None:
        await it.live(10)
        it.funds.refused(Wei(5000))
        assert await it.live(60) == 60 / SHORT_SECONDS
        it.balance = 4999
        await it.live(10)
        assert it.funds.short
        it.balance = 5000
        await it.live(10)
        assert not it.funds.short
        assert await it.live(1000) == 0

    play(test)


def test_a_transaction_that_is_taken_tells_of_money_too() -> None:
    async def test(it: Account) -> None:
        it.funds.refused(Wei(5000))
        it.funds.taken()
        assert not it.funds.short

    play(test)
