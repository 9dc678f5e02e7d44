"""Everything a task may touch outside its own inputs, behind small protocols.

One `Services` per process. The replica builds the real ones (`jobs.net`, its chain endpoints, its sender);
tests and the simulator pass their own, and the tasks cannot tell.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from linkpool.errors import Permanent, Temporary
from linkpool.jobs.values import Value


class Private(Enum):
    """Whether a request may reach private, loopback, link-local and metadata addresses."""

    NEVER = "never"
    FIRST = "first"
    """The address that the job's own text names may be private; where it redirects to may not."""
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request to a data source. `timeout` in seconds for all of it, redirects and queueing included."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout: float = 15.0
    max_bytes: int = 32_768
    private: Private = Private.NEVER
    redirects: int = 5
    lane: str | None = None
    """Who asks: requests of one lane to one host wait for each other, never for another lane's. None waits
    for nobody, because its caller has limits of its own."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back; header names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Unreachable(Temporary):
    """No reply: no address, no connection, no end within the time."""


class Forbidden(Permanent):
    """The request may not go there: a private address, a foreign scheme, a broken URL."""


class Oversized(Permanent):
    """The reply is larger than allowed, or unpacks to more."""


class Http(Protocol):
    """Bounded HTTP. `jobs.net` is the real one."""

    async def send(self, request: HttpRequest) -> HttpReply:
        """The reply, whatever its status. Raises Unreachable, Forbidden, Oversized."""


@dataclass(frozen=True, slots=True)
class EthCall:
    """A call or an estimate: `gas` and prices in wei only if the job gives them; `block` as in JSON-RPC."""

    to: str
    data: bytes
    sender: str | None = None
    gas: int | None = None
    gas_price: int | None = None
    tip_cap: int | None = None
    fee_cap: int | None = None
    block: str = "latest"


class Reverted(Permanent):
    """The contract refused the call; `data` is what it returned, often an encoded `Error(string)`."""

    def __init__(self, reason: str, data: bytes = b"") -> None:
        super().__init__(reason)
        self.data = data


@dataclass(frozen=True, slots=True)
class EthTx:
    """What an `ethtx` task wants sent. For a direct request `data` is a call of either fulfil function."""

    run_id: str
    task: str
    to: str
    data: bytes
    gas_limit: int | None = None
    senders: tuple[str, ...] = ()
    meta: Mapping[str, Value] = field(default_factory=dict)
    min_confirmations: int | None = None
    """Blocks to wait for before the task is done; 0 goes on at once, None leaves it to the sender."""
    fail_on_revert: bool = False


class Waiting(Protocol):
    """An expected callback."""

    async def value(self) -> Value:
        """What the adapter sent. Raises CallbackFailed if it sent an error."""

    def cancel(self) -> None:
        """Expect it no longer."""


class CallbackFailed(Permanent):
    """The adapter's callback says that it failed."""


class Callbacks(Protocol):
    """Where answers of asynchronous adapters arrive, by run and task. `jobs.callbacks` is the real one."""

    def url(self, bridge: str, run_id: str, task: str) -> str:
        """The address the adapter shall answer to."""

    def expect(self, run_id: str, task: str) -> Waiting:
        """From now on an answer is kept; called before the adapter is asked."""


@dataclass(frozen=True, slots=True)
class BridgeCall:
    """One question to a bridge: `body` is the JSON text, `caller` the job that waits in the queue."""

    name: str
    body: bytes
    caller: str
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float | None = None
    """Seconds; None takes the bridge's own."""


class Bridging(Protocol):
    """Named adapters. `jobs.bridges` is the real one."""

    async def ask(self, call: BridgeCall) -> HttpReply:
        """A reply with a status below 500. Raises Unreachable, Oversized, UnknownBridge."""


class UnknownBridge(Temporary):
    """No such bridge in the catalog this process has: another may know it already."""


class Cache:
    """The last good reply of each question to a bridge, bounded in number and bytes; oldest out first."""

    def __init__(self, entries: int = 1024, size: int = 4 << 20) -> None:
        self._kept: dict[Any, tuple[float, str]] = {}
        self._entries = entries
        self._size = size
        self._held = 0

    def put(self, key: object, reply: str, now: float) -> None:
        """Keep a good reply."""
        self._drop(key)
        self._kept[key] = (now, reply)
        self._held += len(reply)
        while len(self._kept) > self._entries or self._held > self._size:
            self._drop(next(iter(self._kept)))

    def get(self, key: object, age: float, now: float) -> str | None:
        """The reply kept for `key`, if it is at most `age` seconds old."""
        kept = self._kept.get(key)
        return kept[1] if kept and now - kept[0] <= age else None

    def _drop(self, key: object) -> None:
        if kept := self._kept.pop(key, None):
            self._held -= len(kept[1])


@dataclass(frozen=True, slots=True)
class Services:
    """What the tasks of one process work with."""

    http: Http
    bridges: Bridging
    callbacks: Callbacks
    call: Callable[[EthCall], Awaitable[bytes]]
    """eth_call. Raises Reverted, or Temporary when no endpoint answers."""
    estimate: Callable[[EthCall], Awaitable[int]]
    """eth_estimateGas, in gas. Raises as `call`."""
    transact: Callable[[EthTx], Awaitable[Any]]
    """Takes the transaction of an `ethtx`; what it gives back is the task's output."""
    cache: Cache = field(default_factory=Cache)
    now: Callable[[], float] = field(default=lambda: asyncio.get_running_loop().time())
    """Seconds of the clock that deadlines are in."""
