"""How much one caller may ask: a bucket of requests that refills steadily, few at a time, bodies of a size.

A caller is an address until its token has proved good; from then on it is the token. So nobody gets more by
inventing tokens, and who holds one is not held up by a neighbour behind the same address.
"""

import hashlib
import ipaddress
import math
from collections import Counter
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkpool.api.problems import problem
from linkpool.fleet.clock import Clock

FREE = ("/live", "/ready", "/leads", "/metrics", "/agent/")
"""Paths without a limit: probes, and the replicas' own socket."""
GOOD_TOKEN = "good_token"  # noqa: S105 - a key, no secret
"""Where a request keeps that its token was good."""
MAX_BODY = 4 * 2**20
"""Bytes. Bodies are read before anybody knows who asks."""
KEPT = 10_000


@dataclass(frozen=True)
class Rate:
    """per_second requests in the long run, `burst` at once, `open` answers (event streams too) going on."""

    per_second: float = 50.0
    burst: int = 200
    open: int = 100


class Limiter:
    """The buckets of all callers; full ones are forgotten."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self.rate = rate
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._tidied = clock.monotonic()

    def wait(self, caller: str) -> float:
        """Take one; 0 when it may pass, else seconds until the next may."""
        now = self._clock.monotonic()
        left, at = self._buckets.get(caller, (float(self.rate.burst), now))
        left = min(self.rate.burst, left + (now - at) * self.rate.per_second)
        passes = left >= 1
        self._buckets[caller] = (left - 1 if passes else left, now)
        if len(self._buckets) > KEPT:
            self._forget_full(now)
        return 0.0 if passes else (1 - left) / self.rate.per_second

    def _forget_full(self, now: float) -> None:
        refill = self.rate.burst / self.rate.per_second
        if now - self._tidied >= refill:  # a look at all of them is dear
            self._tidied = now
            self._buckets = {who: kept for who, kept in self._buckets.items() if now - kept[1] < refill}


class RateLimit:
    """ASGI middleware: 429 with Retry-After for who asks too often or too much at once."""

    def __init__(self, app: ASGIApp, limiter: Limiter) -> None:
        self._app = app
        self._limiter = limiter
        self._good: set[str] = set()
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].startswith(FREE):
            await self._app(scope, receive, send)
            return
        token = _token(scope)
        caller = token if token in self._good and token else address(scope)
        seconds = self._limiter.wait(caller)
        if seconds or self._open[caller] >= self._limiter.rate.open:
            headers = {"Retry-After": str(math.ceil(seconds or 1))}
            await problem(429, "too many requests; ask less often", headers)(scope, receive, send)
            return
        self._open[caller] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
            if token and scope.get(GOOD_TOKEN):
                self._good.add(token)


class BodyLimit:
    """ASGI middleware: 413 for a body that is too large, whether it says so or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read = 0

        async def counting() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise HTTPException(413, _TOO_LARGE)
            return message

        said = dict(scope["headers"]).get(b"content-length", b"")
        if said.isdigit() and int(said) > MAX_BODY:
            await problem(413, _TOO_LARGE)(scope, receive, send)
        else:
            await self._app(scope, counting, send)


_TOO_LARGE = f"a body above {MAX_BODY} bytes is not taken"


def _token(scope: MutableMapping[str, Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return hashlib.sha256(value).hexdigest()
    return None


def address(scope: MutableMapping[str, Any]) -> str:
    """IPv4 as it is; of IPv6 the network, of which one caller has all addresses."""
    host = str(scope["client"][0]) if scope.get("client") else ""
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(parsed, ipaddress.IPv4Address):
        return host
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False).network_address)
