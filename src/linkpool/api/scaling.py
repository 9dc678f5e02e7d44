"""`/scaling`: the policy, what would be decided now and why, a dry run over last week, what was decided."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.api.auth import Auth
from linkpool.api.fleet_view import FleetView
from linkpool.engines.protocol import EngineUnreachable
from linkpool.fleet.agents.door import Door
from linkpool.fleet.clock import Clock
from linkpool.fleet.pool import Pool
from linkpool.fleet.scaling.demand import DAY, Demand, Sample
from linkpool.fleet.scaling.replay import Step, replay
from linkpool.fleet.scaling.view import Present, Terms, costs, policy_of, present, samples_since
from linkpool.store import scaling
from linkpool.store.database import Database
from linkpool.store.scaling_tables import DecisionRow, PolicyRow
from linkpool.store.tables import NodeRow, TokenRow
from linkpool.wire.api import moment
from linkpool.wire.scaling import (
    DecisionList,
    DecisionView,
    DemandView,
    ExplainWeek,
    Limit,
    PolicyView,
    PutPolicy,
    ScalingNow,
    ScalingPolicy,
    WeekExplained,
    WouldBe,
)


class ScalingDesk:
    """What the routes read and write."""

    def __init__(self, database: Database, pool: Pool, door: Door, clock: Clock, terms: Terms) -> None:
        self._database = database
        self._pool = pool
        self._door = door
        self._clock = clock
        self._terms = terms
        self._replaying = asyncio.Lock()

    async def policy(self) -> PolicyView:
        """The one in force."""
        async with self._database.read() as session:
            return _policy(await scaling.policy(session))

    async def put(self, wanted: PutPolicy, token: TokenRow) -> PolicyView:
        """Another from now on. Raises 409 for one that contradicts itself."""
        _refuse_contradiction(wanted.policy)
        policy = wanted.policy.model_dump(mode="json") if wanted.policy else None
        async with self._database.write() as session:
            row = await scaling.put_policy(session, policy, token=token.id, now=self._clock.now())
        return _policy(row)

    async def now(self) -> ScalingNow:
        """What would be decided at this moment. Raises EndpointTrouble, StoreUnreachable."""
        pool, room, now = await self._pool.summary(), await self._room(), self._clock.now()
        async with self._database.read() as session:
            seen = await present(session, self._terms, pool, room, now)
        return _now(seen, now)

    async def week(self, wanted: ExplainWeek) -> WeekExplained:
        """A dry run. Raises 409 without a policy, or for one that contradicts itself, StoreUnreachable."""
        _refuse_contradiction(wanted.policy)
        now = self._clock.now()
        since = now - wanted.hours * 3_600
        async with self._database.read() as session:
            policy = wanted.policy or policy_of(await scaling.policy(session))
            if policy is None:
                raise HTTPException(409, "no policy is in force: say which one to try")
            samples = await samples_since(session, since - 2 * policy.window_seconds - DAY)
            month = await costs(session, self._terms)
        async with self._replaying:  # it takes a core for a moment: one at a time
            steps = await asyncio.to_thread(replay, policy, samples, self._terms, since, month)
        return _week([sample for sample in samples if sample.at >= since], steps)

    async def decisions(
        self, session: AsyncSession, view: FleetView, before: int | None, limit: int
    ) -> DecisionList:
        """Some of them, newest first, with what they began."""
        rows = await scaling.decisions(session, before, limit)
        shown = [await self._decision(session, view, row) for row in rows]
        return DecisionList(decisions=shown, next=rows[-1].id if len(rows) == limit else None)

    async def _decision(self, session: AsyncSession, view: FleetView, row: DecisionRow) -> DecisionView:
        node = await session.get(NodeRow, row.node) if row.node is not None else None
        begun = await scaling.operations_of(session, row)
        return DecisionView(
            number=row.id,
            at=moment(row.at),
            action=row.action,
            count=row.count,
            node=node.oracle if node else None,
            reasons=row.reasons,
            state=row.state,
            operations=[await view.operation(one) for one in begun],
        )

    async def _room(self) -> int | None:
        """The engine's, where this control plane leads; one that does not answer limits nothing here."""
        desk = self._door.desk
        if desk is None or desk.room is None:
            return None
        try:
            return await desk.room()
        except EngineUnreachable:
            return None


def scaling_routes(database: Database, auth: Auth, view: FleetView, desk: ScalingDesk) -> APIRouter:
    """`/scaling`."""
    routes = APIRouter(prefix="/api/v1/scaling", tags=["scaling"])
    reader = Depends(auth.reader)

    @routes.get("", dependencies=[reader])
    async def get_scaling() -> ScalingNow:
        """Everything that is looked at now, what would be decided, and why."""
        return await desk.now()

    @routes.get("/policy", dependencies=[reader])
    async def get_policy() -> PolicyView:
        """The policy in force. It lives in the database, not in a file."""
        return await desk.policy()

    @routes.put("/policy")
    async def put_policy(wanted: PutPolicy, token: Annotated[TokenRow, Depends(auth.operator)]) -> PolicyView:
        """Set the policy, or turn auto-scaling off with null. What is being carried out comes to its end."""
        return await desk.put(wanted, token)

    @routes.post("/explain", dependencies=[reader])
    async def explain_week(wanted: ExplainWeek) -> WeekExplained:
        """What a policy would have done over what was recorded. Changes nothing."""
        return await desk.week(wanted)

    @routes.get("/decisions", dependencies=[reader])
    async def list_decisions(
        before: Annotated[int | None, Query(ge=1, le=2**31, description="Begin below this number.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> DecisionList:
        """What was decided, newest first."""
        async with database.read() as session:
            return await desk.decisions(session, view, before, limit)

    return routes


def _refuse_contradiction(policy: ScalingPolicy | None) -> None:
    if policy is not None and (why := policy.contradiction()):
        raise HTTPException(409, why)


def _policy(row: PolicyRow | None) -> PolicyView:
    if row is None:
        return PolicyView(policy=None, set_at=None, set_by=None)
    return PolicyView(policy=policy_of(row), set_at=moment(row.at), set_by=row.token)


def _now(seen: Present, now: float) -> ScalingNow:
    decision, fleet = seen.decision, seen.fleet
    return ScalingNow(
        on=seen.policy is not None,
        at=moment(now),
        nodes=fleet.nodes,
        coming=fleet.coming,
        capacity=str(fleet.capacity),
        wanted=str(decision.wanted),
        demand=_demand(seen.demand),
        limits=[Limit(name=one.name, allows=max(0, one.allows), why=one.why) for one in decision.limits],
        action=decision.action,
        count=decision.count,
        node=decision.name,
        reasons=list(decision.reasons),
        guard=seen.guard.verdict.state,
        policy=seen.policy,
    )


def _demand(seen: Demand) -> DemandView:
    return DemandView(
        since=None if seen.since is None else moment(seen.since),
        samples=seen.samples,
        enough=seen.enough,
        stake=str(seen.stake),
        waiting=str(seen.waiting),
        pace=str(seen.pace),
        load=seen.load,
    )


def _week(samples: list[Sample], steps: list[Step]) -> WeekExplained:
    if not samples:
        return WeekExplained(since=None, until=None, samples=0, nodes=0, steps=[])
    return WeekExplained(
        since=moment(samples[0].at),
        until=moment(samples[-1].at),
        samples=len(samples),
        nodes=steps[-1].nodes if steps else samples[-1].nodes,
        steps=[
            WouldBe(
                at=moment(step.at),
                action=step.decision.action,
                count=step.decision.count,
                nodes=step.nodes,
                capacity=str(step.capacity),
                wanted=str(step.decision.wanted),
                reasons=list(step.decision.reasons),
            )
            for step in steps
        ],
    )
