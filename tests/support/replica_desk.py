"""A desk for single parts of a replica, in virtual time: a clock and heads that move, a stream that notes."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from linkpool.chain.clock import ChainClock
from linkpool.chain.intent import Dropped, Intent, Mined, Outcome, Ticket, Why
from linkpool.replica.heads import Heads
from tests.support import virtual_time
from tests.support.oracle_logs import head


class Chain:
    """A block a second for who listens; `run` it beside the test."""

    def __init__(self, first: int = 10, base_fee: int | None = 10**9) -> None:
        self.clock, self.heads = ChainClock(), Heads()
        self.number, self.base_fee = first, base_fee

    def block(self) -> None:
        """One more."""
        made = head(self.number, base_fee=self.base_fee)
        self.clock.saw(made)
        self.heads.saw(made)
        self.number += 1

    async def run(self) -> None:
        """A block every second."""
        while True:
            self.block()
            await asyncio.sleep(1)


def on_chain(test: Callable[[Chain], Awaitable[Any]], **options: Any) -> Any:
    """Run a test in virtual time beside a chain with a block a second."""

    async def main() -> Any:
        chain = Chain(**options)
        blocks = asyncio.create_task(chain.run())
        await asyncio.sleep(0)
        try:
            return await test(chain)
        finally:
            blocks.cancel()

    coroutine: Coroutine[Any, Any, Any] = main()
    return virtual_time.run(coroutine)


@dataclass
class Desk:
    """Stands for a TxStream: takes intents, and gives each the next of the outcomes, or mines it."""

    outcomes: list[Outcome] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    seconds: float = 1.0

    def submit(self, intent: Intent) -> Ticket:
        """As TxStream."""
        self.intents.append(intent)
        ticket = Ticket(intent, len(self.intents))
        outcome = self.outcomes.pop(0) if self.outcomes else mined()
        asyncio.get_running_loop().call_later(self.seconds, _settle, ticket, outcome)
        return ticket


def mined(*, succeeded: bool = True) -> Mined:
    """It is in a block."""
    return Mined(b"t" * 32, 11, succeeded)


def refused(error: Exception) -> Dropped:
    """The chain will not have it."""
    return Dropped(Why.REFUSED, error)


def _settle(ticket: Ticket, outcome: Outcome) -> None:
    if isinstance(outcome, Mined):
        ticket.land(outcome)
    else:
        ticket.drop(outcome.why, outcome.error)
