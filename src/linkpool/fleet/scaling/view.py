"""What auto-scaling looks at, read from the database and the contracts into the shapes its policy takes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.contracts.pool import Status
from linkpool.contracts.view import Summary
from linkpool.economics.costs import MONTH_DAYS, node_month, standing_day
from linkpool.fleet.guard import guard
from linkpool.fleet.scaling.demand import DAY, Demand, Sample, demand
from linkpool.fleet.scaling.policy import Bound, Candidate, Costs, Decision, Fleet, decide
from linkpool.fleet.treasury.economics import price_table
from linkpool.fleet.waiting.waiting import wanted
from linkpool.store import chain_rows, nodes, scaling, waiting
from linkpool.store.chain_state import Books
from linkpool.store.scaling_tables import PolicyRow, SampleRow
from linkpool.store.tables import AT_REST, UNREGISTERED, NodeRow, NodeState
from linkpool.wire.scaling import ScalingPolicy

OFF = "auto-scaling is off: no policy is set (`linkpool scale policy set`)"
_LEAVING = AT_REST | {NodeState.DRAINING}
_OPEN = (Status.ACTIVE, Status.DRAINING)

Room = Callable[[], Awaitable[int | None]]
"""How many more tasks the engine has room for; None when it places them itself."""


@dataclass(frozen=True)
class Terms:
    """What a new node is. capacity: juels of stake it takes; cost: wei of gas money it is given; engine: what
    it runs on, in the price table.
    """

    capacity: int
    cost: int
    engine: str = "local"


@dataclass(frozen=True)
class Present:
    """Everything at one moment. policy: none while off."""

    row: PolicyRow | None
    policy: ScalingPolicy | None
    demand: Demand
    fleet: Fleet
    guard: guard.Standing
    decision: Decision


def policy_of(row: PolicyRow | None) -> ScalingPolicy | None:
    """The policy of a row; none when it says off, or there is none."""
    return None if row is None or row.policy is None else ScalingPolicy.model_validate(row.policy)


async def look(session: AsyncSession, now: float) -> SampleRow | None:
    """One sample, from the indexer's tables; none before they have a block. now: Unix seconds."""
    if await chain_rows.tip(session) is None:
        return None
    books = await chain_rows.books_now(session)
    taking = [one for one in books.values() if one.status == Status.ACTIVE]
    return SampleRow(
        at=now,
        nodes=len(taking),
        empty=sum(not one.active for one in taking),
        capacity=sum(one.capacity for one in taking),
        stake=sum(one.value(one.active) for one in books.values() if one.status in _OPEN),
        waiting=wanted(await waiting.waiting(session), now),
        requests=sum(one.requests for one in books.values()),
        guard=(await guard.standing(session, now)).verdict.allows,
    )


async def samples_since(session: AsyncSession, since: float) -> list[Sample]:
    """Samples from then on, oldest first."""
    return [
        Sample(row.at, row.nodes, row.empty, row.capacity, row.stake, row.waiting, row.requests, row.guard)
        for row in await scaling.samples(session, since)
    ]


async def costs(session: AsyncSession, terms: Terms) -> Costs | None:
    """What a month costs; none while there is no price table."""
    table = await price_table(session)
    if table is None:
        return None
    return Costs(standing_day(table) * MONTH_DAYS, node_month(table, terms.engine), table.currency)


async def present(
    session: AsyncSession, terms: Terms, pool: Summary | None, room: int | None, now: float
) -> Present:
    """What would be decided at this moment, and everything that leads to it. pool: none when it is unread."""
    row = await scaling.policy(session)
    policy = policy_of(row)
    standing = await guard.standing(session, now)
    fleet = await _fleet(session, terms, standing, pool, room, now)
    window = policy.window_seconds if policy else 3_600
    seen = demand(await samples_since(session, now - 2 * window - DAY), now, window)
    decision = decide(policy, seen, fleet, now) if policy else Decision("hold", "off", (OFF,))
    return Present(row, policy, seen, fleet, standing, decision)


async def _fleet(
    session: AsyncSession,
    terms: Terms,
    standing: guard.Standing,
    pool: Summary | None,
    room: int | None,
    now: float,
) -> Fleet:
    rows = [row for row in await nodes.every(session) if row.state not in _LEAVING]
    books = await chain_rows.books_now(session)
    ups = await scaling.ups(session, now - DAY)
    running = await scaling.running(session)
    unregistered = sum(row.state in UNREGISTERED for row in rows)
    return Fleet(
        nodes=len(rows),
        coming=sum(row.state != NodeState.SERVING for row in rows),
        capacity=sum(_capacity(row, books) for row in rows),
        each=terms.capacity,
        cost=max(1, terms.cost),
        candidates=_candidates(rows, books),
        made=[row.at for row in ups for _ in range(row.count)],
        spent=sum(row.cost for row in ups),
        costs=await costs(session, terms),
        changed_at=await scaling.last_change(session),
        carrying=f"decision {running.id}" if running else None,
        bounds=_bounds(standing, pool, room, unregistered),
    )


def _capacity(row: NodeRow, books: Mapping[str, Books]) -> int:
    known = books.get(row.oracle or "")
    if known is None:
        return int(row.capacity)
    return known.capacity if known.status == Status.ACTIVE else 0


def _candidates(rows: Sequence[NodeRow], books: Mapping[str, Books]) -> list[Candidate]:
    found = []
    for row in rows:
        known = books.get(row.oracle or "")
        if row.state == NodeState.SERVING and row.oracle and known and known.status == Status.ACTIVE:
            found.append(Candidate(row.index, row.oracle, known.capacity, known.value(known.active)))
    return found


def _bounds(
    standing: guard.Standing, pool: Summary | None, room: int | None, unregistered: int
) -> list[Bound]:
    bounds = []
    if pool is not None:
        left = pool.max_nodes - pool.live_nodes - unregistered
        bounds.append(Bound("contract", left, f"the pool takes {pool.max_nodes} nodes (set_limits)"))
    if room is not None:
        bounds.append(Bound("machine", room // 2, f"the engine has room for {room} more tasks"))
    if standing.verdict.allows is not None:
        bounds.append(Bound("guard", standing.verdict.allows, standing.verdict.why))
    return bounds
