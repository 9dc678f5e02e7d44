"""A tiny control plane: rosters, catalogs, drains and resumes, over lines that lose, delay and reorder.

It says who is alive as the real one does: a replica is in the roster while it says `serving`, leaves it when
its line closes or after two seconds of silence, and an empty roster is never sent. Who killed whom the real
`Poison` judges. What it says is stamped; `echo` says old things again, as a former leader or a slow line
would.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from linkpool.fleet.agents.poison import Poison
from linkpool.wire.agent import (
    Catalog,
    Drain,
    Heartbeat,
    Leaving,
    Member,
    NodeFacts,
    Probe,
    Probed,
    Resume,
    Roster,
    State,
    Welcome,
)
from tests.sim import oracle, sources
from tests.sim.sources import Job

SILENT_SECONDS = 2.0
PUBLISHED = (Job.PLAIN, Job.CONFIRMED, Job.LONG, Job.REFUSED, Job.DEADLY)
NODE = 1
_NODE = NodeFacts(chain_id=31337, link="", pool="", wallet="", oracle=oracle.ADDRESS)


@dataclass
class Quality:
    """How good the lines are: longest delay in seconds, share of rosters that are lost."""

    delay: float = 0.05
    loss: float = 0.0


@dataclass(eq=False)
class Post:
    """One replica's line: what `linkpool.replica.agent.Agent` is to `Membership`."""

    plane: "Plane"
    task: str
    seat: int
    sender: str
    primary: bool
    inbox: asyncio.Queue[object] = field(default_factory=asyncio.Queue)
    beat: Callable[[], Heartbeat] | None = None
    state: State = State.STARTING
    holds: tuple[str, ...] = ()
    """Runs in hand, while it drains."""
    funded: bool = True
    cut: bool = False
    closed: bool = False

    def nudge(self) -> None:
        """A heartbeat, now."""
        if self.beat and not self.cut and not self.closed:
            self.plane.heard(self, self.beat())

    async def told(self) -> None:
        """A heartbeat arrives at once."""
        self.nudge()

    async def goodbye(self) -> None:
        """Drained."""
        if not self.cut:
            self.plane.left(self)

    async def say(self, message: object) -> None:
        """What a probe found."""
        if isinstance(message, Probed):
            self.plane.probed.append(message)

    def take(self, message: object) -> None:
        """A message arrives, if the line still holds."""
        if not self.cut and not self.closed:
            self.inbox.put_nowait(message)


class Plane:
    """The leader, and what it said."""

    def __init__(self, dice: random.Random, quality: Quality, link_price: str | None) -> None:
        self._dice, self._quality, self._link_price = dice, quality, link_price
        self._posts: dict[str, Post] = {}
        self._epoch, self._version = 1, 0
        self._said: list[Roster] = []
        self.poison = Poison()
        self.convicted: set[str] = set()
        """Runs that were ever on the `avoid` list."""
        self.bad_luck: Counter[str] = Counter()
        """Runs that were being tried when somebody else killed their replica."""
        self.beside: Counter[str] = Counter()
        """Runs at whose trial a replica died, beside others that it tried at the same time."""
        self.suspected: dict[str, float] = {}
        """Runs that were ever suspects, and the loop time at which who may try them was last news."""
        self._published: tuple[Job, ...] = PUBLISHED
        self._revision = 1
        self.largest = 1
        """Most members that any roster had."""
        self.probed: list[Probed] = []

    def welcome(self, post: Post, slot: int) -> None:
        """Let a replica in: its slot, the roster as it is, the catalog."""
        self._posts[post.task] = post
        post.take(Welcome(epoch=self._epoch, node=_NODE, slot=slot, sender_key="none"))
        if self._said:
            post.take(self._said[-1])  # before the catalog, with which it may begin
        post.take(self._catalog())

    def heard(self, post: Post, beat: Heartbeat) -> None:
        """A heartbeat: its state and money matter here, and what it has in hand while it drains."""
        holds = beat.in_hand if beat.state is State.DRAINING else ()
        acquitted = self.poison.holds(post.task, NODE, beat)
        if acquitted or (beat.state, holds, beat.funded) != (post.state, post.holds, post.funded):
            post.state, post.holds, post.funded = beat.state, holds, beat.funded
            self.say()

    def left(self, post: Post) -> None:
        """A replica said goodbye."""
        self.poison.ended(post.task)
        self._gone(post)

    def died(self, post: Post, *, noticed: bool) -> None:
        """A process is gone: its socket closes at once, or its host went silent."""
        post.nudge()  # what it began it has said before, and the rest half a second ago
        post.closed = True
        wait = 0.0 if noticed else SILENT_SECONDS
        asyncio.get_running_loop().call_later(wait, self._buried, post)

    def _buried(self, post: Post) -> None:
        alive = {one.task for one in self._posts.values() if one is not post}
        heard = {one.task for one in self._posts.values() if not (one.closed or one.cut)}
        self.poison.bury(alive, heard, asyncio.get_running_loop().time())
        self.convicted.update(self.poison.avoid(NODE))
        self._gone(post)

    def _gone(self, post: Post) -> None:
        self._posts.pop(post.task, None)
        self.say()

    def cut(self, seat: int, *, off: bool) -> None:
        """Partition a seat's line, or mend it: then everything in force is said again."""
        for post in [one for one in self._posts.values() if one.seat == seat]:
            post.cut = off
            if off:
                asyncio.get_running_loop().call_later(SILENT_SECONDS, self._silent, post)
            else:
                post.nudge()
                post.take(self._catalog())
                self.say(again=True)

    def _silent(self, post: Post) -> None:
        if post.cut and post.state in (State.SERVING, State.DRAINING):
            post.state, post.holds = State.STARTING, ()
            self.say()

    def listen(self) -> None:
        """A heartbeat of everybody, as there is one every half second."""
        for post in list(self._posts.values()):
            post.nudge()

    def drain(self, seat: int, *, resume: bool = False) -> None:
        """Order a seat's replica to drain, or to serve again."""
        self._version += 1
        order = Resume if resume else Drain
        for post in [one for one in self._posts.values() if one.seat == seat]:
            post.take(order(epoch=self._epoch, version=self._version))

    def switch(self) -> None:
        """The other colour is primary now."""
        for post in self._posts.values():
            post.primary = not post.primary
        self.say()

    def probe(self) -> None:
        """Have every replica recompute the node's last answers."""
        self._version += 1
        for post in self._posts.values():
            post.take(Probe(epoch=self._epoch, version=self._version, id=f"{self._version}"))

    def elect(self) -> None:
        """A new leader: its words outrank all before; of deadly runs it hears from the replicas."""
        self._epoch, self._version = self._epoch + 1, 0
        self.poison = Poison()
        for post in self._posts.values():
            if post.beat and not post.cut and not post.closed:
                self.poison.recall(NODE, post.beat(), asyncio.get_running_loop().time())
        self.say(again=True)

    def publish(self) -> None:
        """The next catalog, with one job more."""
        self._published, self._revision = tuple(Job), self._revision + 1
        self._version += 1
        for post in self._posts.values():
            post.take(self._catalog())

    def echo(self) -> None:
        """Something old, once more, to everybody: a roster of one stranger, a drain of a former leader."""
        stranger = Member(task="stranger", sender=oracle.ADDRESS, primary=True)
        for post in self._posts.values():
            post.take(Roster(epoch=0, version=10**6, members=(stranger,)))
            post.take(Drain(epoch=0, version=10**6))
            if self._said[:-1]:
                post.take(self._dice.choice(self._said[:-1]))

    def say(self, *, again: bool = False) -> None:
        """Send the roster where it changed."""
        members = tuple(
            Member(task=post.task, sender=post.sender, primary=post.primary, funded=post.funded)
            for post in sorted(self._posts.values(), key=lambda one: one.task)
            if post.state is State.SERVING
        )
        leaving = tuple(
            Leaving(task=post.task, sender=post.sender, primary=post.primary, runs=post.holds)
            for post in sorted(self._posts.values(), key=lambda one: one.task)
            if post.holds
        )
        before = self._said[-1] if self._said else None
        if not members and before:
            members = before.members
        avoid, suspects = self.poison.avoid(NODE), self.poison.suspects(NODE)
        known = before.suspects if before and before.members == members else ()
        for run in set(suspects).difference(known):
            self.suspected[run] = asyncio.get_running_loop().time()
        now = (members, leaving, avoid, suspects)
        same = before and now == (before.members, before.leaving, before.avoid, before.suspects)
        if not members or (same and not again):
            return
        self._version += 1
        self.largest = max(self.largest, len(members) + len(leaving))
        roster = Roster(
            epoch=self._epoch,
            version=self._version,
            members=members,
            leaving=leaving,
            avoid=avoid,
            suspects=suspects,
            link_price=self._link_price,
        )
        self._said.append(roster)
        for post in self._posts.values():
            if self._dice.random() >= self._quality.loss:
                delay = self._dice.random() * self._quality.delay
                asyncio.get_running_loop().call_later(delay, post.take, roster)

    def _catalog(self) -> Catalog:
        texts = tuple(sources.text(job) for job in self._published)
        return Catalog(epoch=self._epoch, version=self._version, revision=self._revision, jobs=texts)
