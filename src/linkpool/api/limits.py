"""How often one caller may ask: a bucket of requests that refills steadily."""

import hashlib
import math
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from linkpool.api.problems import problem
from linkpool.fleet.clock import Clock

FREE = ("/live", "/ready", "/metrics", "/agent/")
"""Paths without a limit: probes, and the replicas' own socket."""


@dataclass(frozen=True)
class Rate:
    """per_second requests in the long run, `burst` at once."""

    per_second: float = 50.0
    burst: int = 200


class Limiter:
    """The buckets of all callers; full ones are forgotten."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, caller: str) -> float:
        """Take one; 0 when it may pass, else seconds until the next may."""
        now = self._clock.monotonic()
        left, at = self._buckets.get(caller, (float(self._rate.burst), now))
        left = min(self._rate.burst, left + (now - at) * self._rate.per_second)
        passes = left >= 1
        self._buckets[caller] = (left - 1 if passes else left, now)
        if len(self._buckets) > 10_000:
            self._forget_full(now)
        return 0.0 if passes else (1 - left) / self._rate.per_second

    def _forget_full(self, now: float) -> None:
        refill = self._rate.burst / self._rate.per_second
        self._buckets = {who: kept for who, kept in self._buckets.items() if now - kept[1] < refill}


class RateLimit:
    """ASGI middleware: 429 with Retry-After for who asks too often, by token or else by address."""

    def __init__(self, app: ASGIApp, limiter: Limiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and not scope["path"].startswith(FREE):
            seconds = self._limiter.wait(_caller(scope))
            if seconds:
                headers = {"Retry-After": str(math.ceil(seconds))}
                await problem(429, "too many requests; ask less often", headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _caller(scope: MutableMapping[str, Any]) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return hashlib.sha256(value).hexdigest()
    client = scope.get("client")
    return client[0] if client else ""
