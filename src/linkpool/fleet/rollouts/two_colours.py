"""A thing with two colours, and the four steps by which a release goes from one to the other.

    start the other colour -> is it well? -> make it primary -> drain and remove the old one

Each step is written down before it is taken, and may be taken twice: whoever leads next goes on from the row.
Until the old colour is being removed everything can be undone: the old one serves again and is primary, the
new one goes, and nothing happened. Time is counted by the leader that waits, so that no clock that jumps and
no change of leaders can hurry a step.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from linkpool.errors import LinkPoolError, Permanent
from linkpool.fleet.office import Office
from linkpool.store import chain_rows, events, moves
from linkpool.store.rollout_tables import MoveRow, MoveState
from linkpool.store.tables import Colour, NodeRow

log = structlog.get_logger(__name__)

PRIMARY_SECONDS = 60.0
"""So long both colours run after the switch, unless the new one has answered earlier."""
DRAIN_SECONDS = 60.0
"""The old colour gets so long to finish what it has in hand; the engine's grace follows."""
LOST_SECONDS = 3.0
"""A primary colour of which nobody works for so long is lost."""

RETURNABLE = (
    MoveState.STARTING,
    MoveState.PROVING,
    MoveState.SWITCHING,
    MoveState.PRIMARY,
    MoveState.DRAINING,
)
"""States from which a move can still be undone."""


class TwoColours(Protocol):
    """A node, or an adapter: two sets of tasks can run side by side, one of them is primary.

    Every call may be cut off anywhere and made again with the same end; none waits for tasks. All raise
    LinkPoolError when they could not do it: they are asked again at the next look, except that a Permanent
    one from `start` turns the move back at once.
    """

    async def start(self, colour: Colour, release: str) -> None:
        """Have the engine run that colour with the release, beside the other one."""

    async def unwell(self, colour: Colour) -> str | None:
        """None once every task of it works and was proved; else one line: what is still missing, and why."""
        ...

    async def make_primary(self, colour: Colour) -> None:
        """Give that colour the work first; the other goes on as the second choice."""

    async def works(self, colour: Colour) -> bool:
        """Whether any task of it does its work now. True in doubt, as of a leader that has just begun."""
        ...

    async def settled(self, colour: Colour) -> bool:
        """Whether it has done as primary what it is for, so that waiting longer would show no more."""
        ...

    async def drain(self, colour: Colour) -> bool:
        """Tell it to take nothing new; true once nothing is in its hands."""
        ...

    async def resume(self, colour: Colour) -> None:
        """Call a drain back."""

    async def remove(self, colour: Colour) -> None:
        """Record the removal of its group, then have the engine remove it; returns when it is gone.

        A colour that does not run is removed already.
        """


Following = tuple[MoveState, str] | None
"""The next state and what led to it; None: not yet."""


def other(colour: Colour) -> Colour:
    """Blue's is green."""
    return Colour.GREEN if colour is Colour.BLUE else Colour.BLUE


class Steps:
    """Takes moves through their states, as the leader of `epoch`."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._since: dict[tuple[int, str], float] = {}
        self._takes: dict[MoveState, Callable[[MoveRow, TwoColours], Awaitable[Following]]] = {
            MoveState.STARTING: self._start,
            MoveState.PROVING: self._prove,
            MoveState.SWITCHING: self._switch,
            MoveState.PRIMARY: self._watch,
            MoveState.DRAINING: self._drain,
            MoveState.REMOVING: self._remove,
            MoveState.RETURNING: self._return,
        }

    async def advance(self, move: MoveRow, thing: TwoColours) -> MoveRow:
        """As far as it goes at this look; the move as it is then.

        What the thing could not do stands in `detail` and is tried again at the next look. Raises LeaseLost,
        StoreUnreachable.
        """
        while (take := self._takes.get(MoveState(move.state))) is not None:
            try:
                following = await take(move, thing)
            except LinkPoolError as error:
                return await self._explain(move, str(error))
            if following is None:
                return move
            move = await self.enter(move, *following)
        return move

    async def enter(self, move: MoveRow, state: MoveState, detail: str, wave: int | None = None) -> MoveRow:
        """Write down where a move is from now on, and tell it. wave: with which it began."""
        now = self._office.clock.now()
        async with self._office.lead() as session:
            switched_at = None
            if state is MoveState.PRIMARY:
                tip = await chain_rows.tip(session)
                switched_at = tip.time if tip else int(now)
            row = await moves.enter(session, move.id, state, detail=detail, now=now, switched_at=switched_at)
            row.wave = row.wave if wave is None else wave
            node = None if row.node is None else await session.get_one(NodeRow, row.node)
            data = {"rollout": row.rollout, "bridge": row.bridge, "release": row.release}
            data |= {"state": state.value, "colour": row.colour, "detail": detail}
            events.add(session, "move_state", node.oracle if node else None, data, now)
        log.info("move", node=row.node, bridge=row.bridge, state=state.value, detail=detail)
        self._since = {key: at for key, at in self._since.items() if key[0] != row.id}
        await self._office.journal.wake()
        return row

    async def turn_back(self, move: MoveRow, why: str) -> MoveRow:
        """Undo a move, if it still can be undone."""
        if MoveState(move.state) not in RETURNABLE:
            return move
        return await self.enter(move, MoveState.RETURNING, why)

    # --- the states ---------------------------------------------------------------------------------

    async def _start(self, move: MoveRow, thing: TwoColours) -> Following:
        late = self._overdue(move, "start", move.within)
        try:
            await thing.start(Colour(move.colour), move.release)
        except Permanent as error:
            return MoveState.RETURNING, str(error)
        except LinkPoolError as error:
            if late:
                return MoveState.RETURNING, f"could not be started within {move.within:.0f} s: {error}"
            raise
        return MoveState.PROVING, "the new colour is started"

    async def _prove(self, move: MoveRow, thing: TwoColours) -> Following:
        late = self._overdue(move, "prove", move.within)
        try:
            why = await thing.unwell(Colour(move.colour))
        except LinkPoolError as error:
            why = str(error)
        if why is None:
            return MoveState.SWITCHING, "the new colour is well"
        if late:
            return MoveState.RETURNING, f"not well within {move.within:.0f} s: {why}"
        await self._explain(move, why)
        return None

    async def _switch(self, move: MoveRow, thing: TwoColours) -> Following:
        if lost := await self._lost(move, thing):
            return MoveState.RETURNING, lost
        if not await thing.works(Colour(move.colour)):
            return None
        await thing.make_primary(Colour(move.colour))
        return MoveState.PRIMARY, "the new colour is primary"

    async def _watch(self, move: MoveRow, thing: TwoColours) -> Following:
        if lost := await self._lost(move, thing):
            return MoveState.RETURNING, lost
        over = self._overdue(move, "primary", PRIMARY_SECONDS)
        if await thing.settled(Colour(move.colour)):
            return MoveState.DRAINING, "the new colour has answered"
        return (MoveState.DRAINING, f"primary for {PRIMARY_SECONDS:.0f} s") if over else None

    async def _drain(self, move: MoveRow, thing: TwoColours) -> Following:
        if lost := await self._lost(move, thing):
            return MoveState.RETURNING, lost
        old = other(Colour(move.colour))
        if not await thing.works(Colour(move.colour)):
            await thing.resume(old)  # at once, and whatever becomes of the new one
            return None
        over = self._overdue(move, "drain", DRAIN_SECONDS)
        if await thing.drain(old):
            return MoveState.REMOVING, "the old colour has nothing in hand"
        return (MoveState.REMOVING, f"the old colour had {DRAIN_SECONDS:.0f} s to drain") if over else None

    async def _remove(self, move: MoveRow, thing: TwoColours) -> Following:
        await thing.remove(other(Colour(move.colour)))
        return MoveState.DONE, ""

    async def _return(self, move: MoveRow, thing: TwoColours) -> Following:
        new, old = Colour(move.colour), other(Colour(move.colour))
        await thing.resume(old)
        if not await thing.works(old) and await thing.works(new):
            return None  # the new one does the work until the old one does
        await thing.make_primary(old)
        await thing.remove(new)
        return MoveState.RETURNED, move.detail

    # --- waiting ------------------------------------------------------------------------------------

    async def _lost(self, move: MoveRow, thing: TwoColours) -> str | None:
        """What there is to say when nobody of the new colour has worked for too long."""
        if await thing.works(Colour(move.colour)):
            self._since.pop((move.id, "lost"), None)
            return None
        lost = self._overdue(move, "lost", LOST_SECONDS)
        return "the new colour was lost: no task of it works any more" if lost else None

    def _overdue(self, move: MoveRow, what: str, seconds: float) -> bool:
        """Whether this leader has waited so long for it since it first looked."""
        now = self._office.clock.monotonic()
        return now - self._since.setdefault((move.id, what), now) >= seconds

    async def _explain(self, move: MoveRow, why: str) -> MoveRow:
        """Say once what it waits for; a returning one keeps the reason of its return."""
        if why == move.detail or move.state == MoveState.RETURNING:
            return move
        log.info("move waits", node=move.node, bridge=move.bridge, state=move.state, why=why)
        async with self._office.lead() as session:
            await moves.explain(session, move.id, why)
        move.detail = why
        return move
