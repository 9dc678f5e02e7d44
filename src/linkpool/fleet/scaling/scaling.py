"""Auto-scaling at work: looks now and then, decides, and carries out one decision at a time.

A decision is written down before anything is done about it, and what it asks for is asked as a person would
ask, under keys of its own: so a leader that follows in the middle goes on, and nothing is made twice.
"""

import structlog

from linkpool.errors import Permanent
from linkpool.fleet.alarms import Kind
from linkpool.fleet.nodes.wishes import Wishes
from linkpool.fleet.office import Office
from linkpool.fleet.pool import Pool
from linkpool.fleet.scaling.demand import DAY, SLOWEST, period
from linkpool.fleet.scaling.policy import Decision
from linkpool.fleet.scaling.view import Room, Terms, look, policy_of, present
from linkpool.store import events, nodes, scaling
from linkpool.store.scaling_tables import DecisionRow
from linkpool.store.tables import OperationRow, OperationState

log = structlog.get_logger(__name__)

KEEP_HOLDS = 30 * DAY
"""Seconds for which it is remembered why nothing was changed."""
KEEP = 9 * DAY
"""Seconds for which samples are kept: a week, and what its first window looks back on."""


class Scaling:
    """The loop, as the leader of `epoch`."""

    def __init__(self, office: Office, *, pool: Pool, wishes: Wishes, terms: Terms, room: Room) -> None:
        self._office = office
        self._pool = pool
        self._wishes = wishes
        self._terms = terms
        self._room = room
        self._looked_at = float("-inf")
        self._because: str | None = None

    async def step(self) -> bool:
        """Go on with what was decided; look and decide when it is time. Whether that is soon.

        Raises EndpointTrouble, EngineUnreachable, StoreUnreachable, LeaseLost.
        """
        async with self._office.read() as session:
            running = await scaling.running(session)
            policy = policy_of(await scaling.policy(session))
        if running is not None:
            await self._carry_on(running)
        now, pace = self._office.clock.monotonic(), period(policy.window_seconds) if policy else SLOWEST
        if now - self._looked_at >= pace:
            self._looked_at = now
            await self._sample()
            if policy is None:
                await self._office.alarms.down(Kind.SCALING_HELD, "pool")
            else:
                await self._decide()
        return running is not None or pace < SLOWEST

    async def _sample(self) -> None:
        now = self._office.clock.now()
        async with self._office.lead() as session:
            sample = await look(session, now)
            if sample is not None:
                await scaling.add_sample(session, sample, now - KEEP)

    async def _decide(self) -> None:
        pool, room, now = await self._pool.summary(), await self._room(), self._office.clock.now()
        async with self._office.read() as session:
            seen = await present(session, self._terms, pool, room, now)
        decision = seen.decision
        await self._tell(decision)
        if decision.action == "hold":
            if decision.because not in ("busy", self._because):
                await self._write(decision, "none")
        else:
            await self._carry_on(await self._write(decision, "running"))
        self._because = decision.because

    async def _write(self, decision: Decision, state: str) -> DecisionRow:
        now = self._office.clock.now()
        row = DecisionRow(
            at=now,
            action=decision.action,
            count=decision.count,
            node=decision.node,
            reasons=list(decision.reasons),
            cost=decision.count * self._terms.cost if decision.action == "up" else 0,
            state=state,
            ended_at=None if state == "running" else now,
        )
        async with self._office.lead() as session:
            await scaling.add_decision(session, row)
            await scaling.forget_holds(session, now - KEEP_HOLDS)
            data = {"number": row.id, "action": row.action, "count": row.count, "reasons": row.reasons}
            events.add(session, "scaling_decided", decision.name, data, now)
        log.info("scaling decided", number=row.id, action=row.action, count=row.count, why=row.reasons)
        await self._office.journal.wake()
        return row

    async def _carry_on(self, row: DecisionRow) -> None:
        """Ask for what was decided, as often as it takes; done when all of it is."""
        try:
            asked = await (self._down(row) if row.action == "down" else self._up(row))
        except Permanent as error:  # the node is gone already, or cannot go now
            await self._end(row, "failed", str(error))
            return
        failed = [one for one in asked if one.state == OperationState.FAILED]
        if any(one.state == OperationState.RUNNING for one in asked) and row.action == "up":
            return
        await self._end(row, "failed" if failed else "done", "; ".join(one.detail for one in failed))

    async def _up(self, row: DecisionRow) -> list[OperationRow]:
        keys = [scaling.operation_key(row.id, place) for place in range(row.count)]
        return [await self._wishes.make(key=key) for key in keys]

    async def _down(self, row: DecisionRow) -> list[OperationRow]:
        """Its going may take a day, in which the pool must be able to grow: asking for it is all."""
        assert row.node is not None  # noqa: S101 - a decision to shrink names the node
        async with self._office.read() as session:
            node = await nodes.get(session, row.node)
        return [await self._wishes.retire(node.oracle or "", scaling.operation_key(row.id, 0))]

    async def _end(self, row: DecisionRow, state: str, detail: str) -> None:
        async with self._office.lead() as session:
            await scaling.end_decision(session, row.id, state, self._office.clock.now())
        log.info("scaling decision ended", number=row.id, state=state, detail=detail)
        if state == "failed":
            await self._office.alarms.up(
                Kind.SCALING_FAILED, "pool", f"decision {row.id} ({row.action}) failed: {detail}"
            )
        else:
            await self._office.alarms.down(Kind.SCALING_FAILED, "pool")

    async def _tell(self, decision: Decision) -> None:
        """Somebody must look when the pool should grow, and a limit does not let it."""
        if decision.because.startswith("limit:"):
            await self._office.alarms.up(Kind.SCALING_HELD, "pool", "; ".join(decision.reasons))
        elif decision.because != "busy":
            await self._office.alarms.down(Kind.SCALING_HELD, "pool")
