"""Calls to AWS: boto3 in threads, its errors as the engines' own, and patience with what may pass.

What AWS cannot do now is asked again after a pause drawn at random from a range that doubles. The pauses are
the event loop's: botocore would sleep in its thread, one of the few that also look up host names
(`docs/decisions/1101-patience-with-aws.md`). What still fails after that is EngineUnreachable, and the
caller's loop comes back.
"""

import asyncio
import random
import re
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

from linkpool.engines.protocol import EngineRefused, EngineUnreachable

T = TypeVar("T")
TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.4, 8.0
"""Seconds; the pauses of one call are at most 12 together, and half of that as a rule."""
BUSY = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "RequestTimeout",
    "RequestTimeoutException",
}
BUSY_WORDS = ("Too many concurrent attempts", "Request limit exceeded")
"""ECS registers one revision of a family at a time, and passes on what EC2 says of its own calls."""
QUOTAS = {"LimitExceededException", "ServiceQuotaExceededException", "ServiceQuotaExceeded", "LimitExceeded"}
WORDED = {"ClientException", "InvalidParameterException"}
"""ECS has quotas for which it has no code, and says these codes of anything."""
QUOTA_WORDS = ("reached the limit", "maximum limit", "exceeds limit", "maximum number of", "quota")
STRANGERS = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidSignatureException"} | {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"}
UNKNOWN = {"ResourceNotFoundException", "ServiceNotFoundException", "ServiceNotActiveException"}
UNKNOWN_WORDS = (
    "Unable to describe task definition",
    "TaskDefinition not found",
    "task definition is inactive",
    "TaskDefinition is inactive",
    "task was not found",
)
"""ECS has no code of its own for these."""
LEAVING_WORDS = ("still Draining", "scheduled for deletion")
_MAKING = threading.Lock()
"""boto3 makes clients from one session, which is not for two threads at once."""


class NotNow(EngineUnreachable):
    """AWS answered that it cannot do this now; asking again at once would not help, later may."""


class NotThere(EngineRefused):
    """AWS knows no such thing, or does not know it yet."""


class AlreadyThere(EngineRefused):
    """It was made before."""


class Aws:
    """One service of one region. endpoint: the address of an emulator, in tests.

    Every call raises EngineUnreachable (NotNow among it), EngineRefused (NotThere and AlreadyThere among it).
    """

    def __init__(self, service: str, region: str, endpoint: str | None = None) -> None:
        self._service, self._region, self._endpoint = service, region, endpoint
        self._client: Any = None

    async def call(self, operation: str, **asked: Any) -> Any:
        """One operation by botocore's name for it (`describe_tasks`)."""
        pause = FIRST_PAUSE
        for _ in range(TRIES - 1):
            try:
                return await asyncio.to_thread(self._call, operation, asked)
            except NotNow:
                raise
            except EngineUnreachable:
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
                pause = min(2 * pause, LONGEST_PAUSE)
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

    def _call(self, operation: str, asked: Mapping[str, Any]) -> Any:
        client, failures = self._connected(), import_module("botocore.exceptions")
        action = f"{self._service}:{operation.title().replace('_', '')}"
        try:
            return getattr(client, operation)(**asked)
        except failures.ClientError as error:
            raise _translated(error.response, action) from error
        except failures.ParamValidationError as error:
            raise EngineRefused(f"AWS would refuse {action}: {error}") from error
        except (failures.BotoCoreError, import_module("botocore.parsers").ResponseParserError) as error:
            raise EngineUnreachable(f"AWS does not answer {action}: {error}") from error

    def _connected(self) -> Any:
        with _MAKING:
            if self._client is None:
                try:
                    boto3, config = import_module("boto3"), import_module("botocore.config")
                except ImportError as error:
                    raise EngineRefused("the ecs engine needs boto3: pip install 'linkpool[aws]'") from error
                once = config.Config(
                    retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=30
                )
                self._client = boto3.client(
                    self._service, region_name=self._region, endpoint_url=self._endpoint, config=once
                )
            return self._client


def _translated(answer: Mapping[str, Any], action: str) -> EngineRefused | EngineUnreachable:
    error = answer.get("Error", {})
    code, words = str(error.get("Code", "")), str(error.get("Message", ""))
    broken = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    if broken or code in BUSY or _in(words, BUSY_WORDS):
        return EngineUnreachable(f"AWS cannot do {action} now: {code}: {words}")
    return _not_now(code, words, action) or _refusal(code, words, action)


def _not_now(code: str, words: str, action: str) -> NotNow | None:
    said = f"{code}: {words}"
    if code in QUOTAS or (code in WORDED and _in(words.lower(), QUOTA_WORDS)):
        return NotNow(f"a quota of AWS stops {action}: {said}; have it raised, this is tried again")
    if code in STRANGERS:
        return NotNow(f"AWS does not know who asks {action}: {said}; look at credentials and clock")
    if _in(words, LEAVING_WORDS):
        return NotNow(f"AWS is still removing what {action} is about: {said}")
    return None


def _refusal(code: str, words: str, action: str) -> EngineRefused:
    text = f"AWS refuses {action}: {code}: {words}"
    if code in DENIED:
        missing = re.search(r"perform: ([a-z0-9-]+:\w+)", words)
        return EngineRefused(f"{text}; allow {missing[1] if missing else action} to the control plane's role")
    if code in UNKNOWN or _in(words, UNKNOWN_WORDS):
        return NotThere(text)
    if code == "ResourceExistsException" or "not idempotent" in words:
        return AlreadyThere(text)
    return EngineRefused(text)


def _in(words: str, parts: Sequence[str]) -> bool:
    return any(part in words for part in parts)


def in_pieces(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """At most `size` at a time: how many one call may name."""
    return [items[start : start + size] for start in range(0, len(items), size)]
