"""What a call is answered with: from the kept blocks, once per block for everybody, or by an upstream.

    kept blocks     heads, recent blocks, recent logs: no call upstream
    once per block  fees, and state at "latest": asked upstream at the tip's number, shared until the next
    passed on       everything else that a node of ours needs; other methods do not exist here

Only what is a function of a block is shared: never an error, never a null, never anything about "pending".
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from linkpool.chain.endpoints import Endpoints
from linkpool.chain.rpc import Behind, RangeRefused, Unsupported
from linkpool.relay.blocks import Block, Json
from linkpool.relay.coverage import Coverage
from linkpool.relay.feed import Feed
from linkpool.relay.filters import BadParams, Filter, parse_filter, parse_hash, parse_number
from linkpool.relay.interest import TooMany

AT_BLOCK = {
    "eth_call": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
}
"""Methods about the state at a block, and where in their parameters that block stands."""

FEES = frozenset({"eth_gasPrice", "eth_maxPriorityFeePerGas", "eth_feeHistory", "eth_blobBaseFee"})
PASSED = frozenset(
    {
        "eth_sendRawTransaction",
        "eth_getTransactionReceipt",
        "eth_getTransactionByHash",
        "eth_getRawTransactionByHash",
        "eth_getBlockReceipts",
        "eth_estimateGas",
        "eth_createAccessList",
    }
)
MAX_LOGS = 10_000
"""In one answer from the kept blocks."""

MAX_SHARED = 4_096
"""Answers shared within one block."""


class Answers:
    """Answers calls; `made` counts them by method and by where the answer came from."""

    def __init__(self, feed: Feed, coverage: Coverage, endpoints: Endpoints, chain_id: int) -> None:
        self._feed, self._coverage, self._endpoints = feed, coverage, endpoints
        self._shared: dict[bytes, asyncio.Task[Any]] = {}
        self._shared_at: Block | None = None
        self._genesis: Json | None = None
        self.made: Counter[tuple[str, str]] = Counter()
        fixed = {
            "eth_chainId": hex(chain_id),
            "net_version": str(chain_id),
            "eth_syncing": False,
            "web3_clientVersion": "LinkPool-relay",
        }
        self._own: dict[str, Callable[[Sequence[Any]], Awaitable[Any]]] = {
            "eth_blockNumber": self._number,
            "eth_getBlockByNumber": self._by_number,
            "eth_getBlockByHash": self._by_hash,
            "eth_getLogs": self._logs,
            **{method: self._fixed(value) for method, value in fixed.items()},
        }

    async def answer(self, method: str, params: Sequence[Any]) -> Any:
        """The result of one call. Raises BadParams, another Refusal, or EndpointTrouble."""
        if own := self._own.get(method):
            return await own(params)
        if (place := AT_BLOCK.get(method)) is not None:
            return await self._state(method, params, place)
        if method in FEES:
            return await self._once(method, params)
        if method in PASSED:
            return await self._pass(method, params)
        self.made["other", "refused"] += 1
        raise Unsupported(f"the method {method[:80]} does not exist/is not available at a relay")

    # --- from the kept blocks ---------------------------------------------------------------------

    @property
    def _tip(self) -> Block:
        if self._feed.blocks.tip is None:
            raise Behind("header not found: no block seen yet")
        return self._feed.blocks.tip

    def _fixed(self, value: Any) -> Callable[[Sequence[Any]], Awaitable[Any]]:
        async def give(_params: Sequence[Any]) -> Any:
            return value

        return give

    async def _number(self, _params: Sequence[Any]) -> str:
        return str(self._tip.header["number"])

    async def _by_number(self, params: Sequence[Any]) -> Any:
        which, full = _two(params)
        number = self._place(which)
        if number == 0 and not full:
            return await self._first()
        if number is None:
            ask = self._pass if which == "pending" else self._once
            return await ask("eth_getBlockByNumber", (which, full))
        if number > self._tip.head.number:
            return self._kept("eth_getBlockByNumber", None)
        if (block := self._feed.blocks.at(number)) and not full:
            return self._kept("eth_getBlockByNumber", block.header)
        return await self._once("eth_getBlockByNumber", (hex(number), full))

    async def _by_hash(self, params: Sequence[Any]) -> Any:
        which, full = _two(params)
        block = self._feed.blocks.by_hash(parse_hash(which))
        if block is None or full:
            return await self._pass("eth_getBlockByHash", (which, full))
        return self._kept("eth_getBlockByHash", block.header)

    async def _first(self) -> Any:
        """Block 0, by which everybody recognises the chain; it is asked for once."""
        if self._genesis is None:
            self._genesis = await self._once("eth_getBlockByNumber", ("0x0", False))
            return self._genesis
        return self._kept("eth_getBlockByNumber", self._genesis)

    async def _logs(self, params: Sequence[Any]) -> list[Json]:
        if len(params) != 1 or not isinstance(params[0], dict):
            raise BadParams("one filter object")
        where, wanted = params[0], parse_filter(params[0])
        if wanted.addresses:
            where = {**where, "address": sorted(wanted.addresses)}
        if where.get("blockHash") is not None:
            return await self._logs_of(where, wanted)
        low, high = self._place(where.get("fromBlock")), self._place(where.get("toBlock"))
        if low is None or high is None:
            return await self._passed_logs(where)
        if low > high:
            raise BadParams("fromBlock is above toBlock")
        if high > self._tip.head.number:
            raise Behind(f"block {high} is beyond current head, block {self._tip.head.number}")
        span = {"fromBlock": hex(low), "toBlock": hex(high)}
        return await self._range({**where, **span}, wanted, low, high)

    async def _range(self, where: Json, wanted: Filter, low: int, high: int) -> list[Json]:
        """The kept part of the range from the kept blocks, what is older from upstream."""
        floor = self._feed.blocks.floor
        if floor is None or high < floor.head.number or not wanted.addresses:
            return await self._passed_logs(where)
        kept = max(low, floor.head.number)
        older: list[Json] = []
        if low < kept:
            older = await self._passed_logs({**where, "toBlock": hex(kept - 1)})
        try:
            await self._coverage.cover(wanted.addresses, kept, high)
        except TooMany:
            return await self._passed_logs(where)
        if high > self._tip.head.number:
            raise Behind(f"block {high} is beyond current head: a re-org took it out")
        if self._feed.blocks.at(kept) is None:
            return await self._passed_logs(where)  # the oldest blocks went while we waited
        found = _matching(self._feed.blocks.between(kept, high), wanted)
        self.made["eth_getLogs", "kept"] += 1
        return older + found

    async def _logs_of(self, where: Json, wanted: Filter) -> list[Json]:
        if where.get("fromBlock") is not None or where.get("toBlock") is not None:
            raise BadParams("blockHash goes without fromBlock and toBlock")
        block = self._feed.blocks.by_hash(parse_hash(where["blockHash"]))
        if block is None or not wanted.addresses:
            return await self._passed_logs(where)
        try:
            await self._coverage.cover(wanted.addresses, block.head.number, block.head.number)
        except TooMany:
            return await self._passed_logs(where)
        if not block.covers.issuperset(wanted.addresses):
            return await self._passed_logs(where)  # a re-org took it out while we waited
        self.made["eth_getLogs", "kept"] += 1
        return _matching([block], wanted)

    async def _passed_logs(self, where: Json) -> list[Json]:
        logs: list[Json] = await self._pass("eth_getLogs", (where,))
        return logs

    def _place(self, which: Any) -> int | None:
        """A block's number; none for a tag that only a node can resolve. Raises BadParams."""
        if which is None or which == "latest":
            return self._tip.head.number
        if which == "earliest":
            return 0
        if which in ("pending", "safe", "finalized"):
            return None
        return parse_number(which)

    def _kept(self, method: str, result: Any) -> Any:
        self.made[method, "kept"] += 1
        return result

    # --- by an upstream ---------------------------------------------------------------------------

    async def _state(self, method: str, params: Sequence[Any], place: int) -> Any:
        """State at "latest" is state at our tip: an upstream that lags refuses instead of answering late."""
        if len(params) < place:
            raise BadParams(f"{method} takes {place} parameters and a block")
        which = params[place] if len(params) > place else "latest"
        if which == "latest":
            at_tip = (*params[:place], self._tip.header["number"], *params[place + 1 :])
            return await self._once(method, at_tip)
        return await self._pass(method, params)

    async def _once(self, method: str, params: Sequence[Any]) -> Any:
        """The answer of an upstream, shared by all who ask the same before the next block."""
        if self._shared_at is not self._feed.blocks.tip:
            self._shared, self._shared_at = {}, self._feed.blocks.tip
        shared, key = self._shared, orjson.dumps((method, params))
        task = shared.get(key)
        if task is None:
            if len(shared) >= MAX_SHARED:
                return await self._pass(method, params)
            task = shared[key] = asyncio.create_task(self._pass(method, params), name=method)
            task.add_done_callback(lambda done: _forget_bad(shared, key, done))
        else:
            self.made[method, "shared"] += 1
        return await asyncio.shield(task)

    async def _pass(self, method: str, params: Sequence[Any]) -> Any:
        self.made[method, "passed"] += 1
        return await self._endpoints.call(method, *params)


def _forget_bad(shared: dict[bytes, asyncio.Task[Any]], key: bytes, task: asyncio.Task[Any]) -> None:
    """Share no error and no null with who asks later."""
    if task.cancelled() or task.exception() is not None or task.result() is None:
        shared.pop(key, None)


def _two(params: Sequence[Any]) -> tuple[Any, bool]:
    """A block and whether its transactions are wanted in full. Raises BadParams."""
    if not 1 <= len(params) <= 2 or not isinstance(params[1] if len(params) > 1 else False, bool):
        raise BadParams("a block, and true or false")
    return params[0], len(params) > 1 and params[1]


def _matching(blocks: Sequence[Block], wanted: Filter) -> list[Json]:
    """Their logs that are wanted, in order. Raises RangeRefused above MAX_LOGS."""
    found = [log for block in blocks for log in block.ordered() if wanted.takes(log)]
    if len(found) > MAX_LOGS:
        raise RangeRefused(f"query returned more than {MAX_LOGS} results: ask for fewer blocks")
    return found
