"""What LINK and the chain's coin are worth: a price feed while it is fresh, else the setting, else nothing.

A feed is a contract with `latestRoundData()` and `decimals()`, as Chainlink's own are. LINK is priced in coin
(wei per LINK), the coin in the money of the price table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import structlog
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from linkpool.chain.history import read_head
from linkpool.chain.rpc import EndpointTrouble, Garbage, Refusal, Rpc
from linkpool.chain.types import unhex
from linkpool.fleet.alarms import Alarms, Kind
from linkpool.units import WHOLE

log = structlog.get_logger(__name__)

STALE = 86_400
"""Seconds by the chain's time after which a feed's word is worth nothing."""
LATEST_ROUND, DECIMALS = "0xfeaf968c", "0x313ce567"


@dataclass(frozen=True)
class Sources:
    """Where prices come from. link: wei per LINK; coin: money per coin; feeds: contract addresses."""

    link: int | None = None
    link_feed: str | None = None
    coin: Decimal | None = None
    coin_feed: str | None = None


@dataclass(frozen=True)
class Rate:
    """A price in force. source: `setting`, or the feed's address; at: Unix seconds of the feed's word."""

    value: Decimal
    source: str
    at: int | None = None


class Rates:
    """The prices in force; `step` asks the feeds. on_link hears of wei per LINK, or of none."""

    def __init__(
        self, rpc: Rpc, sources: Sources, alarms: Alarms, on_link: Callable[[str | None], None]
    ) -> None:
        self._rpc = rpc
        self._sources = sources
        self._alarms = alarms
        self._on_link = on_link
        self.link = _setting(None if sources.link is None else Decimal(sources.link))
        """Wei per LINK."""
        self.coin = _setting(sources.coin)
        """Money per coin."""

    @property
    def link_price(self) -> int | None:
        """Wei per LINK, as a whole number."""
        return None if self.link is None else int(self.link.value)

    async def step(self) -> None:
        """Ask the feeds; of an unreachable chain the last word counts. Raises StoreUnreachable, LeaseLost."""
        sources, stale = self._sources, {}
        now = None
        for name, feed in (("LINK", sources.link_feed), ("coin", sources.coin_feed)):
            if feed is None:
                continue
            try:
                now = now or (await read_head(self._rpc)).timestamp
                rate = await read_feed(self._rpc, feed)
            except (EndpointTrouble, Refusal) as error:
                log.warning("price feed not read", feed=feed, error=str(error))
                continue
            fresh = rate.value > 0 and rate.at is not None and now - rate.at <= STALE
            if not fresh:
                stale[feed] = f"the {name} price feed {feed} has said nothing for a day; the setting counts"
            if name == "LINK":
                scaled = Rate(rate.value * WHOLE, rate.source, rate.at)
                self.link = scaled if fresh else _setting(_decimal(sources.link))
            else:
                self.coin = rate if fresh else _setting(sources.coin)
        await self._alarms.only(Kind.PRICE_FEED_STALE, stale)
        self._on_link(None if self.link_price is None else str(self.link_price))


async def read_feed(rpc: Rpc, feed: str) -> Rate:
    """What a feed says, in whole units. Raises EndpointTrouble, Refusal."""
    try:
        digits = unhex(await rpc.call("eth_call", {"to": feed, "data": DECIMALS}, "latest"))
        answer = unhex(await rpc.call("eth_call", {"to": feed, "data": LATEST_ROUND}, "latest"))
        (decimals,) = decode(["uint8"], digits)
        _, value, _, updated, _ = decode(["uint80", "int256", "uint256", "uint256", "uint80"], answer)
    except (DecodingError, ValueError, TypeError) as problem:
        raise Garbage(f"{feed} is no price feed") from problem
    return Rate(Decimal(value).scaleb(-decimals), feed, updated)


def _setting(value: Decimal | None) -> Rate | None:
    return None if value is None else Rate(value, "setting")


def _decimal(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
