"""The laws that every history must keep.

Safety, always:
- a request is paid at most once;
- an answer carries the data that its own question wants;
- replicas send transactions to the oracle (or, to fill a nonce, to themselves) and nowhere else;
- no answer to a covered request enters a mempool after the request's window, unless an endpoint of some
  seat was unsound in the minutes before: a replica that sees an old chain cannot know the time. (An
  answer that was sent in time may be mined late: nobody can take it back.)
- a run that kills nobody is convicted of it only if it was being tried at two deaths that chance brought;
- a deadly request kills at most `DEATHS + STRIKES` replicas, one more for each that was killed meanwhile or
  tried it beside other suspects, and one for each sibling, which may begin it before it hears of the deaths;
  under each leader, since one that comes when nobody lives to tell it begins anew; where lines are sound and
  the chain is not rewritten;
- no replica ends by an error, and each counts the end of every request that it saw exactly once.

Liveness: a request of the final chain is answered within its window if some seat had a stretch
(`tests/sim/stretches.py`) in which it was good for `ENOUGH_SECONDS` and `ENOUGH_BLOCKS` after the request was
there, confirmed and due, and before sending stops. It is due when the last of the largest roster may answer,
at the last resort by the latest. That the gas of an answer is worth paying from the start is a matter of
prices (`draw.PRICE`), and a spike of the base fee ends a stretch. Left out: a job whose source refuses for
good, one that no catalog in force has, deadly ones and what was taken for one, and those rejected and
cancelled. Suspects are due when the last in line may try them.
"""

from collections import Counter
from collections.abc import Iterator

from linkpool.fleet.agents.poison import DEATHS, STRIKES
from linkpool.replica.duty import LAST_RESORT, STOP_SENDING, WINDOW, Pace
from linkpool.replica.requests import End, Request
from linkpool.replica.turn import TRIAL_STEP
from tests.sim import oracle as fake
from tests.sim import record, sources
from tests.sim.events import Blackout, Cut, Drought, Kill, Leave, Reorg, Say, Word
from tests.sim.record import Told
from tests.sim.sources import Job
from tests.sim.stretches import Stretch
from tests.sim.world import World

ENOUGH_SECONDS = 30.0
"""To notice that a subscription fell silent (half a minute), and to try again after a failed run."""

ENOUGH_BLOCKS = 4
"""To replace what is stuck, to have it mined, and to see that."""


def broken(world: World) -> list[str]:
    """Which laws the world broke, in words; empty when it kept them all."""
    told = record.read(world.chain)
    return [
        *_paid_twice(told),
        *_wrong(told),
        *_astray(world),
        *_late(world, told),
        *_condemned(world, told),
        *_deadly(world, told),
        *_ended(world),
        *_miscounted(world, told),
        *_missed(world, told),
    ]


def _name(one: Told) -> str:
    return f"request {one.number} (run {Request(one.event).run_id}, block {one.block.number})"


# --- safety ---------------------------------------------------------------------------------------


def _paid_twice(told: list[Told]) -> Iterator[str]:
    for one in told:
        if len(one.given) > 1:
            yield f"{_name(one)} was paid {len(one.given)} times"


def _wrong(told: list[Told]) -> Iterator[str]:
    for one in told:
        for block, _, data in one.given:
            if data != one.wanted:
                yield f"{_name(one)} got 0x{data[32:64].hex()} in block {block.number}"


def _astray(world: World) -> Iterator[str]:
    for receipt in world.chain.executed():
        tx = receipt.tx
        if world.is_ours(tx) and tx.to != fake.ADDRESS and (tx.to != tx.sender or tx.value or tx.data):
            yield f"transaction {tx.hash.hex()[:8]} of {tx.sender} went to {tx.to}"


def _late(world: World, told: list[Told]) -> Iterator[str]:
    for one in told:
        for _, tx, _ in one.given:
            moment, head = world.submitted[tx.hash]
            late = one.covered and one.rejected is None and head >= one.event.expiration
            if late and not world.stretches.blind(before=moment):
                yield f"{_name(one)} is covered, and was answered after its window"


def _condemned(world: World, told: list[Told]) -> Iterator[str]:
    for one in told:
        run = Request(one.event).run_id
        innocent = one.job is not Job.DEADLY and world.plane.bad_luck[run] < STRIKES
        if innocent and run in world.plane.convicted:
            yield f"{_name(one)} kills nobody and was convicted of it"


def _deadly(world: World, told: list[Told]) -> Iterator[str]:
    history = world.history
    sound = history.loss == 0 and history.delay < 1
    happened = history.events
    if not sound or any(isinstance(e, Cut | Reorg | Leave) for e in happened):
        return
    leaders = 1 + sum(isinstance(e, Say) and e.word is Word.ELECT for e in happened)
    chance = sum(isinstance(e, Kill) + len(world.seats) * isinstance(e, Blackout) for e in happened)
    siblings = len(world.seats) - 1
    beside: Counter[int] = Counter()
    for one in told:
        beside[one.number] += world.plane.beside[Request(one.event).run_id]
    for number, killed in world.killed.items():
        if killed > leaders * (DEATHS + STRIKES + siblings) + chance + beside[number]:
            yield f"question {number} killed {killed} replicas"


def _ended(world: World) -> Iterator[str]:
    for life in world.lives:
        if life.trouble is not None:
            yield f"{life.task} ended by {life.trouble!r}"


def _miscounted(world: World, told: list[Told]) -> Iterator[str]:
    head = world.chain.head
    open_now = [t for t in told if not t.given and not t.cancelled and head.timestamp < t.event.expiration]
    for life in world.lives:
        if life.core is None:
            continue
        ledger, figures = life.core.serving.ledger, life.metrics.registry.get_sample_value
        seen = figures("linkpool_requests_seen_total") or 0
        ended = sum(figures("linkpool_requests_ended_total", {"how": how}) or 0 for how in End)
        if seen != ended + ledger.open + ledger.lost:
            yield f"{life.task} saw {seen}, {ended} ended, {ledger.open} are open, {ledger.lost} lost"
        latest = life.core.heads.latest
        if latest and latest.hash == head.hash and ledger.open != len(open_now):
            yield f"{life.task} holds {ledger.open} requests for open, the chain {len(open_now)}"


# --- liveness -------------------------------------------------------------------------------------


def _missed(world: World, told: list[Told]) -> Iterator[str]:
    for one in told:
        if not one.in_time and (stretch := owed(world, one)):
            yield (
                f"{_name(one)} was not answered in its window, though {stretch.task} was good from "
                f"{stretch.start:.1f} s to {stretch.end:.1f} s and it was due by {_due(world, one):.1f} s"
            )


def owed(world: World, one: Told) -> Stretch | None:
    """The stretch that owes this request an answer, if there is one."""
    if _excused(world, one):
        return None
    return next((stretch for stretch in world.stretches.past if _enough(world, one, stretch)), None)


def _excused(world: World, one: Told) -> bool:
    published = any(isinstance(e, Say) and e.word is Word.PUBLISH for e in world.history.events)
    if one.job is Job.REFUSED or (one.job is Job.LATER and not published):
        return True
    if one.job is Job.DEADLY or Request(one.event).run_id in world.plane.convicted:
        return True
    return one.rejected is not None and one.cancelled is not None


def _enough(world: World, one: Told, stretch: Stretch) -> bool:
    block = world.history.block_time
    begin = max(stretch.start, _due(world, one))
    until = min(stretch.end, world.at(one.event.expiration) - STOP_SENDING - world.history.drift)
    return until - begin >= ENOUGH_SECONDS + ENOUGH_BLOCKS * block


def _due(world: World, one: Told) -> float:
    """Seconds from the start at which the last in line should answer."""
    block = world.history.block_time
    made = world.at(one.event.expiration) - WINDOW
    there = max(made, world.appeared[one.block.hash])
    if one.job is Job.CONFIRMED:
        there += (sources.spec(Job.CONFIRMED).min_confirmations - 1) * block
    happened = world.history.events
    if one.job is Job.LATER:
        there = max([there, *(e.at for e in happened if isinstance(e, Say) and e.word is Word.PUBLISH)])
    if (named := world.plane.suspected.get(Request(one.event).run_id)) is not None:
        return max(there, world.since_start(named) + world.plane.largest * TRIAL_STEP)
    last = made + WINDOW * LAST_RESORT
    dry = any(isinstance(event, Drought) for event in happened)
    step = Pace(block * 1.25, sources.TIMEOUT if dry else world.history.source).step
    return max(there, min(there + (world.plane.largest - 1) * step, last))
