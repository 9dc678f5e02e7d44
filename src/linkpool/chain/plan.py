"""What a sender should send now: a pure decision over its book, the market and the time.

In this order: give up what is wanted no more; take a nonce away from a ticket that cannot pay for it while
another could; give vacant and new nonces to those who wait, most urgent first; fill vacant nonces that others
wait behind; replace or repeat what is stuck.
"""

from dataclasses import dataclass

from linkpool.chain.fees import Cap, Market, Offer
from linkpool.chain.intent import Ticket
from linkpool.chain.nonces import Book, Flight
from linkpool.units import Wei


@dataclass(frozen=True)
class Moment:
    """When it is: the last block whose effects are known, chain seconds, and what gas costs."""

    block: int
    now: float
    market: Market


@dataclass(frozen=True)
class Limits:
    """Transactions in flight at once; blocks after which one that is not mined is stuck."""

    in_flight: int = 16
    stuck_blocks: int = 3


@dataclass(frozen=True)
class Send:
    """Send this flight's ticket, or a filler if it has none, at `offer`; without one, repeat the last."""

    flight: Flight
    offer: Offer | None
    cap: Cap


def plan(book: Book, moment: Moment, limits: Limits) -> list[Send]:
    """What to send, by nonce. Changes who has which nonce in the book, and sends nothing itself."""
    _give_up(book, moment, limits)
    _mark_priced_out(book, moment)
    _unseat(book, moment, limits)
    sends = _seat(book, moment, limits)
    sends += _fill(book, moment, limits)
    seated = {send.flight.nonce for send in sends}
    sends += _repeat(book, moment, limits, seated)
    return sorted(sends, key=lambda send: send.flight.nonce)


def offer_for(flight: Flight, market: Market, cap: Cap) -> Offer | None:
    """The offer of the next attempt under a nonce, or none if `cap` cannot pay for it."""
    beat = flight.to_beat
    if beat is None:
        return market.first(cap.worth)
    return market.raised(beat, cap.most) or (None if flight.attempts else market.most(beat, cap.most))


def _cap(ticket: Ticket, moment: Moment) -> Cap:
    return ticket.intent.cap(moment.now)


def _give_up(book: Book, moment: Moment, limits: Limits) -> None:
    for queued in list(book.queue):
        why = queued.reason_to_stop(moment.now)
        if why is not None:
            book.queue.remove(queued)
            queued.drop(why)
    for flight in book.pending():
        ticket = flight.ticket
        if ticket is None or not flight.is_due(moment.block, limits.stuck_blocks):
            continue
        why = ticket.reason_to_stop(moment.now)
        if ticket.landed is not None:
            book.vacate(flight, requeue=False)  # another nonce carried it
        elif why is not None:
            ticket.drop(why)
            book.vacate(flight, requeue=False)


def _mark_priced_out(book: Book, moment: Moment) -> None:
    """Say of every ticket whether money is what it waits for."""
    for ticket in book.queue:
        ticket.priced_out = moment.market.first(_cap(ticket, moment).worth) is None
    for flight in book.pending():
        if flight.ticket is not None:
            sent = max((attempt.offer.max_fee for attempt in flight.attempts), default=0)
            dear = sent < moment.market.floor and not _can_pay(flight, flight.ticket, moment)
            flight.ticket.priced_out = dear


def _unseat(book: Book, moment: Moment, limits: Limits) -> None:
    """The first nonce holds up all others: whoever cannot pay for it leaves it to one who can."""
    first = next(iter(book.pending()), None)
    if first is None or first.ticket is None or not first.is_due(moment.block, limits.stuck_blocks):
        return
    sent = first.attempts[-1].offer.max_fee if first.attempts else 0
    if sent >= moment.market.floor or _can_pay(first, first.ticket, moment):
        return
    if any(_can_pay(first, ticket, moment) for ticket in book.waiting()):
        book.vacate(first, requeue=True)


def _can_pay(flight: Flight, ticket: Ticket, moment: Moment) -> bool:
    return offer_for(flight, moment.market, _cap(ticket, moment)) is not None


def _seat(book: Book, moment: Moment, limits: Limits) -> list[Send]:
    """Give vacant nonces, then new ones, to the queue."""
    sends: list[Send] = []
    pending = book.pending()
    vacant = [f for f in pending if f.ticket is None and f.is_due(moment.block, limits.stuck_blocks)]
    room = limits.in_flight - len(pending)
    for ticket in sorted(book.queue, key=lambda one: (one.intent.deadline, one.order)):
        cap = _cap(ticket, moment)
        flight = next((one for one in vacant if offer_for(one, moment.market, cap)), None)
        if flight is not None:
            vacant.remove(flight)
            flight.ticket = ticket
        elif room > 0 and moment.market.first(cap.worth):
            flight = book.open(ticket)
            room -= 1
        else:
            continue
        book.queue.remove(ticket)
        sends.append(Send(flight, offer_for(flight, moment.market, cap), cap))
    return sends


def _fill(book: Book, moment: Moment, limits: Limits) -> list[Send]:
    """Fill vacant nonces that a ticket waits behind, for no more than that ticket may cost."""
    sends: list[Send] = []
    cap = Cap(Wei(0), Wei(0))
    for flight in reversed(book.pending()):
        if flight.ticket is not None:
            cap = max(cap, _cap(flight.ticket, moment))
        elif cap.most and flight.is_due(moment.block, limits.stuck_blocks):
            offer = offer_for(flight, moment.market, cap)
            if offer is not None or flight.attempts:
                sends.append(Send(flight, offer, cap))
    return sends


def _repeat(book: Book, moment: Moment, limits: Limits, seated: set[int]) -> list[Send]:
    """Replace what is stuck where that helps, and say the rest again, in case a node forgot it."""
    sends: list[Send] = []
    for place, flight in enumerate(book.pending()):
        if flight.ticket is None or flight.nonce in seated:
            continue
        if not flight.is_due(moment.block, limits.stuck_blocks):
            continue
        cap, beat = _cap(flight.ticket, moment), flight.to_beat
        mine = [attempt for attempt in flight.attempts if attempt.ticket is flight.ticket]
        pays = beat is not None and beat.max_fee >= moment.market.floor
        tried = bool(mine) and mine[-1].accepted
        offer = (
            None if (pays and mine and (place > 0 or not tried)) else offer_for(flight, moment.market, cap)
        )
        if offer is not None or mine:
            sends.append(Send(flight, offer, cap))
    return sends
