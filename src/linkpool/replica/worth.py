"""What an answer may cost: never more than it is worth, and more as its window closes (DESIGN section 5).

An answer brings its payment and saves its penalty. In wei, at the roster's LINK price, spread over the gas
it takes, that is what it is worth. A first send uses at most 70 % of that, whenever it is made. What replaces
it may cost more as the window closes: room for one replacement at once, all that it is worth at expiry
(docs/decisions/0005-what-an-answer-may-cost.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from linkpool.replica.duty import WINDOW
from linkpool.replica.requests import Request
from linkpool.units import WHOLE, Wei

START_SHARE = 0.8
"""Share of an answer's worth that may be spent when its window opens: a first send and an eighth more."""

GAS_SINGLE = 110_000
"""What one answer takes with a callback that stores a word or two; the gas limit is only a promise."""

GAS_BATCHED = 75_000
"""The same inside a batch, where the transaction's own cost is shared."""

GAS_REJECT = 60_000
"""What one rejection takes."""


@dataclass(frozen=True)
class Purse:
    """Limits on fees. `max_fee` in wei per gas; `link_price` in wei per LINK, None when unknown."""

    max_fee: Wei
    link_price: int | None

    def worth(self, requests: Sequence[Request]) -> Wei:
        """The most, in wei per gas, that answering `requests` in one transaction is worth."""
        if self.link_price is None or not requests:
            return self.max_fee
        juels = sum(request.event.payment + request.penalty for request in requests)
        gas = GAS_SINGLE if len(requests) == 1 else GAS_BATCHED * len(requests)
        return Wei(min(self.max_fee, juels * self.link_price // WHOLE // gas))

    def reject_worth(self, request: Request) -> Wei:
        """The most, in wei per gas, that rejecting `request` is worth: the penalty it saves."""
        if self.link_price is None:
            return self.max_fee
        return Wei(min(self.max_fee, request.penalty * self.link_price // WHOLE // GAS_REJECT))

    def limit(self, requests: Sequence[Request], now: float) -> Wei:
        """What may be paid per gas at `now` (chain seconds): 80 % of the worth, all of it at expiry."""
        if not requests:
            return self.max_fee
        left = min(request.event.expiration for request in requests) - now
        passed = min(max(1 - left / WINDOW, 0.0), 1.0)
        return Wei(int(self.worth(requests) * (START_SHARE + (1 - START_SHARE) * passed)))
