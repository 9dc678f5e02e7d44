"""Rollouts: one node first, then waves that fit the machine, until all have moved or something is wrong.

A rollout is a row, and so is each node's move: this loop compares them with what it sees and takes the next
step. It stops itself, and raises an alarm, when a moved node missed a request since its switch, or when a
node returned to its old release. What is in flight then still comes to its end; nothing further is begun.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import structlog

from linkpool.engines.protocol import Engine
from linkpool.errors import Temporary
from linkpool.fleet.alarms import Kind
from linkpool.fleet.office import Office
from linkpool.fleet.rollouts.two_colours import Steps, TwoColours, other
from linkpool.fleet.running.groups import REPLICAS
from linkpool.store import chain_history, chain_rows, groups, moves, nodes, rollouts
from linkpool.store.groups import Owner
from linkpool.store.rollout_tables import IN_FLIGHT, MoveRow, MoveState, RolloutRow, RolloutState
from linkpool.store.tables import AT_REST, Colour, NodeRow, NodeState

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.25
"""Seconds between two looks."""
MOVABLE = (NodeState.SERVING, NodeState.DRAINING)
"""Nodes that have replicas to keep."""


class Rollouts:
    """Leads every rollout that is not over, as the leader of `epoch`."""

    def __init__(
        self, office: Office, *, engine: Engine, steps: Steps, things: Callable[[int], TwoColours]
    ) -> None:
        """`things` gives the node of an index."""
        self._office = office
        self._engine = engine
        self._steps = steps
        self._things = things

    async def step(self) -> bool:
        """One look at everything; whether anything is under way. Raises StoreUnreachable, LeaseLost."""
        async with self._office.read() as session:
            rows = await rollouts.not_over(session)
            latest = await rollouts.newest(session, 1)
        await self._alarm([*rows, *latest])
        for row in rows:
            await self._look(row)
        return bool(rows)

    async def _look(self, rollout: RolloutRow) -> None:
        async with self._office.read() as session:
            found = await moves.of_rollout(session, rollout.id)
            fleet = {row.index: row for row in await nodes.every(session)}
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(self._move(rollout, move, fleet)) for move in found]
        await self._decide(rollout, [look.result() for look in looks], fleet)

    async def _move(self, rollout: RolloutRow, move: MoveRow, fleet: dict[int, NodeRow]) -> MoveRow:
        """Take a move as far as it goes at this look."""
        state = MoveState(move.state)
        node = fleet[move.node] if move.node is not None else None
        if node is None or state not in IN_FLIGHT | {MoveState.WAITING}:
            return move
        if node.state in AT_REST:
            return await self._steps.enter(move, MoveState.SKIPPED, f"the node is {node.state}")
        if rollout.state == RolloutState.ABORTING:
            if state is MoveState.WAITING:
                return await self._steps.enter(move, MoveState.SKIPPED, "the rollout was aborted")
            if state is not MoveState.RETURNING:
                move = await self._steps.turn_back(move, "the rollout was aborted")
        if state is MoveState.WAITING:
            return move
        return await self._steps.advance(move, self._things(node.index))

    async def _decide(self, rollout: RolloutRow, found: Sequence[MoveRow], fleet: dict[int, NodeRow]) -> None:
        """What follows from where its moves are now."""
        state = RolloutState(rollout.state)
        in_flight = [move for move in found if move.state in IN_FLIGHT]
        waiting = [move for move in found if move.state == MoveState.WAITING]
        trouble = await self._trouble(rollout, found, fleet)
        if state is RolloutState.RUNNING and trouble and waiting:
            await self._enter(rollout, RolloutState.STOPPED, trouble)
        elif in_flight or (waiting and state is not RolloutState.RUNNING):
            return
        elif waiting:
            await self._begin(rollout, waiting, 1 + max(move.wave for move in found), fleet)
        elif state is RolloutState.ABORTING:
            await self._enter(rollout, RolloutState.ABORTED, _summary(found))
        elif not await self._take_in(rollout, found, fleet):
            returned = any(move.state == MoveState.RETURNED for move in found)
            result = RolloutState.FAILED if trouble or returned else RolloutState.DONE
            await self._enter(rollout, result, "; ".join(filter(None, (_summary(found), trouble))))

    async def _trouble(self, rollout: RolloutRow, found: Sequence[MoveRow], fleet: dict[int, NodeRow]) -> str:
        """What a person should look at before it goes on; nothing of before the last "go on"."""
        returned = [move for move in found if move.state == MoveState.RETURNED]
        returned.sort(key=lambda move: move.ended_at or 0.0)
        reasons = [
            f"node {_id(fleet, move)} returned: {move.detail}" for move in returned[rollout.forgiven :]
        ]
        switched = {
            _id(fleet, move): max(move.switched_at, rollout.counts_from)
            for move in found
            if move.switched_at is not None
        }
        for oracle, missed in (await self._missed(switched)).items():
            reasons.append(f"node {oracle} missed {missed} since it switched")
        return "; ".join(reasons)

    async def _missed(self, since: Mapping[str, int]) -> dict[str, int]:
        """Requests that nodes missed since a second of the chain, of those that missed any."""
        if not since:
            return {}
        async with self._office.read() as session:
            tip = await chain_rows.tip(session)
            until = tip.time if tip else 0
            suspects = await chain_history.missed(session, min(since.values()), until)
            found = {
                oracle: (await chain_history.missed(session, begin, until))[oracle]
                for oracle, begin in since.items()
                if suspects[oracle]
            }
        return {oracle: missed for oracle, missed in found.items() if missed}

    # --- the next wave ------------------------------------------------------------------------------

    async def _begin(
        self, rollout: RolloutRow, waiting: Sequence[MoveRow], wave: int, fleet: dict[int, NodeRow]
    ) -> None:
        """The canary alone; then as many as are asked for and fit the machine."""
        try:
            room = await self._engine.room()
        except Temporary as error:
            await self._explain(rollout, str(error))
            return
        size = 1 if wave == 1 else rollout.wave
        fits = size if room is None else min(size, room // REPLICAS)
        if fits < 1:
            await self._explain(rollout, f"waits for room: {REPLICAS} more replicas do not fit here now")
            return
        await self._explain(rollout, "")
        for move in waiting[:fits]:
            node = fleet[move.node] if move.node is not None else None
            if node is None or node.state not in MOVABLE:
                await self._steps.enter(move, MoveState.SKIPPED, "the node does not serve")
            else:
                await self._steps.enter(move, MoveState.STARTING, "", wave=wave)

    async def _take_in(
        self, rollout: RolloutRow, found: Sequence[MoveRow], fleet: dict[int, NodeRow]
    ) -> bool:
        """Nodes that came to serve while all others moved; true when there were any."""
        if not rollout.everything or rollout.state != RolloutState.RUNNING:
            return False
        known = {move.node for move in found}
        late = [
            node for node in fleet.values() if node.state == NodeState.SERVING and node.index not in known
        ]
        taken = 0
        for node in late:
            async with self._office.lead() as session:
                row = await groups.living(session, Owner(node=node.index), Colour(node.primary))
                if row is None or row.release == rollout.release:
                    continue
                await moves.add(
                    session,
                    rollout=rollout.id,
                    node=node.index,
                    release=rollout.release,
                    colour=other(Colour(node.primary)),
                    within=rollout.within,
                    detail="it came to serve while the others moved",
                    now=self._office.clock.now(),
                )
                taken += 1
        return taken > 0

    # --- what is said -------------------------------------------------------------------------------

    async def _enter(self, rollout: RolloutRow, state: RolloutState, detail: str) -> None:
        was, now = RolloutState(rollout.state), self._office.clock.now()
        async with self._office.lead() as session:
            if not await rollouts.enter(session, rollout.id, was=was, state=state, detail=detail, now=now):
                return  # somebody paused, resumed or aborted it: look again
        log.info("rollout", rollout=rollout.id, release=rollout.release, state=state.value, detail=detail)
        await self._office.journal.wake()

    async def _explain(self, rollout: RolloutRow, detail: str) -> None:
        if rollout.detail != detail:
            async with self._office.lead() as session:
                await rollouts.explain(session, rollout.id, detail, self._office.clock.now())

    async def _alarm(self, rows: Sequence[RolloutRow]) -> None:
        """Up for one that stopped itself, and for the newest if it failed."""
        wanted = {RolloutState.STOPPED: "resume or abort it", RolloutState.FAILED: "roll out again"}
        await self._office.alarms.only(
            Kind.ROLLOUT,
            {
                row.id: f"{row.release}: {row.detail}; look at `linkpool rollout show`, then {advice}"
                for row in rows
                if (advice := wanted.get(RolloutState(row.state)))
            },
        )


def _id(fleet: dict[int, NodeRow], move: MoveRow) -> str:
    node = fleet[move.node] if move.node is not None else None
    return (node.oracle if node else move.bridge) or ""


def _summary(found: Sequence[MoveRow]) -> str:
    """For people: how many ended how."""
    counts = Counter(move.state for move in found)
    words = {MoveState.DONE: "moved", MoveState.RETURNED: "returned", MoveState.SKIPPED: "skipped"}
    return ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state])
