"""Those who listen: their subscriptions, and what is on its way to them.

A notice is put in line for each client at once and sent as fast as that client reads. One whose line grows
too long is cut off: it will come back and read what it missed, and the others never wait for it.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson
import structlog

from linkpool.relay.blocks import Block, Json
from linkpool.relay.feed import News
from linkpool.relay.filters import BadParams, Filter, parse_filter
from linkpool.relay.interest import Interest

log = structlog.get_logger(__name__)

MAX_LINE_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Subscription:
    """`wanted` is none for heads."""

    ident: str
    wanted: Filter | None


class Client:
    """One connection. `send` and `cut` are its socket's; `send` may wait, `cut` must not."""

    def __init__(self, send: Callable[[str], Awaitable[None]], cut: Callable[[], None]) -> None:
        self._send, self._cut = send, cut
        self._line: deque[str] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self.heads: set[str] = set()
        self.logs: dict[str, Filter] = {}
        self.slow = False

    def put(self, text: str) -> None:
        """Put a message in line; too long a line ends the connection."""
        if self.slow:
            return
        self._line.append(text)
        self._bytes += len(text)
        self._news.set()
        if self._bytes > MAX_LINE_BYTES:
            self.slow = True
            self._line.clear()
            self._cut()

    async def run(self) -> None:
        """Send what is in line, in order, until cancelled or the connection is lost."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._line:
                text = self._line.popleft()
                await self._send(text)
                self._bytes -= len(text)

    def cut(self) -> None:
        """End the connection."""
        self._cut()


class Clients:
    """All connections. `tell` is what the feed calls."""

    def __init__(self, interest: Interest) -> None:
        self._interest = interest
        self._idents = count(1)
        self._by_contract: defaultdict[str, dict[str, Client]] = defaultdict(dict)
        """Who subscribes to a contract's logs, by subscription: a block has many, and few want each."""
        self.all: set[Client] = set()
        self.dropped = 0
        """Clients that read too slowly."""

    @property
    def subscriptions(self) -> int:
        """Of all clients together."""
        return sum(len(client.heads) + len(client.logs) for client in self.all)

    # --- what clients ask -------------------------------------------------------------------------

    def subscribe(self, params: Sequence[Any]) -> Subscription:
        """A subscription that begins with `begin`. Raises BadParams, TooMany."""
        kind = params[0] if params else None
        wanted: Filter | None = None
        if kind == "logs":
            wanted = parse_filter(params[1] if len(params) > 1 else {})
            if not wanted.addresses:
                raise BadParams("a relay tells logs of named contracts only: give an address")
            self._interest.want(wanted.addresses)
        elif kind != "newHeads":
            raise BadParams("a relay has the subscriptions newHeads and logs")
        return Subscription(f"0x{next(self._idents):032x}", wanted)

    def begin(self, client: Client, made: Iterable[Subscription]) -> None:
        """Their ids are in the client's line: notices may follow."""
        for one in made:
            if one.wanted is None:
                client.heads.add(one.ident)
            else:
                self._interest.pin(one.wanted.addresses)
                client.logs[one.ident] = one.wanted
                for address in one.wanted.addresses:
                    self._by_contract[address][one.ident] = client

    def unsubscribe(self, client: Client, params: Sequence[Any]) -> bool:
        """True when there was such a subscription."""
        ident = params[0] if params else None
        if not isinstance(ident, str):
            raise BadParams("the id of a subscription")
        if ident in client.heads:
            client.heads.discard(ident)
            return True
        wanted = client.logs.pop(ident, None)
        if wanted is None:
            return False
        self._interest.unpin(wanted.addresses)
        for address in wanted.addresses:
            del self._by_contract[address][ident]
            if not self._by_contract[address]:
                del self._by_contract[address]
        return True

    def left(self, client: Client) -> None:
        """The connection has ended."""
        for ident in [*client.logs]:
            self.unsubscribe(client, (ident,))
        self.all.discard(client)
        if client.slow:
            self.dropped += 1
            log.warning("a client that reads too slowly was cut off")

    def cut_all(self) -> None:
        """End every connection that listens: what could be told is not fresh."""
        for client in [*self.all]:
            if client.heads or client.logs:
                client.cut()

    # --- what the feed tells ----------------------------------------------------------------------

    def tell(self, news: News) -> None:
        """Put all of it in line for everybody whom it concerns, logs of a block before its head."""
        for block in news.gone:
            self._tell_logs([{**one, "removed": True} for one in reversed(block.ordered())])
        self._tell_logs(news.late)
        for block in news.came:
            self._tell_logs(block.ordered())
            self._tell_head(block)

    def _tell_head(self, block: Block) -> None:
        text = orjson.dumps(block.header).decode()
        for client in self.all:
            for ident in client.heads:
                client.put(_notice(ident, text))

    def _tell_logs(self, logs: Sequence[Json]) -> None:
        for one in logs:
            text = ""
            for ident, client in self._by_contract.get(one["address"].lower(), {}).items():
                if client.logs[ident].takes(one):
                    text = text or orjson.dumps(one).decode()
                    client.put(_notice(ident, text))


def _notice(ident: str, result: str) -> str:
    params = f'{{"subscription":"{ident}","result":{result}}}'
    return f'{{"jsonrpc":"2.0","method":"eth_subscription","params":{params}}}'
