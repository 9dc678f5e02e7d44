"""Auto-scaling over a database: one decision at a time, each carried out once whoever leads, and told."""

from collections.abc import Sequence

import pytest

from linkpool.contracts.pool import Status
from linkpool.contracts.view import Summary
from linkpool.fleet.alarms import Kind
from linkpool.fleet.knock import Knock
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.fleet.nodes.wishes import MAKE, Wishes
from linkpool.fleet.scaling.demand import period
from linkpool.fleet.scaling.scaling import KEEP_HOLDS, Scaling
from linkpool.fleet.scaling.view import Terms
from linkpool.store import alarms, chain_rows, guard, nodes, operations, scaling, tokens
from linkpool.store.chain_rows import Registered, Rows, columns
from linkpool.store.chain_state import Block, Books
from linkpool.store.database import Database
from linkpool.store.scaling_tables import DecisionRow
from linkpool.store.tables import NodeState, OperationState
from linkpool.units import WHOLE, Juels, link
from linkpool.wire.guard import GuardSettings, NumberSource
from linkpool.wire.scaling import ScalingPolicy
from tests.support.api_house import PaperPool
from tests.support.house import KEYS
from tests.support.manual_clock import ManualClock
from tests.support.office import take_office
from tests.support.pool_summary import pool_summary

EACH = link(100_000)
RULES = ScalingPolicy(
    floor=1,
    ceiling=5,
    stake_room=str(link(50_000)),
    budget_per_day=str(10 * WHOLE),
    window_seconds=600,
    rest_up_seconds=0,
    rest_down_seconds=0,
    per_hour=5,
    per_day=5,
)


class Contracts(PaperPool):
    """The pool's limits."""

    max_nodes = 110

    async def summary(self) -> Summary:
        return pool_summary(self.manager, max_nodes=self.max_nodes, live_nodes=1)


class Grown:
    """A pool of one node that serves, by its tables; terms of leaders follow each other."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock, self.contracts = database, ManualClock(), Contracts()
        self.factory = NodeFactory(database, KEYS, self.contracts, self.clock)
        self.wishes = Wishes(database, self.factory, self.clock, Knock(), Juels(EACH))
        self.block = 0

    async def found(self) -> None:
        async with self.database.write() as session:
            self.token = (
                await tokens.ensure(session, "t", "secret", scopes=["admin"], now=0.0, expires_at=None)
            ).id
        await self.wishes.make()
        await self.serving([0])
        await self.rule(RULES)

    async def rule(self, policy: ScalingPolicy | None) -> None:
        values = policy.model_dump() if policy else None
        async with self.database.write() as session:
            await scaling.put_policy(session, values, token=self.token, now=self.clock.now())

    async def serving(self, stakes: Sequence[int]) -> None:
        """The first nodes serve, with so much stake."""
        self.block += 1
        rows = Rows(blocks=[Block(self.block, f"0x{self.block}", int(self.clock.now()))])
        async with self.database.write() as session:
            known = {one.node for one in await chain_rows.registered(session)}
            for index, stake in enumerate(stakes, 1):
                node = await nodes.get(session, index)
                node.state, oracle = NodeState.SERVING, node.oracle or ""
                if oracle not in known:
                    rows.nodes.append(Registered(oracle, "0x", index << 20, self.block, 0))
                books = Books(Status.ACTIVE, EACH, 0, 0, active=stake, assets=stake)
                columns_of = {"node": oracle, "block": self.block, "time": self.block, **columns(books)}
                rows.books.append(columns_of)
                done = OperationState.DONE
                await operations.finish_for(session, index, MAKE, state=done, detail="", now=0.0)
            await chain_rows.append(session, rows)

    async def lead(self) -> Scaling:
        office = await take_office(self.database, self.clock)

        async def room() -> int | None:
            return None

        return Scaling(office, pool=self.contracts, wishes=self.wishes, terms=Terms(EACH, WHOLE), room=room)

    async def watch(self, leader: Scaling, samples: int = 6) -> None:
        for _ in range(samples):
            await leader.step()
            self.clock.advance(period(600))

    async def changes(self) -> list[DecisionRow]:
        """Decisions to grow or shrink, oldest first."""
        async with self.database.read() as session:
            rows = await scaling.decisions(session, None, 100)
        return [row for row in reversed(rows) if row.action != "hold"]

    async def states(self) -> list[str]:
        async with self.database.read() as session:
            return [row.state for row in await nodes.every(session)]

    async def alarms(self) -> set[str]:
        async with self.database.read() as session:
            return {row.kind for row in await alarms.every(session)}


@pytest.fixture
async def grown(database: Database) -> Grown:
    made = Grown(database)
    await made.found()
    return made


async def test_it_makes_what_is_missing_once_and_goes_on_after_it_serves(grown: Grown) -> None:
    leader = await grown.lead()
    await grown.serving([link(90_000)])
    await grown.watch(leader, 12)
    assert [(row.action, row.count, row.state) for row in await grown.changes()] == [("up", 1, "running")]
    await grown.serving([link(90_000), 0])
    await grown.watch(leader)
    assert [(row.count, row.state) for row in await grown.changes()] == [(1, "done")]
    await grown.serving([link(99_000), link(99_000)])
    await grown.watch(leader, 12)
    assert [row.action for row in await grown.changes()] == ["up", "up"]
    assert len(await grown.states()) == 3


async def test_a_leader_that_follows_in_the_middle_makes_nothing_twice(grown: Grown) -> None:
    await grown.serving([link(90_000)])
    await grown.watch(await grown.lead(), 12)
    for _ in range(3):
        await grown.watch(await grown.lead(), 3)
    assert len(await grown.states()) == 2
    assert len(await grown.changes()) == 1


async def test_a_decision_that_was_only_written_down_is_carried_out_by_who_follows(grown: Grown) -> None:
    async with grown.database.write() as session:
        await scaling.add_decision(
            session,
            DecisionRow(at=0.0, action="up", count=2, node=None, reasons=["x"], cost=0, state="running"),
        )
    for _ in range(3):
        await (await grown.lead()).step()
    assert len(await grown.states()) == 3


async def test_a_making_that_fails_ends_the_decision_and_somebody_is_told(grown: Grown) -> None:
    leader = await grown.lead()
    await grown.serving([link(90_000)])
    await grown.watch(leader, 12)
    async with grown.database.write() as session:
        (await nodes.get(session, 2)).state = NodeState.FAILED
        failed = OperationState.FAILED
        await operations.finish_for(session, 2, MAKE, state=failed, detail="the pool is full", now=0.0)
    await leader.step()
    assert next(iter(await grown.changes())).state == "failed"
    assert Kind.SCALING_FAILED in await grown.alarms()


async def test_an_empty_node_goes_when_all_fits_without_it(grown: Grown) -> None:
    await grown.wishes.make()
    await grown.serving([link(1_000), 0])
    await grown.rule(RULES.model_copy(update={"stake_room": str(link(10_000))}))
    await grown.watch(await grown.lead(), 12)
    assert [(row.action, row.node, row.state) for row in await grown.changes()] == [("down", 2, "done")]
    assert await grown.states() == ["serving", "draining"]


async def test_what_a_limit_holds_back_is_an_alarm_until_it_is_not(grown: Grown) -> None:
    leader = await grown.lead()
    settings = GuardSettings(source=NumberSource(kind="number", nodes=1), upper=0.5, lower=0.5)
    async with grown.database.write() as session:
        await guard.put(session, settings.model_dump())
    await grown.serving([link(90_000)])
    await grown.watch(leader, 12)
    assert await grown.changes() == []
    assert Kind.SCALING_HELD in await grown.alarms()
    async with grown.database.write() as session:
        await guard.put(session, None)
    await grown.watch(leader)
    assert len(await grown.changes()) == 1
    assert Kind.SCALING_HELD not in await grown.alarms()


async def test_why_nothing_was_changed_is_forgotten_and_what_changed_is_not(
    grown: Grown,
) -> None:
    old = grown.clock.now() - KEEP_HOLDS - 1
    async with grown.database.write() as session:
        for action in ("hold", "up", "down"):
            row = DecisionRow(at=old, action=action, count=0, node=None, reasons=[], cost=0, state="done")
            await scaling.add_decision(session, row)
    await grown.watch(await grown.lead(), 12)
    async with grown.database.read() as session:
        found = await scaling.decisions(session, None, 100)
    assert [row.action for row in found if row.at == old] == ["down", "up"]
    assert [row.action for row in found if row.at > old][-1] == "hold"


async def test_without_a_policy_it_only_remembers_what_it_saw(grown: Grown) -> None:
    await grown.rule(None)
    await grown.serving([link(90_000)])
    await grown.watch(await grown.lead(), 12)
    assert await grown.changes() == []
    async with grown.database.read() as session:
        rows = await scaling.samples(session, 0.0)
    assert {(row.nodes, row.stake) for row in rows} == {(1, link(90_000))}
