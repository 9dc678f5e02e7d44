"""One task: a real `Course` with a real `Core`, on wires that go dead when it is killed."""

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from functools import cache

from linkpool.chain.endpoints import Endpoints
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.spec import parse_job
from linkpool.replica import catalog
from linkpool.replica.answers import Target
from linkpool.replica.core import Core, Identity
from linkpool.replica.course import Course
from linkpool.replica.life import Life
from linkpool.replica.member import Membership
from linkpool.replica.metrics import Metrics
from linkpool.replica.runner import Outside
from linkpool.replica.ties import Claim
from linkpool.units import Wei
from linkpool.wire.agent import Heartbeat, State
from tests.sim import oracle
from tests.sim.plane import Plane, Post
from tests.sim.seals import Seal
from tests.sim.sources import Sources
from tests.sim.wires import Fuse, Line, Pulse, Wire
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import Faults

catalog.parse_job = cache(parse_job)  # type: ignore[assignment] - thousands of lives read the same few texts
MAX_FEE = Wei(500 * 10**9)
speaker: contextvars.ContextVar[str] = contextvars.ContextVar("speaker", default="")
"""Which replica a log line is from."""


class _Ties(Membership):
    """The real one, with a seal for a key."""

    def __init__(self, post: Post, seal: Seal) -> None:
        super().__init__(post.task, post)  # type: ignore[arg-type] - a Post is all of an Agent that it uses
        self._seal = seal

    async def claim(self) -> Claim:
        """As Membership; the node's contract is on chain already."""
        welcome = await self._welcome()
        target = Target(oracle.ADDRESS, ours=True)
        who = Identity(self._task, self._seal, welcome.node.chain_id, target, order=welcome.slot)  # type: ignore[arg-type]
        return Claim(who, None)


class Replica:
    """One life of one task."""

    def __init__(
        self,
        task: str,
        seat: int,
        chain: FakeChain,
        plane: Plane,
        slot: int,
        *,
        primary: bool,
        faults: Sequence[tuple[Faults, bool]],
        sources: Sources,
        deadly: Callable[[int], None],
        ended: Callable[[], None],
    ) -> None:
        """`ended` is called once, when it was killed, has drained or failed; `deadly` by what kills it."""
        self.task, self.seat, self.slot, self.seal = task, seat, slot, Seal(slot)
        self.pulse = Pulse()
        self.metrics = Metrics()
        self.course: Course | None = None
        self.trouble: BaseException | None = None
        self._wires = [
            Wire(chain, f"{task}/{number}", one, self.pulse, pushes=pushes)
            for number, (one, pushes) in enumerate(faults)
        ]
        self._line = Line(sources, self.pulse, deadly)
        self._plane, self._ended = plane, ended
        self.post = Post(plane, task, seat, self.seal.address, primary)
        self._ties = _Ties(self.post, self.seal)
        self.life = Life(self._ties.changed)
        self.post.beat = self._beat
        self._main: asyncio.Task[None] | None = None

    @property
    def core(self) -> Core | None:
        """Its working parts, once it knows who it is."""
        return self.course.core if self.course else None

    @property
    def alive(self) -> bool:
        """Neither killed nor ended."""
        return self.pulse.alive and self._main is not None and not self._main.done()

    @property
    def serving(self) -> bool:
        """It answers requests."""
        return self.alive and self.life.state is State.SERVING

    def start(self) -> None:
        """Begin."""
        context = contextvars.copy_context()
        context.run(speaker.set, self.task)
        self._main = asyncio.get_running_loop().create_task(self._run(), context=context)
        self._plane.welcome(self.post, self.slot)

    def kill(self, *, noticed: bool, chance: bool = True) -> None:
        """kill -9. `noticed`: its socket closes at once, else its silence tells. `chance`: of no request."""
        if not self.alive or self._main is None:
            return
        if chance and self.core and self.core.tools.trials.alone:
            self._plane.bad_luck.update(self.core.tools.trials.trying)
        if self.core and len(self.core.tools.trials.trying) > 1:
            self._plane.beside.update(self.core.tools.trials.trying)
        self.pulse.alive = False
        self._plane.died(self.post, noticed=noticed)
        self._main.cancel()
        self._ended()

    def terminate(self) -> None:
        """SIGTERM, as `main.Process` takes it."""
        if self.life.state in (State.SERVING, State.DRAINING):
            self.life.drain(for_good=True)
        else:
            self.kill(noticed=True)

    def arm(self, calls: int, *, after: bool, noticed: bool) -> None:
        """Kill it at one of its next calls of the chain."""
        self.pulse.fuse = Fuse(calls, after, lambda: self.kill(noticed=noticed))

    async def end(self) -> None:
        """Take it down, and see whether it had ended by an error."""
        self.pulse.alive = False
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)

    def _beat(self) -> Heartbeat:
        return self.course.beat() if self.course else Heartbeat(state=self.life.state, ready=False)

    async def _run(self) -> None:
        self.life.become(State.CLAIMING)
        try:
            claim = await self._ties.claim()
            self.course = Course(claim, self._ties, self.life, self.metrics, max_fee=MAX_FEE)
            endpoints = Endpoints(self._wires, chain_id=claim.who.chain_id)
            outside = Outside(self._line, Bridges(self._line), Inbox("https://pool.example/callbacks"))
            await self.course.run(endpoints, outside)
        except Exception as trouble:  # noqa: BLE001 - whatever ends a replica that nobody killed is a finding
            if self.pulse.alive:
                self.trouble = trouble
        if self.pulse.alive:
            self.pulse.alive = False
            self._plane.left(self.post)
            self._ended()
