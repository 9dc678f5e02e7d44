"""The agent side of a leader: sessions in, rosters and the catalog out.

Everything said is stamped with the lease's epoch and waits while the term does not run. A closed socket
leaves the roster at once, a silent one after two seconds. A leader that has just begun presumes alive
every task that holds a slot and that the engine reports, until the task connects or `GRACE` is over and
nobody stands in line any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress

import structlog

from linkpool.fleet.agents.claims import Claims
from linkpool.fleet.agents.household import Household
from linkpool.fleet.agents.poison import Poison
from linkpool.fleet.agents.roster import SILENT_AFTER, Rosters, Said, Seat
from linkpool.fleet.agents.sessions import Link, LinkClosed, Session
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.store.tables import Colour, NodeRow
from linkpool.wire.agent import (
    Callback,
    Catalog,
    Goodbye,
    Heartbeat,
    Hello,
    Member,
    NodeFacts,
    Probed,
    Refused,
    Roster,
    State,
    Webhook,
    Welcome,
)

log = structlog.get_logger(__name__)

GRACE = 15.0
"""Seconds in which a new leader judges nobody that the engine reports."""
LONGEST_GRACE = 120.0
"""So long while some are still being let in: a large fleet takes its time; strangers may stand in line."""
SWEEP = 0.25
"""Seconds between two looks for silence."""

Facts = Callable[[NodeRow], Awaitable[NodeFacts]]


class Hub:
    """All replicas of the pool, as the leader of one term hears them."""

    def __init__(self, office: Office, *, tasks: Tasks, link_price: str | None) -> None:
        self._office = office
        self._tasks = tasks
        self._link_price = link_price
        self._rosters = Rosters()
        self._poison = Poison()
        self._nodes: dict[int, Household] = {}
        self._due: set[int] = set()
        """Nodes whose roster is to be reviewed at the next look: something happened, and was not told yet."""
        self._preferred: dict[int, Colour] = {}
        """Primary colours that changed in this term."""
        self._sessions: dict[str, Session] = {}
        self._closed = False
        self._arriving = 0
        """Replicas that said hello and are being looked up."""
        self._judging = False
        self._heard: dict[str, float] = {}
        self._catalog = Catalog(epoch=office.epoch, version=0, revision=0)
        self._catalog_known = False
        self._began = office.clock.monotonic()
        self.entered = asyncio.Event()
        """Set when a replica came in; whoever waits for it clears it."""
        tasks.on_change(self.sweep)

    # --- what others ask ---------------------------------------------------------------------------

    @property
    def judging(self) -> bool:
        """Whether this leader has been one for long enough to call anybody dead."""
        return self._judging

    @property
    def sessions(self) -> Iterable[Session]:
        """Every replica on the line."""
        return self._sessions.values()

    def session(self, task: str) -> Session | None:
        """The replica of that task, when it is on the line."""
        return self._sessions.get(task)

    def roster(self, node: int) -> tuple[Member, ...]:
        """Who is alive in a node now."""
        house = self._nodes.get(node)
        return house.roster(self._office.clock.monotonic()) if house else ()

    def says_registered(self, node: int) -> bool:
        """Whether any replica of a node has seen it registered: a hint to look at the chain."""
        house = self._nodes.get(node)
        beats = [session.beat for session in house.sessions.values()] if house else []
        return any(beat.registered for beat in beats if beat)

    def heard_ago(self, task: str) -> float:
        """Seconds since a task was last heard, or since this term began."""
        return self._office.clock.monotonic() - self._heard.get(task, self._began)

    def heard_at(self, task: str) -> float | None:
        """Unix seconds of the last word of a task in this term."""
        return self._office.clock.now() - self.heard_ago(task) if task in self._heard else None

    # --- what others tell --------------------------------------------------------------------------

    def presume(self, node: NodeRow, seat: Seat) -> None:
        """A slot was held by this task when the term began; it counts as alive for now."""
        house = self._household(node)
        if seat.task not in house.sessions:
            house.presumed[seat.task] = seat

    def prefer(self, node: int, colour: Colour) -> None:
        """That colour is primary from now on, as the database says already."""
        self._preferred[node] = colour
        if house := self._nodes.get(node):
            house.row.primary = colour.value
            self._review(node)

    def price(self, link_price: str | None) -> None:
        """Wei per LINK from now on; news of it are told to everybody."""
        if link_price != self._link_price:
            self._link_price = link_price
            for session in self._sessions.values():
                self._say_roster(session)

    def set_catalog(self, catalog: Catalog) -> None:
        """Tell everybody of a revision, if it is news."""
        if not self._catalog_known or catalog.stamp > self._catalog.stamp:
            self._catalog, self._catalog_known = catalog, True
            for session in self._sessions.values():
                session.post("catalog", catalog)

    def forward(self, key: str, message: Webhook | Callback) -> None:
        """Hand something for one run to every replica; `key` tells it from all else under way."""
        for session in self._sessions.values():
            session.post(f"{message.kind} {key}", message)

    def acknowledged(self) -> int | None:
        """The lowest catalog revision in use by a serving replica, 0 while one that is presumed alive has not
        said; None when none serves.
        """
        if any(house.presumed for house in self._nodes.values()):
            return 0
        beats = [session.beat for session in self._sessions.values() if session.state is State.SERVING]
        return min((beat.catalog for beat in beats if beat), default=None)

    def sweep(self) -> None:
        """Look at all replicas again: somebody may have fallen silent, or have gone. Only the rosters of such
        nodes, and of those still due, are made anew: for those of 1,000 nodes others would wait too long.
        """
        led = self._office.clock.monotonic() - self._began
        self._judging |= led >= (LONGEST_GRACE if self._arriving else GRACE)
        alive = {task.id for task in self._tasks.all()}
        self._heard = {task: at for task, at in self._heard.items() if task in alive}
        self._bury(alive)
        now, judging = self._office.clock.monotonic(), self.judging
        for node, house in self._nodes.items():
            stopped = house.stop_presuming(lambda task: judging or task not in alive)
            if house.fell_silent(now) or stopped:
                self._due.add(node)
        for node in sorted(self._due):
            self._review(node)

    def _bury(self, alive: Collection[str]) -> None:
        """Have deaths counted; what the dead said last is still to be read while their line is open."""
        now = self._office.clock.monotonic()
        heard = {task for task, one in self._sessions.items() if now - one.heard_at < SILENT_AFTER}
        self._due |= self._poison.bury(heard.union(alive), heard, now)

    def close(self) -> None:
        """The term is over: hang up on everybody, also on who is just being let in."""
        self._closed = True
        for session in self._sessions.values():
            session.end()

    # --- one replica -------------------------------------------------------------------------------

    async def serve(self, hello: Hello, link: Link, claims: Claims, facts: Facts) -> None:
        """A replica's whole stay. Returns when the line is closed, by either side."""
        self._arriving += 1
        try:
            claim = await claims.admit(hello)
        finally:
            self._arriving -= 1
        if isinstance(claim, Refused):
            log.warning("replica refused", group=hello.group, task=hello.task, reason=claim.reason)
            with suppress(LinkClosed):
                await link.send(claim)
            return
        told = await facts(claim.node)
        if self._closed:
            return
        session = Session(
            link, node=claim.node.index, group=hello.group, task=hello.task, colour=claim.colour
        )
        session.slot, session.sender, session.health = claim.slot, claim.sender, hello.health
        welcome = Welcome(epoch=self._office.epoch, node=told, slot=claim.slot, sender_key=claim.key)
        if not self.judging:
            self._poison.recall(session.node, hello, self._office.clock.monotonic())
        self._enter(session, claim.node, welcome)
        stay = [
            asyncio.ensure_future(part)
            for part in (self._listen(session), session.write(self._office.term.speaks), session.ended())
        ]
        try:
            await asyncio.wait(stay, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._leave(session)
            for part in stay:
                part.cancel()
            for result in await asyncio.gather(*stay, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, LinkClosed):
                    log.error("replica session failed", task=session.task, error=repr(result))
            await session.hang_up()

    def _enter(self, session: Session, node: NodeRow, welcome: Welcome) -> None:
        older = self._sessions.get(session.task)
        if older is not None:
            older.end()
        self._household(node).sessions[session.task] = session
        session.heard_at = self._heard[session.task] = self._office.clock.monotonic()
        self._sessions[session.task] = session
        self.entered.set()
        session.post("welcome", welcome)
        self._say_roster(session)  # before the catalog, with which it may begin: what to avoid comes first
        if self._catalog_known:  # else it follows: an empty one now would take a running replica's jobs away
            session.post("catalog", self._catalog)
        log.info("replica on the line", task=session.task, node=node.oracle, slot=session.slot)

    async def _listen(self, session: Session) -> None:
        while True:
            message = await session.receive()
            now = self._office.clock.monotonic()
            was_silent = now - session.heard_at >= SILENT_AFTER
            session.heard_at = self._heard[session.task] = now
            if was_silent:
                self._due.add(session.node)
            if isinstance(message, Heartbeat):
                changed, before = message.state is not session.state, session.seat
                session.beat = message
                acquitted = self._poison.holds(session.task, session.node, message)
                if changed:
                    self._state_changed(session)
                elif was_silent or acquitted or session.seat != before:
                    self._review(session.node)
            elif isinstance(message, Probed):
                session.probed = message
            elif isinstance(message, Goodbye):
                log.info("replica says goodbye", task=session.task)
                self._poison.ended(session.task)
                return

    def _state_changed(self, session: Session) -> None:
        self._nodes[session.node].presumed.pop(session.task, None)
        self._office.journal.note(
            "replica_state", self._oracle(session.node), task=session.task, state=session.state.value
        )
        self._review(session.node)

    def _leave(self, session: Session) -> None:
        if self._sessions.get(session.task) is session:
            del self._sessions[session.task]
            house = self._nodes[session.node]
            del house.sessions[session.task]
            house.presumed.pop(session.task, None)
            self._bury({task.id for task in self._tasks.all()})
            self._review(session.node)

    # --- rosters -----------------------------------------------------------------------------------

    def _review(self, node: int) -> None:
        """Say the node's roster to its replicas, if it changed; later, while this term may say nothing."""
        if not self._office.term.runs:
            self._due.add(node)
            return
        self._due.discard(node)
        leaving = self._nodes[node].leaving(self._office.clock.monotonic())
        members = self.roster(node) or self._rosters.said(node).members  # if to nobody, to who comes next
        avoid, suspects = self._poison.avoid(node), self._poison.suspects(node)
        change = self._rosters.change(node, Said(members, avoid, leaving, suspects))
        if change is None:
            return
        for session in self._nodes[node].sessions.values():
            self._say_roster(session)
        joined, left = change
        for kind, tasks in (("replica_joined", joined), ("replica_left", left)):
            for task in sorted(tasks):
                self._office.journal.note(kind, self._oracle(node), task=task)

    def _say_roster(self, session: Session) -> None:
        said = self._rosters.said(session.node)
        if said.members:
            roster = Roster(
                epoch=self._office.epoch,
                version=self._rosters.version,
                members=said.members,
                leaving=said.leaving,
                avoid=said.avoid,
                suspects=said.suspects,
                link_price=self._link_price,
            )
            session.post("roster", roster)

    def _household(self, node: NodeRow) -> Household:
        house = self._nodes.setdefault(node.index, Household(node))
        house.row = node
        self._due.add(node.index)
        if preferred := self._preferred.get(node.index):  # the row may have been read before the switch
            node.primary = preferred.value
        return house

    def _oracle(self, node: int) -> str | None:
        return self._nodes[node].row.oracle
