"""Named external adapters: several URLs each, healthy ones first; none that hangs holds up the others.

Every URL has a circuit breaker: after `FAILURES` failures in a row it rests, longer each time, and then one
question at a time may try it. A question goes to the URLs in the order of their failures until one answers
below 500.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from linkpool.jobs import jsontext
from linkpool.jobs.errors import BadValue
from linkpool.jobs.gate import Gate
from linkpool.jobs.services import (
    BridgeCall,
    Http,
    HttpReply,
    HttpRequest,
    Private,
    UnknownBridge,
    Unreachable,
)

FAILURES = 3
REST = 2.0
LONGEST_REST = 60.0
MAX_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class Bridge:
    """Settings of one adapter: `timeout` in seconds for one URL, `concurrency` questions at once."""

    name: str
    urls: tuple[str, ...]
    token: str | None = field(default=None, repr=False)
    """Goes out as `Authorization: Bearer`."""
    timeout: float = 15.0
    concurrency: int = 64


@dataclass(slots=True)
class _Health:
    """One URL: `failures` in a row; not asked before `rests_until` (loop time); one `trial` after that."""

    failures: int = 0
    rests_until: float = 0.0
    trial: bool = False

    def open(self, now: float) -> bool:
        return self.failures < FAILURES or (now >= self.rests_until and not self.trial)

    def failed(self, now: float) -> None:
        self.failures += 1
        rounds = max(self.failures - FAILURES, 0)
        self.rests_until = now + min(REST * 2 ** min(rounds, 8), LONGEST_REST)


class _Line:
    """One bridge in use."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.gate = Gate(max(bridge.concurrency, 1))
        self.health = {url: _Health() for url in bridge.urls}

    def changed(self, bridge: Bridge) -> "_Line":
        """The line of the same bridge as it is now: what is known of URLs that stay, and the places, stay."""
        line = _Line(bridge)
        line.health |= {url: health for url, health in self.health.items() if url in line.health}
        if bridge.concurrency == self.bridge.concurrency:
            line.gate = self.gate
        return line


class Bridges:
    """See `services.Bridging`. `replace` may be called at any time; running questions end as they began."""

    def __init__(
        self, http: Http, bridges: Iterable[Bridge] = (), now: Callable[[], float] | None = None
    ) -> None:
        self._http = http
        self._lines: dict[str, _Line] = {}
        self._now = now or (lambda: asyncio.get_running_loop().time())
        self.replace(bridges)

    def replace(self, bridges: Iterable[Bridge]) -> None:
        """From now on these are all; a URL that stays keeps what is known of its health."""
        old = self._lines
        self._lines = {
            bridge.name: known.changed(bridge) if (known := old.get(bridge.name)) else _Line(bridge)
            for bridge in bridges
        }

    def names(self) -> tuple[str, ...]:
        """All bridges known now."""
        return tuple(self._lines)

    async def ask(self, call: BridgeCall) -> HttpReply:
        """The first reply below 500. Raises Unreachable, Oversized, UnknownBridge."""
        line = self._lines.get(call.name)
        if line is None:
            known = ", ".join(self._lines) or "none"
            raise UnknownBridge(f"there is no bridge {call.name} in the catalog; known: {known}")
        async with line.gate.place(call.caller):
            return await self._ask(line, call)

    async def _ask(self, line: _Line, call: BridgeCall) -> HttpReply:
        refused: HttpReply | None = None
        reasons = []
        for url in sorted(line.health, key=lambda url: line.health[url].failures):
            if not line.health[url].open(self._now()):
                reasons.append(f"{_host(url)} rests after {line.health[url].failures} failures")
                continue
            try:
                reply = await self._try(line, url, call)
            except Unreachable as error:
                reasons.append(str(error))
                continue
            if reply.status < 500:
                return reply
            refused = reply
        if refused is not None:
            return refused
        raise Unreachable(f"bridge {call.name}: {'; '.join(reasons) or 'it has no URL'}")

    async def _try(self, line: _Line, url: str, call: BridgeCall) -> HttpReply:
        health = line.health[url]
        health.trial = True
        try:
            reply = await self._http.send(_request(line.bridge, url, call))
        except Unreachable:
            health.failed(self._now())
            raise
        finally:
            health.trial = False
        if reply.status < 500 or _speaks(reply):
            health.failures = 0
        else:
            health.failed(self._now())
        return reply


def _speaks(reply: HttpReply) -> bool:
    """An adapter that reports its provider's failure is itself well: one bad question stops no others."""
    try:
        return isinstance(jsontext.read(reply.body), dict)
    except BadValue:
        return False


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _request(bridge: Bridge, url: str, call: BridgeCall) -> HttpRequest:
    """Adapters stand in the operator's own network; they are never followed elsewhere with the token."""
    token = (("Authorization", f"Bearer {bridge.token}"),) if bridge.token else ()
    return HttpRequest(
        method="POST",
        url=url,
        headers=(*call.headers, *token),
        body=call.body,
        timeout=call.timeout or bridge.timeout,
        max_bytes=MAX_BYTES,
        private=Private.ALWAYS,
        redirects=0,
    )
