"""One transaction stream per sender: nonces in order, several in flight, nothing stuck, nothing lost.

The stream keeps no state on disk. A new holder of a key starts at the latest nonce: what its predecessor left
pending under that nonce and the next ones is outbid by its own transactions, or mined and noticed as
foreign. So a kill at any moment costs at most gas. Every step does the same three things: learn what was
mined (from logs the caller saw, else from nonce and receipts), decide (`chain/plan.py`), send. A step that
fails is made again.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import structlog

from linkpool.chain import rpc as errors
from linkpool.chain.clock import ChainClock
from linkpool.chain.fees import FeeSource, Market, Offer
from linkpool.chain.funds import Funds
from linkpool.chain.intent import Intent, Mined, Ticket, Why
from linkpool.chain.keys import Key
from linkpool.chain.nonces import Attempt, Book, Flight
from linkpool.chain.plan import Limits, Moment, Send, offer_for, plan
from linkpool.chain.rpc import EndpointTrouble, Garbage, Refusal, Rpc, SendRefused
from linkpool.chain.types import Head, hexed, quantity, unhex
from linkpool.units import Wei

log = structlog.get_logger(__name__)

FILLER_GAS, MAX_FILLER_GAS = 21_000, 2_000_000
GRACE_SECONDS = 0.3
"""After a head its logs get this long to confirm what it mined, before nonce and receipts are asked for."""

RETRY_SECONDS = 1.0
OUTBID_TRIES = 12
REFUSALS = 3
"""Times the chain may refuse an intent for a reason we do not know before it is given up."""

_HOPELESS = (errors.IntrinsicGas, errors.GasLimitTooHigh)


class TxStream:
    """Sends what is submitted, from one key, until each is mined or no longer wanted."""

    def __init__(
        self,
        rpc: Rpc,
        key: Key,
        clock: ChainClock,
        *,
        chain_id: int,
        in_flight: int = 16,
        stuck_blocks: int = 3,
        final_blocks: int = 32,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._rpc = rpc
        self._key = key
        self._clock = clock
        self._chain_id = chain_id
        self._limits = Limits(in_flight, stuck_blocks)
        self._final = final_blocks
        self._grace = grace
        self._fees = FeeSource(rpc)
        self._book: Book | None = None
        self._early: list[Ticket] = []
        self._orders = 0
        self._head: Head | None = None
        self._wake = asyncio.Event()
        self._learn_at: float | None = None
        self._learned = -1
        self._low = 0
        self._doubt = False
        self._short_at = -1
        self._filler_gas = FILLER_GAS
        self.funds = Funds(rpc, key.address)
        self.counts: Counter[str] = Counter()
        """sent, replaced, repeated, filled, mined, reverted, foreign, reorged, and `refused_...` by kind."""

    @property
    def address(self) -> str:
        """The sender."""
        return self._key.address

    @property
    def waiting(self) -> int:
        """Tickets that are not mined."""
        return len(self._early) + (sum(1 for _ in self._book.waiting()) if self._book else 0)

    @property
    def pending(self) -> int | None:
        """The nonce after the last one sent; none before the first look at the chain."""
        return self._book.next if self._book else None

    # --- what the owner calls ---------------------------------------------------------------------

    def submit(self, intent: Intent) -> Ticket:
        """Take an intent; it is sent at the next step."""
        self._orders += 1
        ticket = Ticket(intent, self._orders)
        (self._book.queue if self._book else self._early).append(ticket)
        self._wake.set()
        return ticket

    def on_head(self, head: Head) -> None:
        """Every new tip. One that does not follow the last makes all that was mined doubtful."""
        last, self._head = self._head, head
        if last is not None and head.parent_hash != last.hash:
            self._doubt = True
        if self._book:
            self._book.finish(head.number - self._final)
        if self._learn_at is None:
            self._learn_at = asyncio.get_running_loop().time() + self._grace
        self._wake.set()

    def confirmed(self, tx_hash: bytes, block: int) -> bool:
        """A log of this transaction is in that block: so it was mined, and did not revert. Any hash will do.

        Returns whether it is one of ours.
        """
        found = self._book.find(tx_hash) if self._book else None
        if found and found[0].mined is None:
            self._land(*found, Mined(tx_hash, block, succeeded=True))
        return found is not None

    def unconfirmed(self, tx_hash: bytes) -> None:
        """A log of this transaction was taken back by a re-org. Any hash will do."""
        if self._book and self._book.find(tx_hash):
            self._doubt = True
            self._wake.set()

    async def run(self) -> None:
        """Serve for ever. What the chain or its endpoints refuse is waited out, not raised."""
        while True:
            try:
                await self._step()
            except (EndpointTrouble, Refusal) as trouble:
                log.warning("stream waits for the chain", sender=self.address, why=str(trouble))
                await asyncio.sleep(RETRY_SECONDS)
                self._learn_at = asyncio.get_running_loop().time()
                continue
            await self._sleep()

    # --- one step ---------------------------------------------------------------------------------

    async def _sleep(self) -> None:
        """Until there is news, receipts are due, or something unsure should be tried again."""
        now = asyncio.get_running_loop().time()
        times = [now + RETRY_SECONDS] if self.waiting else []
        if self._learn_at is not None and self._book and self._book.pending():
            times.append(max(self._learn_at, now))
        try:
            async with asyncio.timeout_at(min(times, default=None)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _step(self) -> None:
        if self._book is None:
            self._book = Book(await self._nonce())
            self._book.queue += self._early
            self._early.clear()
        await self._learn(self._book)
        self._book.trim()
        await self.funds.watch()
        if self._head is None or not self._clock.known or not self.waiting:
            return
        if self.funds.short and self._short_at == self._learned:
            return
        market = await self._fees.market(self._head)
        sends = plan(self._book, Moment(self._learned, self._clock.now(), market), self._limits)
        if self.funds.short and sends:
            self._short_at, sends = self._learned, sends[:1]  # one that goes through tells of new money
        await asyncio.gather(*(self._send(self._book, send, market) for send in sends))

    async def _learn(self, book: Book) -> None:
        """Find out what was mined, if a block came since, or undone, if there is doubt."""
        head = self._head
        due = self._learn_at is not None and asyncio.get_running_loop().time() >= self._learn_at
        if due:
            self._learn_at = None
        unsure = due and head and any(f.contested and f.since < head.number for f in book.pending())
        doubt = self._doubt and bool(book.flights or book.queue)
        if unsure or doubt:
            latest = await self._nonce()
            self._low = self._low + 1 if latest < book.base else 0
            doubt = doubt or self._low > 1  # once it may be a lagging endpoint, twice it is an unseen re-org
            if doubt:
                await self._recheck(book, latest)
                self._doubt = False
            if latest > book.base or doubt:
                book.settle(latest)
            await self._read_receipts(book, [flight for flight in book.pending() if flight.nonce < latest])
        if due and head:
            self._learned = head.number

    async def _recheck(self, book: Book, latest: int) -> None:
        """After a re-org: what was mined and is not any more is pending again."""
        landed = book.landed()
        receipts = await self._receipts([flight.mined.tx_hash for flight in landed if flight.mined])
        for flight, mined in zip(landed, receipts, strict=True):
            if mined is None or flight.nonce >= latest:
                self.counts["reorged"] += 1
                book.unland(flight)
            else:
                flight.mined = mined

    async def _read_receipts(self, book: Book, flights: Sequence[Flight]) -> None:
        """These nonces are used: by which attempt? By none of them, twice in a row: by somebody else."""
        pairs = [(flight, attempt) for flight in flights for attempt in flight.attempts]
        receipts = await self._receipts([attempt.tx_hash for _, attempt in pairs])
        for (flight, attempt), mined in zip(pairs, receipts, strict=True):
            if mined is not None and flight.mined is None:
                self._land(flight, attempt, mined)
        for flight in flights:
            if flight.mined is None:
                flight.missing += 1
                if flight.missing > 1 or not flight.known:
                    self.counts["foreign"] += 1
                    book.lose(flight)

    def _land(self, flight: Flight, attempt: Attempt, mined: Mined) -> None:
        if self._book is None or flight.mined is not None:
            return
        self._book.land(flight, attempt, mined)
        self.funds.spent()
        self.counts["mined" if mined.succeeded else "reverted"] += 1
        self._wake.set()

    # --- sending ----------------------------------------------------------------------------------

    async def _send(self, book: Book, send: Send, market: Market) -> None:
        """Send one flight; where somebody before us pays more for its nonce, outbid them up to the cap."""
        offer = send.offer
        for _ in range(OUTBID_TRIES):
            if send.flight.mined is not None:
                return
            again = offer is None
            attempt = send.flight.attempts[-1] if offer is None else self._sign(send.flight, offer)
            if not again:
                book.add(send.flight, attempt)
            if not await self._try(book, send.flight, attempt, again=again):
                return
            if attempt.offer.max_fee >= send.cap.most:
                return
            offer = offer_for(send.flight, market, send.cap)
            if offer is None:
                return

    def _sign(self, flight: Flight, offer: Offer) -> Attempt:
        intent = flight.ticket.intent if flight.ticket else None
        transaction = {
            "chainId": self._chain_id,
            "nonce": flight.nonce,
            "to": intent.to if intent else self.address,
            "value": intent.value if intent else 0,
            "data": hexed(intent.data) if intent else "0x",
            "gas": intent.gas_limit if intent else self._filler_gas,
            **offer.fields(),
        }
        raw, tx_hash = self._key.sign(transaction)
        return Attempt(flight.ticket, offer, raw, tx_hash)

    async def _try(self, book: Book, flight: Flight, attempt: Attempt, *, again: bool) -> bool:
        """One send, and what its answer means. True: outbid, try again with more."""
        flight.since = self._head.number if self._head else 0
        self._count(flight, attempt, again=again)
        try:
            await self._rpc.call("eth_sendRawTransaction", hexed(attempt.raw))
        except errors.AlreadyKnown:
            attempt.accepted = True
        except (errors.NonceTooLow, errors.NonceTooHigh):
            self._doubt = True
            self._wake.set()
        except EndpointTrouble as trouble:
            log.info(
                "not known whether it was sent", sender=self.address, nonce=flight.nonce, why=str(trouble)
            )
        except Refusal as refusal:
            self.counts[f"refused_{type(refusal).__name__}"] += 1
            return self._refused(book, flight, attempt, refusal, again=again)
        else:
            attempt.accepted = True
            self.funds.taken()
        return False

    def _refused(
        self, book: Book, flight: Flight, attempt: Attempt, refusal: Refusal, *, again: bool
    ) -> bool:
        if again:
            return False  # it was taken before: the refusal is about what stands there now
        book.withdraw(flight, attempt)
        ticket = attempt.ticket
        if isinstance(refusal, errors.Underpriced):
            flight.outbid = _steeper(flight.outbid, attempt.offer)
            return True
        if isinstance(refusal, errors.FeeTooLow):
            self._fees.stale()
        elif isinstance(refusal, errors.InsufficientFunds):
            self.funds.refused(self._cost(attempt))
        elif ticket is None:
            self._filler_gas = min(
                2 * self._filler_gas, MAX_FILLER_GAS
            )  # some chains charge for more than gas
        else:
            ticket.refusals += 1
            hopeless = isinstance(refusal, _HOPELESS) or ticket.refusals >= REFUSALS
            book.vacate(flight, requeue=not hopeless)
            self._wake.set()
            if hopeless:
                log.error("a transaction was refused", sender=self.address, why=str(refusal))
                ticket.drop(Why.REFUSED, refusal)
        return False

    def _cost(self, attempt: Attempt) -> Wei:
        """The most that it may cost in all: what a node wants to see in the balance."""
        intent = attempt.ticket.intent if attempt.ticket else None
        gas, value = (intent.gas_limit, intent.value) if intent else (self._filler_gas, 0)
        return Wei(gas * attempt.offer.max_fee + value)

    def _count(self, flight: Flight, attempt: Attempt, *, again: bool) -> None:
        if again:
            self.counts["repeated"] += 1
        elif attempt.ticket is None:
            self.counts["filled"] += 1
        else:
            self.counts["sent" if len(flight.attempts) == 1 else "replaced"] += 1

    # --- asking -----------------------------------------------------------------------------------

    async def _nonce(self) -> int:
        return quantity(await self._rpc.call("eth_getTransactionCount", self.address, "latest"))

    async def _receipts(self, hashes: Sequence[bytes]) -> list[Mined | None]:
        if not hashes:
            return []
        answers = await self._rpc.batch([("eth_getTransactionReceipt", (hexed(one),)) for one in hashes])
        return [_parse_receipt(answer) for answer in answers]


def _steeper(outbid: Offer | None, offer: Offer) -> Offer:
    """What to beat next: an eighth more did not do a second time, so half as much again."""
    if outbid is None:
        return offer
    tip = None if offer.tip is None else Wei(offer.tip * 3 // 2)
    return Offer(Wei(offer.max_fee * 3 // 2), tip)


def _parse_receipt(answer: Any) -> Mined | None:
    """A receipt as what became of the transaction; none while there is none. Raises Garbage."""
    if answer is None or isinstance(answer, SendRefused):
        return None
    try:
        gas_used = int(answer["gasUsed"], 16)
        price = answer.get("effectiveGasPrice")
        return Mined(
            tx_hash=unhex(answer["transactionHash"]),
            block=int(answer["blockNumber"], 16),
            succeeded=int(answer["status"], 16) == 1,
            gas_used=gas_used,
            fee=None if price is None else Wei(gas_used * int(price, 16)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Garbage(f"not a receipt: {str(answer)[:200]}") from problem
