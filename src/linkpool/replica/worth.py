"""What an answer may cost: never more than it is worth, and more as its window closes (DESIGN section 5).

An answer brings its payment and saves its penalty. In wei, at the roster's LINK price, spread over the gas
it takes, that is the most a transaction may pay per gas. The limit starts below that and reaches it at
expiry; the stream keeps room of its own under it to replace a stuck transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from linkpool.replica.duty import WINDOW
from linkpool.replica.requests import Request
from linkpool.units import WHOLE, Wei

START_SHARE = 0.7
"""Share of an answer's worth that may be spent when its window opens."""

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

    def cap(self, requests: Sequence[Request]) -> Wei:
        """The most, in wei per gas, that answering `requests` in one transaction is worth."""
        if self.link_price is None or not requests:
            return self.max_fee
        juels = sum(request.event.payment + request.penalty for request in requests)
        gas = GAS_SINGLE if len(requests) == 1 else GAS_BATCHED * len(requests)
        return Wei(min(self.max_fee, juels * self.link_price // WHOLE // gas))

    def reject_cap(self, request: Request) -> Wei:
        """The most, in wei per gas, that rejecting `request` is worth: the penalty it saves."""
        if self.link_price is None:
            return self.max_fee
        return Wei(min(self.max_fee, request.penalty * self.link_price // WHOLE // GAS_REJECT))

    def limit(self, requests: Sequence[Request], now: float) -> Wei:
        """What may be paid per gas at `now` (chain seconds): 70 % of the cap, all of it at expiry."""
        if not requests:
            return self.max_fee
        left = min(request.event.expiration for request in requests) - now
        passed = min(max(1 - left / WINDOW, 0.0), 1.0)
        return Wei(int(self.cap(requests) * (START_SHARE + (1 - START_SHARE) * passed)))
