"""The book of a sender's nonces: what was sent under each, and what the chain made of it. Pure.

`base` is the first nonce that the chain has not used. From there to `next` every nonce has a flight, so
there is never a gap that nobody minds. A flight carries a ticket, or none (*vacant*): then its nonce is there
to be given to another ticket or to be filled. Flights below `base` are mined and kept until they are final.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from linkpool.chain.fees import Offer
from linkpool.chain.intent import Mined, Ticket

NEVER = -(10**9)
"""A block long ago."""


@dataclass(eq=False)
class Attempt:
    """One signed transaction; `ticket` is none for a filler. `accepted`: some node took it."""

    ticket: Ticket | None
    offer: Offer
    raw: bytes
    tx_hash: bytes
    accepted: bool = False


@dataclass(eq=False)
class Flight:
    """One nonce in use."""

    nonce: int
    ticket: Ticket | None = None
    attempts: list[Attempt] = field(default_factory=list)
    mined: Mined | None = None
    since: int = NEVER
    """Block at which it was last sent."""
    outbid: Offer | None = None
    """The highest offer that a node called underpriced: a transaction of somebody before us pays more."""
    missing: int = 0
    """How often the chain had used its nonce and knew none of its attempts."""

    @property
    def known(self) -> bool:
        """A node took one of its attempts, so that it may be mined any time."""
        return any(attempt.accepted for attempt in self.attempts)

    @property
    def contested(self) -> bool:
        """Something may be mined under its nonce: an attempt, or a transaction of somebody before us."""
        return bool(self.attempts) or self.outbid is not None

    @property
    def to_beat(self) -> Offer | None:
        """What a new attempt must pay more than."""
        offers = [attempt.offer for attempt in self.attempts] + ([self.outbid] if self.outbid else [])
        return max(offers, key=lambda offer: (offer.max_fee, offer.tip or 0), default=None)

    def is_due(self, block: int, stuck_blocks: int) -> bool:
        """Something should be done about it at `block`: nothing was sent, nobody took it, or it is stuck."""
        patient = self.attempts[-1].accepted if self.attempts else self.outbid is not None
        return block - self.since >= (stuck_blocks if patient else 1)


class Book:
    """All flights of one sender, and the tickets that wait for a nonce."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.flights: dict[int, Flight] = {}
        self.queue: list[Ticket] = []
        self._by_hash: dict[bytes, tuple[Flight, Attempt]] = {}

    @property
    def next(self) -> int:
        """The first nonce without a flight."""
        return max(self.base, max(self.flights, default=-1) + 1)

    def pending(self) -> list[Flight]:
        """Flights that are not mined, by nonce."""
        return [self.flights[nonce] for nonce in sorted(self.flights) if self.flights[nonce].mined is None]

    def landed(self) -> list[Flight]:
        """Flights that are mined and not final, by nonce."""
        return [self.flights[nonce] for nonce in sorted(self.flights) if self.flights[nonce].mined]

    def find(self, tx_hash: bytes) -> tuple[Flight, Attempt] | None:
        """The flight and attempt of a transaction of ours."""
        return self._by_hash.get(tx_hash)

    def open(self, ticket: Ticket | None = None) -> Flight:
        """A flight at the next nonce."""
        flight = Flight(self.next, ticket)
        self.flights[flight.nonce] = flight
        return flight

    def add(self, flight: Flight, attempt: Attempt) -> None:
        """An attempt is about to be sent."""
        flight.attempts.append(attempt)
        self._by_hash[attempt.tx_hash] = (flight, attempt)
        if attempt.ticket:
            attempt.ticket.tx_hash = attempt.tx_hash

    def withdraw(self, flight: Flight, attempt: Attempt) -> None:
        """A node refused an attempt: it is in no mempool."""
        flight.attempts.remove(attempt)
        self._by_hash.pop(attempt.tx_hash, None)

    def vacate(self, flight: Flight, *, requeue: bool) -> None:
        """Take the ticket from a flight; with `requeue` it waits for another nonce."""
        ticket, flight.ticket = flight.ticket, None
        if requeue and ticket and ticket.live and not ticket.landed and ticket not in self.queue:
            self.queue.append(ticket)

    def land(self, flight: Flight, attempt: Attempt, mined: Mined) -> None:
        """`attempt` is in a block; whoever else had this nonce waits again."""
        flight.mined, flight.missing = mined, 0
        self.base = max(self.base, flight.nonce + 1)
        if attempt.ticket is not flight.ticket:
            self.vacate(flight, requeue=True)
        flight.ticket = attempt.ticket
        if attempt.ticket:
            attempt.ticket.land(mined)
            if attempt.ticket in self.queue:
                self.queue.remove(attempt.ticket)

    def unland(self, flight: Flight) -> None:
        """A re-org took it out of the chain: it is pending again, and due at once."""
        flight.mined, flight.since, flight.missing = None, NEVER, 0
        if flight.ticket:
            flight.ticket.landed = None

    def lose(self, flight: Flight) -> None:
        """A foreign transaction used its nonce: the ticket waits for another."""
        self.vacate(flight, requeue=True)
        self._forget(flight)

    def settle(self, base: int) -> None:
        """The chain's next nonce is `base`. Every nonce from there to `next` gets a flight."""
        self.base = base
        for nonce in range(base, self.next):
            self.flights.setdefault(nonce, Flight(nonce))

    def trim(self) -> None:
        """Give back the last nonces while they are vacant and no node ever took anything under them."""
        while (last := self.flights.get(self.next - 1)) and not (last.mined or last.ticket or last.attempts):
            self._forget(last)

    def finish(self, final: int) -> None:
        """What was mined in block `final` or before is final."""
        for flight in self.landed():
            if flight.mined and flight.mined.block <= final:
                if flight.ticket:
                    flight.ticket.live = False
                self._forget(flight)

    def waiting(self) -> Iterator[Ticket]:
        """Tickets that are not mined: in flight, then queued."""
        yield from (flight.ticket for flight in self.pending() if flight.ticket)
        yield from self.queue

    def _forget(self, flight: Flight) -> None:
        del self.flights[flight.nonce]
        for attempt in flight.attempts:
            self._by_hash.pop(attempt.tx_hash, None)
