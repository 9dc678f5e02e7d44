"""What may be asked of rollouts and releases. Written down; the leader's loop does the rest.

Any control plane may write a wish, leading or not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from linkpool.errors import Permanent
from linkpool.fleet.clock import Clock
from linkpool.fleet.nodes.wishes import NoSuchNode, NotNow, once
from linkpool.fleet.rollouts.two_colours import other
from linkpool.fleet.rollouts.waves import MOVABLE
from linkpool.store import events, groups, moves, nodes, operations, releases, rollouts
from linkpool.store.database import Database
from linkpool.store.groups import Owner
from linkpool.store.rollout_tables import MoveState, RolloutRow, RolloutState
from linkpool.store.tables import Colour, NodeRow, OperationRow, ReleaseRow

ROLLOUT = "rollout"
"""Kind of its operations."""


class NoSuchRelease(Permanent):
    """There is no release of that name."""


class NoSuchRollout(Permanent):
    """There is no rollout with that id."""


@dataclass(frozen=True)
class Wanted:
    """A release for the nodes of these ids, or for all when there are none.

    wave: nodes at once after the first; within: seconds that new replicas have to be well.
    """

    release: str
    nodes: Sequence[str]
    wave: int
    within: float


_ALLOWED: Mapping[RolloutState, frozenset[RolloutState]] = {
    RolloutState.PAUSED: frozenset({RolloutState.RUNNING}),
    RolloutState.RUNNING: frozenset({RolloutState.PAUSED, RolloutState.STOPPED}),
    RolloutState.ABORTING: frozenset({RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.STOPPED}),
}
_SAID = {
    RolloutState.PAUSED: "paused: what is in flight comes to its end",
    RolloutState.RUNNING: "goes on",
    RolloutState.ABORTING: "what is in flight returns to its old release, what is done stays",
}


@dataclass(frozen=True)
class RolloutWishes:
    """Methods raise StoreUnreachable."""

    database: Database
    clock: Clock

    async def release(
        self, name: str, *, command: Sequence[str], image: str | None, settings: Mapping[str, str]
    ) -> ReleaseRow:
        """Remember a release. Raises ReleaseInUse when the name stands for something else."""
        async with self.database.write() as session:
            return await releases.put(
                session, name, command=command, image=image, settings=settings, now=self.clock.now()
            )

    async def start(self, wanted: Wanted, key: str | None = None) -> OperationRow:
        """A rollout; its operation, a former one for a key that was used before.

        Raises NoSuchRelease, NoSuchNode, NotNow (a node moves already), KeyUsed.
        """

        async def write(session: AsyncSession, fingerprint: str) -> OperationRow:
            return await self._start(session, wanted, key, fingerprint)

        return await once(self.database, key, f"{ROLLOUT} {wanted!r}", write)

    async def change(self, rollout: str, state: RolloutState) -> RolloutRow:
        """Pause it (PAUSED), let it go on (RUNNING) or call it back (ABORTING); twice is once.

        Raises NoSuchRollout, NotNow.
        """
        async with self.database.write() as session:
            row = await rollouts.find(session, rollout)
            if row is None:
                raise NoSuchRollout(f"no rollout {rollout}; `linkpool rollout list` shows them")
            was = RolloutState(row.state)
            if was is state:
                return row
            if was not in _ALLOWED[state]:
                raise NotNow(f"rollout {rollout} is {was.value}: it cannot become {state.value}")
            await rollouts.enter(
                session, rollout, was=was, state=state, detail=_SAID[state], now=self.clock.now()
            )
            if state is RolloutState.RUNNING:
                await rollouts.forgive(session, rollout)
        return row

    async def _start(
        self, session: AsyncSession, wanted: Wanted, key: str | None, fingerprint: str
    ) -> OperationRow:
        if await releases.find(session, wanted.release) is None:
            raise NoSuchRelease(f"no release {wanted.release}; `linkpool release add` makes one")
        chosen = await _choose(session, wanted.nodes)
        now = self.clock.now()
        operation = await operations.start(
            session, ROLLOUT, node=None, key=key, fingerprint=fingerprint, now=now
        )
        rollout = await rollouts.add(
            session,
            operation=operation.id,
            release=wanted.release,
            everything=not wanted.nodes,
            wave=wanted.wave,
            within=wanted.within,
            now=now,
        )
        for node in chosen:
            await _add(session, rollout, node, now)
        data = {"rollout": rollout.id, "release": wanted.release, "state": rollout.state, "detail": ""}
        events.add(session, "rollout_state", None, data, now)
        return operation


async def _choose(session: AsyncSession, ids: Sequence[str]) -> list[NodeRow]:
    """The nodes of these ids, or all. Raises NoSuchNode, NotNow."""
    every = await nodes.every(session)
    known = {node.oracle: node for node in every}
    if missing := [each for each in ids if each not in known]:
        raise NoSuchNode(f"no node {', '.join(missing)}; `linkpool node list` shows them")
    chosen = [known[each] for each in ids] if ids else list(every)
    moving = await moves.open_nodes(session)
    if busy := [node for node in chosen if node.index in moving]:
        first = busy[0]
        raise NotNow(
            f"{len(busy)} of these nodes move already, as {first.oracle} in rollout "
            f"{moving[first.index].rollout}: wait for it, or abort it"
        )
    return chosen


async def _add(session: AsyncSession, rollout: RolloutRow, node: NodeRow, now: float) -> None:
    """A node's move; skipped where there is nothing to move."""
    colour = Colour(node.primary)
    row = await groups.living(session, Owner(node=node.index), colour)
    state, detail = MoveState.WAITING, ""
    if node.state not in MOVABLE or row is None:
        state, detail = MoveState.SKIPPED, f"the node does not serve: it is {node.state}"
    elif row.release == rollout.release:
        state, detail = MoveState.SKIPPED, "it runs this release already"
    await moves.add(
        session,
        rollout=rollout.id,
        node=node.index,
        release=rollout.release,
        colour=other(colour),
        within=rollout.within,
        state=state,
        detail=detail,
        now=now,
    )
