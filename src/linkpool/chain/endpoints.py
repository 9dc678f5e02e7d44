"""Several endpoints as one: scored, checked before use, passed over when they fail, and tried again later.

An endpoint is used only after its chain id and genesis block were found right. Reads go to the best one, and
to the next when it fails or takes unusually long: the first good answer wins. A transaction goes to the best
two, because a node may take it and tell nobody. One that fails again and again is set aside for a while that
doubles.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from linkpool.chain.rpc import (
    AlreadyKnown,
    Behind,
    Call,
    Endpoint,
    EndpointTrouble,
    NoEndpoint,
    RangeRefused,
    Refusal,
    SendRefused,
    Unsupported,
    WrongChain,
)
from linkpool.chain.types import parse_head, quantity

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE, WRONG_CHAIN_PAUSE = 5.0, 120.0, 300.0
SHY_SECONDS = 2.0
STRIKES = 3
"""Failures in a row after which an endpoint is set aside."""

FAR_BEHIND = 3
"""Blocks behind the chain at which an endpoint is used only when there is no better one."""

SEND_TO = 2
MIN_PATIENCE, MAX_PATIENCE = 0.3, 2.0
_NO_STRIKE = (RangeRefused, Unsupported, Behind)


@dataclass(eq=False)
class Standing:
    """What is known of one endpoint. `latency` in seconds (a moving mean), `lag` in blocks."""

    endpoint: Endpoint
    order: int
    latency: float = 0.0
    strikes: int = 0
    lag: int = 0
    admitted: bool = False
    shy_until: float = 0.0
    """It failed a moment ago: others are asked first until then."""
    away_until: float = 0.0
    pause: float = FIRST_PAUSE
    last_trouble: str = ""
    drops: Counter[str] = field(default_factory=Counter)
    admitting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def patience(self) -> float:
        """Seconds after which a call to it is doubled elsewhere."""
        return min(max(4 * self.latency, MIN_PATIENCE), MAX_PATIENCE)

    def good(self, seconds: float) -> None:
        """It answered."""
        self.latency = seconds if self.latency == 0.0 else 0.8 * self.latency + 0.2 * seconds
        self.strikes, self.shy_until = 0, 0.0


class Endpoints:
    """An Rpc over several endpoints, in order of preference (relays first, providers behind)."""

    def __init__(self, endpoints: Iterable[Endpoint], *, chain_id: int, genesis: bytes | None = None) -> None:
        """Without `genesis` (hash of block 0) the first endpoint with the right chain id decides it."""
        self.standings = [Standing(endpoint, order) for order, endpoint in enumerate(endpoints)]
        self._chain_id = chain_id
        self._genesis = genesis
        self._sending: dict[asyncio.Task[list[Any]], None] = {}

    async def call(self, method: str, *params: Any) -> Any:
        """The first good answer. Raises NoEndpoint when there is none, or the chain's Refusal."""
        if method == "eth_sendRawTransaction":
            return await self._send(*params)
        result = await self._first_good(lambda endpoint: endpoint.batch([(method, params)]))
        if isinstance(result[0], Refusal):
            raise result[0]
        return result[0]

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The first good answers, all from one endpoint. Raises NoEndpoint."""
        return await self._first_good(lambda endpoint: endpoint.batch(calls))

    async def pick(self, *, besides: Endpoint | None = None) -> Endpoint:
        """The best endpoint to follow the chain with, one that pushes if there is one. Raises NoEndpoint."""
        for standing in sorted(self._ranked(), key=lambda one: (self._poor(one), not one.endpoint.pushes)):
            if standing.endpoint is besides:
                continue
            with suppress(EndpointTrouble, TimeoutError):
                async with asyncio.timeout(MAX_PATIENCE):
                    await self._admit(standing)
                return standing.endpoint
        raise self._none()

    def is_better(self, endpoint: Endpoint, than: Endpoint) -> bool:
        """Following `endpoint` is worth leaving `than` for: it pushes, or is preferred, and is sound."""
        one, other = self._standing(endpoint), self._standing(than)
        if not one.admitted or self._poor(one) or self._is_away(one):
            return False
        return (not endpoint.pushes, one.order) < (not than.pushes, other.order)

    def drop(self, endpoint: Endpoint, why: EndpointTrouble) -> None:
        """Set an endpoint aside: it comes back after a pause, which doubles each time."""
        standing = self._standing(endpoint)
        kind, again = type(why).__name__, self._is_away(standing)
        standing.last_trouble = str(why)
        pause = WRONG_CHAIN_PAUSE if isinstance(why, WrongChain) else standing.pause
        standing.pause = min(2 * standing.pause, LONGEST_PAUSE)
        standing.away_until = asyncio.get_running_loop().time() + pause
        standing.strikes = 0
        standing.admitted = False
        if again:  # it was only tried because nobody else was there
            return
        standing.drops[kind] += 1
        log.warning("endpoint set aside", endpoint=endpoint.name, seconds=pause, kind=kind, why=str(why))

    def proved(self, endpoint: Endpoint, *, lag: int = 0) -> None:
        """It served well for a while (`lag` blocks behind the tip): its next pause is short again."""
        standing = self._standing(endpoint)
        standing.lag = lag
        standing.pause = FIRST_PAUSE

    async def _first_good(self, ask: Callable[[Endpoint], Awaitable[list[Any]]]) -> list[Any]:
        """Ask in order of rank; when one fails or its patience ends, ask the next as well."""
        asked: list[asyncio.Task[list[Any]]] = []
        troubles: list[EndpointTrouble] = []
        try:
            for standing in self._ranked():
                asked.append(asyncio.create_task(self._ask(standing, ask)))
                done = await self._any_good(asked, troubles, standing.patience)
                if done is not None:
                    return done.result()
            done = await self._any_good(asked, troubles, None)
            if done is not None:
                return done.result()
            raise (troubles[0] if len(troubles) == 1 else self._none(troubles))
        finally:
            for task in asked:
                task.cancel()

    @staticmethod
    async def _any_good(
        asked: list[asyncio.Task[list[Any]]], troubles: list[EndpointTrouble], patience: float | None
    ) -> asyncio.Task[list[Any]] | None:
        """The first of the tasks that ends well within `patience`; failed ones leave `asked`."""
        loop = asyncio.get_running_loop()
        end = None if patience is None else loop.time() + patience
        while asked:
            left = None if end is None else max(end - loop.time(), 0.0)
            done, _ = await asyncio.wait(asked, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return None
            for task in [one for one in asked if one in done]:
                problem = task.exception()
                if problem is None:
                    return task
                if not isinstance(problem, EndpointTrouble):
                    raise problem
                asked.remove(task)
                troubles.append(problem)
            if end is not None:
                return None  # somebody failed: do not wait out the patience, ask the next
        return None

    async def _ask(self, standing: Standing, ask: Callable[[Endpoint], Awaitable[list[Any]]]) -> list[Any]:
        await self._admit(standing)
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            result = await ask(standing.endpoint)
        except EndpointTrouble as trouble:
            self._strike(standing, trouble)
            raise
        standing.good(loop.time() - start)
        return result

    async def _send(self, raw: str) -> Any:
        """Give it to the best two; one that takes it is enough. Raises the most telling error."""
        call: Call = ("eth_sendRawTransaction", (raw,))
        tasks = [
            asyncio.create_task(self._ask(standing, lambda endpoint: endpoint.batch([call])))
            for standing in self._ranked()[:SEND_TO]
        ]
        self._sending.update(dict.fromkeys(tasks))
        for task in tasks:
            task.add_done_callback(self._sent)
        problems: list[BaseException] = []
        waiting = list(tasks)
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in [one for one in waiting if one in done]:
                waiting.remove(task)
                problem = task.exception() or next((r for r in task.result() if isinstance(r, Refusal)), None)
                if problem is None:
                    return task.result()[0]
                problems.append(problem)
        for kind in (AlreadyKnown, SendRefused, Refusal, EndpointTrouble, BaseException):
            for problem in problems:
                if isinstance(problem, kind):
                    raise problem
        raise self._none()

    def _sent(self, task: asyncio.Task[list[Any]]) -> None:
        """A send that went on after another endpoint took the transaction has ended."""
        self._sending.pop(task, None)
        if not task.cancelled():
            task.exception()

    async def _admit(self, standing: Standing) -> None:
        """Check chain id and genesis before the first use, and after every time it was set aside."""
        async with standing.admitting:
            if standing.admitted:
                return
            try:
                await self._check(standing.endpoint)
            except EndpointTrouble as trouble:
                self.drop(standing.endpoint, trouble)
                raise
            standing.admitted = True

    async def _check(self, endpoint: Endpoint) -> None:
        calls: list[Call] = [("eth_chainId", ()), ("eth_getBlockByNumber", ("0x0", False))]
        results = await endpoint.batch(calls)
        for result in results:
            if isinstance(result, Refusal):
                raise Unsupported(f"{endpoint.name}: {result}")
        chain_id = quantity(results[0])
        if chain_id != self._chain_id:
            raise WrongChain(f"{endpoint.name}: chain id {chain_id}, expected {self._chain_id}")
        genesis = parse_head(results[1]).hash
        if self._genesis is None:
            self._genesis = genesis
        if genesis != self._genesis:
            raise WrongChain(f"{endpoint.name}: genesis 0x{genesis.hex()}, expected 0x{self._genesis.hex()}")

    def _strike(self, standing: Standing, trouble: EndpointTrouble) -> None:
        standing.last_trouble = str(trouble)
        if isinstance(trouble, _NO_STRIKE):
            return
        standing.strikes += 1
        standing.admitted = False  # whatever answers next at this URL has to show that it is the same chain
        standing.shy_until = asyncio.get_running_loop().time() + SHY_SECONDS
        if standing.strikes >= STRIKES and not self._is_away(standing):
            self.drop(standing.endpoint, trouble)

    def _ranked(self) -> list[Standing]:
        """Best first; those set aside are left out, unless that leaves nobody."""
        now = asyncio.get_running_loop().time()
        present = [one for one in self.standings if not self._is_away(one)]
        if not present:
            present = sorted(self.standings, key=lambda one: one.away_until)[:1]
        return sorted(present, key=lambda one: (self._poor(one), one.shy_until > now, one.order))

    @staticmethod
    def _poor(standing: Standing) -> bool:
        return standing.lag > FAR_BEHIND

    @staticmethod
    def _is_away(standing: Standing) -> bool:
        return standing.away_until > asyncio.get_running_loop().time()

    def _standing(self, endpoint: Endpoint) -> Standing:
        return next(one for one in self.standings if one.endpoint is endpoint)

    def _none(self, troubles: Sequence[EndpointTrouble] = ()) -> NoEndpoint:
        why = "; ".join(map(str, troubles)) or "; ".join(one.last_trouble for one in self.standings)
        return NoEndpoint(f"no RPC endpoint gives an answer: {why or 'none is configured'}")
