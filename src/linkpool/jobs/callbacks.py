"""Answers of asynchronous adapters: expected before the adapter is asked, delivered once, forgotten after.

The control plane takes the adapter's PATCH, checks the bridge's token and forwards the body to every
replica of the node by run id. A replica that did not ask, or no longer waits, drops it.
"""

import asyncio

from linkpool.jobs import jsontext
from linkpool.jobs.errors import BadValue, shown
from linkpool.jobs.services import CallbackFailed
from linkpool.jobs.values import Value


class Inbox:
    """See `services.Callbacks`."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url.rstrip("/")
        self._waiting: dict[tuple[str, str], _Expected] = {}

    def url(self, bridge: str, run_id: str, task: str) -> str:
        """`{base}/{bridge}/{run id}/{task}`."""
        return f"{self._base}/{bridge}/{run_id}/{task}"

    def expect(self, run_id: str, task: str) -> "_Expected":
        """From now on `deliver` keeps what comes for this task."""
        expected = _Expected(self, (run_id, task))
        self._waiting[run_id, task] = expected
        return expected

    def deliver(self, run_id: str, task: str, body: bytes) -> bool:
        """Take a callback's body, `{"value": ...}` or `{"error": "..."}`. False if nobody waits for it.

        Raises BadValue if the body is neither; then the adapter may send it again.
        """
        value = read_callback(body)
        expected = self._waiting.get((run_id, task))
        return expected is not None and expected.take(value)

    def forget(self, key: tuple[str, str], expected: "_Expected") -> None:
        """Wait no longer."""
        if self._waiting.get(key) is expected:
            del self._waiting[key]


class _Expected:
    def __init__(self, inbox: Inbox, key: tuple[str, str]) -> None:
        self._inbox = inbox
        self._key = key
        self._future: asyncio.Future[Value] = asyncio.get_running_loop().create_future()

    def take(self, value: Value) -> bool:
        if self._future.done():
            return False
        self._future.set_result(value)
        return True

    async def value(self) -> Value:
        value = await self._future
        if isinstance(value, CallbackFailed):
            raise value
        return value

    def cancel(self) -> None:
        self._future.cancel()
        self._inbox.forget(self._key, self)


def read_callback(body: bytes) -> Value:
    """The value of a callback's body, or a CallbackFailed. Raises BadValue."""
    said = jsontext.read(body)
    if not isinstance(said, dict) or ("value" in said) == ("error" in said):
        raise BadValue(f'a callback is {{"value": ...}} or {{"error": "..."}}, not {shown(said)}')
    return (
        said["value"] if "value" in said else CallbackFailed(f"the adapter reports: {shown(said['error'])}")
    )
