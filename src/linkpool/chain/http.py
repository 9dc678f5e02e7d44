"""A node behind http or https: it answers, and never speaks by itself."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

import aiohttp
import orjson
from yarl import URL

from linkpool.chain.jsonrpc import MAX_ANSWER, outcome, request, show_name
from linkpool.chain.rpc import Call, Garbage, RateLimited, Refusal, TimedOut, Unreachable

BATCH_CALLS = 50
"""Calls in one HTTP request; providers refuse large batches."""


class HttpEndpoint:
    """One URL. It tries nothing twice, and its errors name host and port only."""

    pushes = False

    def __init__(self, url: URL, session: aiohttp.ClientSession, timeout: float) -> None:
        self._url = url
        self._session = session
        self._timeout = timeout
        self._ids = count(1)
        self.name = show_name(url)
        self.calls: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"HttpEndpoint({self.name})"

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises EndpointTrouble or Refusal."""
        [result] = await self.batch([(method, params)])
        if isinstance(result, Refusal):
            raise result
        return result

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Results in order of `calls`; a Refusal stands in its place. Raises EndpointTrouble."""
        results: list[Any] = []
        for start in range(0, len(calls), BATCH_CALLS):
            results += await self._post(calls[start : start + BATCH_CALLS])
        return results

    def subscribe(self, *params: tuple[Any, ...]) -> Any:
        """Raises TypeError: ask `pushes` first."""
        raise TypeError(f"{self.name} speaks HTTP, which has no subscriptions")

    async def close(self) -> None:
        """Nothing stays open: the session pools connections and belongs to the caller."""

    async def _post(self, calls: Sequence[Call]) -> list[Any]:
        requests = [request(next(self._ids), call) for call in calls]
        self.calls.update(call[0] for call in calls)
        answer = await self._exchange(orjson.dumps(requests if len(requests) > 1 else requests[0]))
        if len(requests) == 1:
            return [outcome(calls[0], answer)]
        if not isinstance(answer, list):
            outcome(calls[0], answer)  # raises what one error object for the whole batch says
            raise Garbage(f"{self.name}: a batch was answered by one object")
        by_id = {
            part["id"]: part for part in answer if isinstance(part, dict) and isinstance(part.get("id"), int)
        }
        return [outcome(call, by_id.get(sent["id"])) for call, sent in zip(calls, requests, strict=True)]

    async def _exchange(self, body: bytes) -> Any:
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._session.post(self._url, data=body, headers=headers) as response,
            ):
                return self._decode(response.status, await self._read(response))
        except TimeoutError as problem:
            raise TimedOut(f"{self.name}: no answer within {self._timeout:g} s") from problem
        except (aiohttp.ClientError, OSError) as problem:
            raise Unreachable(f"{self.name}: {type(problem).__name__}") from problem

    async def _read(self, response: aiohttp.ClientResponse) -> bytearray:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_ANSWER:
                raise Garbage(f"{self.name}: an answer above {MAX_ANSWER} bytes")
        return body

    def _decode(self, status: int, body: bytearray) -> Any:
        if status == 429:
            raise RateLimited(f"{self.name}: HTTP 429, too many requests")
        if status >= 500:
            raise Unreachable(f"{self.name}: HTTP {status}")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as problem:
            if status >= 400:
                raise Unreachable(f"{self.name}: HTTP {status}") from problem
            raise Garbage(f"{self.name}: no JSON but {bytes(body[:80])!r}") from problem
