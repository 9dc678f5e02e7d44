"""What became of every request, read from the chain alone: nobody's own word counts in a proof."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from linkpool.chain.ranges import Wanted, read_range
from linkpool.chain.rpc import Rpc
from linkpool.chain.types import Log, quantity
from linkpool.contracts import events, oracle
from linkpool.replica.requests import Request


@dataclass
class Fate:
    """One request. Blocks and loop times; none while it is open."""

    request: Request
    answered_in: int | None = None
    answered_at: float | None = None

    @property
    def delay(self) -> int | None:
        """Blocks from request to answer."""
        return None if self.answered_in is None else self.answered_in - self.request.log.block_number


@dataclass
class Tally:
    """Follows one oracle contract by polling; `update` before reading."""

    rpc: Rpc
    oracle: str
    next_block: int
    fates: dict[bytes, Fate] = field(default_factory=dict)
    payments: Counter[bytes] = field(default_factory=Counter)
    """Answers paid, by request id."""

    async def update(self) -> int:
        """Read up to the newest block; returns its number. Raises EndpointTrouble."""
        head = quantity(await self.rpc.call("eth_blockNumber"))
        async for piece in read_range(self.rpc, Wanted((self.oracle,), ()), self.next_block, head):
            self._take(piece.logs)
            self.next_block = piece.high + 1
        return head

    def _take(self, logs: Iterable[Log]) -> None:
        for log in logs:
            match events.decode(log):
                case oracle.OracleRequest() as event:
                    self.fates.setdefault(event.request_id, Fate(Request(event)))
                case oracle.OracleResponse(request_id=request_id):
                    self.payments[request_id] += 1
                    fate = self.fates.get(request_id)
                    if fate is None:
                        continue  # asked before we looked
                    fate.answered_in = fate.answered_in or log.block_number
                    fate.answered_at = fate.answered_at or asyncio.get_running_loop().time()
                case _:
                    pass

    @property
    def answered(self) -> int:
        """Requests with an answer."""
        return sum(fate.answered_in is not None for fate in self.fates.values())

    @property
    def open(self) -> int:
        """Requests without one."""
        return len(self.fates) - self.answered

    @property
    def paid_twice(self) -> int:
        """Requests that were paid more than once. Must be 0, whatever happens."""
        return sum(count > 1 for count in self.payments.values())

    @property
    def median_delay(self) -> float | None:
        """Blocks from request to answer; None before the first."""
        delays = [fate.delay for fate in self.fates.values() if fate.delay is not None]
        return median(delays) if delays else None
