"""What somebody wants sent, and what becomes of it."""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from linkpool.chain.fees import Cap
from linkpool.units import Wei

NOTHING = Wei(0)


@dataclass(frozen=True, eq=False)
class Intent:
    """A transaction wanted, without nonce and fee: those are the stream's.

    `max_fee(now)` is the most it may cost per gas at that chain time, `worth()` what that may rise to (none:
    it is all of it). A first send uses at most 70 % of the worth, replacements up to `max_fee`. `wanted()`
    is asked again before every send and replacement. After `deadline` (chain seconds) it is not sent any
    more. It may be executed more than once, and must bear it.
    """

    to: str
    data: bytes
    gas_limit: int
    max_fee: Callable[[float], Wei]
    wanted: Callable[[], bool]
    deadline: float
    value: Wei = NOTHING
    label: str = ""
    worth: Callable[[], Wei] | None = None

    def cap(self, now: float) -> Cap:
        """Its limits at that chain time."""
        most = self.max_fee(now)
        return Cap(most, self.worth() if self.worth else most)


class Why(StrEnum):
    """Why an intent was given up without being executed."""

    UNWANTED = "unwanted"
    EXPIRED = "expired"
    REFUSED = "refused"


@dataclass(frozen=True)
class Mined:
    """It reached a block. `gas_used` and `fee` (wei in all) are none when a log told so, not a receipt."""

    tx_hash: bytes
    block: int
    succeeded: bool
    gas_used: int | None = None
    fee: Wei | None = None


@dataclass(frozen=True)
class Dropped:
    """It was given up; `error` says what the chain had against it, if that was the reason."""

    why: Why
    error: Exception | None = None


Outcome = Mined | Dropped


class Ticket:
    """One submitted intent. Await it for its first outcome.

    A mined one may still be undone by a re-org; until it is final (`live` is false then) the stream sends it
    again as long as it is wanted, and no second ticket is needed for it.
    """

    def __init__(self, intent: Intent, order: int) -> None:
        self.intent = intent
        self.order = order
        self.tx_hash: bytes | None = None
        """Hash it was last sent under."""
        self.landed: Mined | None = None
        """Where it is in the chain, as far as is known now."""
        self.live = True
        """The stream still cares for it."""
        self.priced_out = False
        """Its cap cannot pay for the next block now: it waits until gas is cheaper or the cap has risen."""
        self.refusals = 0
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def __await__(self) -> Generator[Any, None, Outcome]:
        return asyncio.shield(self._outcome).__await__()

    def __repr__(self) -> str:
        return f"Ticket({self.intent.label or self.intent.to}, {self.outcome or 'open'})"

    @property
    def outcome(self) -> Outcome | None:
        """The first outcome, if there is one yet."""
        return self._outcome.result() if self._outcome.done() else None

    def land(self, mined: Mined) -> None:
        """It is in a block."""
        self.landed = mined
        self._settle(mined)

    def drop(self, why: Why, error: Exception | None = None) -> None:
        """It is given up."""
        self.live = False
        self._settle(Dropped(why, error))

    def reason_to_stop(self, now: float) -> Why | None:
        """Why it should not be sent now, if there is a reason."""
        if not self.intent.wanted():
            return Why.UNWANTED
        return Why.EXPIRED if now >= self.intent.deadline else None

    def _settle(self, outcome: Outcome) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)
