"""Calls to AWS: boto3 in threads, and its errors as the engines' own.

botocore itself waits and tries again when it is throttled (adaptive mode: a rate that AWS lets it keep, with
jitter). What still fails after that is EngineUnreachable, and the caller's loop comes back.
"""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any, TypeVar

from linkpool.engines.protocol import EngineRefused, EngineUnreachable

T = TypeVar("T")
TRIES = 8
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ServiceUnavailable",
    "ServerException",
    "InternalServiceError",
    "LimitExceededException",
    "UpdateInProgressException",
}


class NotThere(EngineRefused):
    """AWS knows no such thing, or does not know it yet."""


class AlreadyThere(EngineRefused):
    """It was made before."""


class Aws:
    """One service of one region. endpoint: the address of an emulator, in tests.

    Every call raises EngineUnreachable, EngineRefused (NotThere and AlreadyThere among them).
    """

    def __init__(self, service: str, region: str, endpoint: str | None = None) -> None:
        self._service, self._region, self._endpoint = service, region, endpoint
        self._client: Any = None

    async def call(self, operation: str, **asked: Any) -> Any:
        """One operation by botocore's name for it (`describe_tasks`)."""
        return await asyncio.to_thread(self._call, operation, asked)

    async def every(self, operation: str, key: str, **asked: Any) -> list[Any]:
        """All items under `key`, of all pages."""
        found: list[Any] = []
        token: str | None = None
        while True:
            page = await self.call(operation, **asked, **({"nextToken": token} if token else {}))
            found += page.get(key, [])
            token = page.get("nextToken")
            if not token:
                return found

    def _call(self, operation: str, asked: dict[str, Any]) -> Any:
        what, client = f"{self._service} {operation}", self._connected()
        failures = import_module("botocore.exceptions")
        try:
            return getattr(client, operation)(**asked)
        except failures.ClientError as error:
            raise _translated(error.response, what) from error
        except failures.BotoCoreError as error:
            raise EngineUnreachable(f"AWS does not answer {what}: {error}") from error

    def _connected(self) -> Any:
        if self._client is None:
            try:
                boto3, config = import_module("boto3"), import_module("botocore.config")
            except ImportError as error:
                raise EngineRefused("the ecs engine needs boto3: pip install 'linkpool[aws]'") from error
            settings = config.Config(
                retries={"mode": "adaptive", "max_attempts": TRIES}, connect_timeout=5, read_timeout=30
            )
            self._client = boto3.client(
                self._service, region_name=self._region, endpoint_url=self._endpoint, config=settings
            )
        return self._client


def _translated(answer: dict[str, Any], what: str) -> EngineRefused | EngineUnreachable:
    error = answer.get("Error", {})
    code, status = str(error.get("Code", "")), answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"AWS refuses {what}: {code}: {error.get('Message', '')}"
    if code in THROTTLED or status >= 500:
        return EngineUnreachable(f"AWS cannot do {what} now: {code}: {error.get('Message', '')}")
    if "NotFound" in code or "does not exist" in text or "Unable to describe task definition" in text:
        return NotThere(text)
    if code == "ResourceExistsException" or "not idempotent" in text:
        return AlreadyThere(text)
    return EngineRefused(text)


def in_pieces(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """At most `size` at a time: how many one call may name."""
    return [items[start : start + size] for start in range(0, len(items), size)]
