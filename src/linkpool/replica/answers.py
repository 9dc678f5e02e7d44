"""Answers on their way to the chain: gathered, simulated, batched, sent, and given back if they did not land.

Answers that are ready together travel together, in one `fulfill_many`. A request whose transaction was
dropped, reverted or skipped is simply still open: its case makes a new answer. So nothing here retries, and
nothing is lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from linkpool.chain.intent import Intent, Mined, Why
from linkpool.chain.rpc import GasLimitTooHigh, Reverted, Rpc
from linkpool.chain.simulate import simulate
from linkpool.chain.stream import TxStream
from linkpool.contracts import oracle
from linkpool.errors import LinkPoolError, Temporary
from linkpool.replica.duty import STOP_SENDING
from linkpool.replica.requests import Request
from linkpool.replica.worth import Purse

log = structlog.get_logger(__name__)

GATHER_SECONDS = 0.02
"""How long the first answer waits for company; a fiftieth of the shortest block."""

LATE_SECONDS = 3_300.0
"""How long after its window an uncovered request is still answered; what a starting replica reads back."""

REJECT_GAS = 150_000
"""Gas limit of a rejection: one commitment, one state word, one event."""


class NotSent(Temporary):
    """The answer is not on chain; the request may still be open and wants a new one."""


class Indigestible(NotSent):
    """The chain will not have this transaction as it is; fewer answers in it may do."""


@dataclass(frozen=True)
class Answer:
    """One request and the words for its callback, the request id first (`fulfillOracleRequest2`)."""

    request: Request
    data: bytes
    gas_limit: int


@dataclass(eq=False)
class _Parcel:
    answer: Answer
    done: asyncio.Future[None]


@dataclass(frozen=True)
class Target:
    """The oracle contract that is answered: `ours` is a NodeOracle, else Chainlink's own Operator."""

    address: str
    ours: bool


class Answers:
    """The way out for one replica's answers. `purse` and `current` say what is true now, at each call."""

    def __init__(
        self,
        rpc: Rpc,
        stream: TxStream,
        sender: str,
        target: Target,
        now: Callable[[], float],
        purse: Callable[[], Purse],
        current: Callable[[Request], Request],
    ) -> None:
        self._rpc, self._stream, self._sender, self._target = rpc, stream, sender, target
        self._now, self._purse, self._current = now, purse, current
        self._ready: list[_Parcel] = []
        self._arrived = asyncio.Event()
        self._most = oracle.MAX_BATCH
        """Answers in one transaction; fewer where a block of this chain does not hold so much gas."""

    async def deliver(self, answer: Answer) -> None:
        """Return when a transaction with this answer was mined. Raises NotSent."""
        parcel = _Parcel(answer, asyncio.get_running_loop().create_future())
        self._ready.append(parcel)
        self._arrived.set()
        await parcel.done

    async def run(self) -> None:
        """Send what is ready, batch after batch, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._arrived.wait()
                await asyncio.sleep(GATHER_SECONDS)
                self._arrived.clear()
                for batch in self._batches():
                    tasks.create_task(self._send(batch))

    def _batches(self) -> list[list[_Parcel]]:
        """Everything that is ready, parted into transactions."""
        wanted = [parcel for parcel in self._ready if not parcel.done.done()]
        self._ready.clear()
        small = [p for p in wanted if self._target.ours and len(p.answer.data) <= oracle.MAX_BATCH_DATA]
        single = [[p] for p in wanted if p not in small]
        return single + [small[start : start + self._most] for start in range(0, len(small), self._most)]

    async def _send(self, batch: list[_Parcel]) -> None:
        """Send a batch; one that the chain refuses is halved, because one answer may have spoiled it."""
        batch = [parcel for parcel in batch if not parcel.done.done()]
        try:
            await self._mine(batch)
        except Indigestible as error:
            half = len(batch) // 2
            if half == 0:
                _give_back(batch, error)
            elif isinstance(error.__cause__, GasLimitTooHigh):
                self._most = max(min(self._most, half), 1)
            parts = (batch[:half], batch[half:]) if half else ()
            await asyncio.gather(*(self._send(part) for part in parts))
        except LinkPoolError as error:
            _give_back(batch, error)
        except Exception as error:
            # A fault in one batch must not end the sending of all others.
            log.exception("a batch failed", answers=len(batch))
            _give_back(batch, error)
        else:
            for parcel in batch:
                if not parcel.done.done():
                    parcel.done.set_result(None)

    async def _mine(self, batch: list[_Parcel]) -> None:
        if not batch:
            return
        answers = [parcel.answer for parcel in batch]
        requests, waiting = [answer.request for answer in answers], list(batch)
        data, gas = self._encode(answers)
        await self._try_out(data, gas)
        ticket = self._stream.submit(
            Intent(
                to=self._target.address,
                data=data,
                gas_limit=gas,
                max_fee=lambda now: self._purse().limit([self._current(one) for one in requests], now),
                worth=lambda: self._purse().worth([self._current(one) for one in requests]),
                wanted=lambda: any(not parcel.done.done() for parcel in waiting),
                deadline=min(self._deadline(request) for request in requests),
                label="answer",
            )
        )
        outcome = await ticket
        # The stream knows its tickets until they are final, for blocks; what travelled in them it needs not.
        requests.clear()
        waiting.clear()
        what = f"{len(batch)} answers: transaction"
        if not isinstance(outcome, Mined):
            kind = Indigestible if outcome.why is Why.REFUSED else NotSent
            raise kind(f"{what} dropped, {outcome.why.name.lower()}: {outcome.error}") from outcome.error
        if not outcome.succeeded:
            raise Indigestible(f"{what} 0x{outcome.tx_hash.hex()} reverted")

    def _encode(self, answers: Sequence[Answer]) -> tuple[bytes, int]:
        contract = oracle.Oracle(self._target.address)
        rows = [oracle.Answer(answer.request.terms, answer.data) for answer in answers]
        if len(rows) == 1:
            return contract.fulfill(rows[0]).data, answers[0].gas_limit
        return contract.fulfill_many(rows).data, oracle.batch_gas(len(rows))

    async def _try_out(self, data: bytes, gas: int) -> None:
        call = {"from": self._sender, "to": self._target.address, "data": "0x" + data.hex(), "gas": hex(gas)}
        try:
            await simulate(self._rpc, call)
        except Reverted as revert:
            log.info("would revert, not sent", reason=revert.reason)
            raise Indigestible(f"simulated: {revert.reason}") from revert

    def _deadline(self, request: Request) -> float:
        """Until when this answer may be sent, in chain seconds."""
        if self._current(request).covered:
            return request.event.expiration - STOP_SENDING
        return request.event.expiration + LATE_SECONDS

    def sendable(self, request: Request) -> bool:
        """It is not too late to answer."""
        return self._now() < self._deadline(request)

    def rejectable(self, request: Request) -> bool:
        """There is a cover to save, and the contract still takes rejections of it."""
        ours, request = self._target.ours, self._current(request)
        return ours and request.covered and self._now() < _reject_by(request)

    async def reject(self, request: Request, reason: oracle.Reason) -> None:
        """Reject a request on chain (a NodeOracle's); returns when mined. Raises NotSent."""
        data = oracle.Oracle(self._target.address).reject(request.terms, reason).data
        try:
            await self._try_out(data, REJECT_GAS)
            outcome = await self._stream.submit(
                Intent(
                    to=self._target.address,
                    data=data,
                    gas_limit=REJECT_GAS,
                    max_fee=lambda _now: self._purse().reject_worth(self._current(request)),
                    wanted=lambda: self._current(request).covered,
                    deadline=_reject_by(request),
                    label="reject",
                )
            )
        except NotSent:
            raise
        except LinkPoolError as error:
            raise NotSent(str(error)) from error
        if not isinstance(outcome, Mined) or not outcome.succeeded:
            raise NotSent(f"rejection of {request.run_id} did not land: {outcome}")


def _give_back(batch: Sequence[_Parcel], error: Exception) -> None:
    """None of these was answered: their cases decide what next."""
    for parcel in batch:
        if not parcel.done.done():
            parcel.done.set_exception(NotSent(str(error)))


def _reject_by(request: Request) -> float:
    """Until when the contract takes a rejection, in chain seconds."""
    return request.event.expiration - oracle.REJECT_SECONDS
