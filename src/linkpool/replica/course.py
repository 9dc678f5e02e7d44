"""A replica's course once it knows who it is: sync and register -> serve -> drain -> gone.

It opens no socket: the process (`main.py`) gives it endpoints, ties and sources. So does the simulator, and
what drains, resumes and starts late there is what does so here.
"""

import asyncio

import structlog

from linkpool.chain.endpoints import Endpoints
from linkpool.chain.rpc import EndpointTrouble
from linkpool.replica.core import Core, look_back
from linkpool.replica.life import Life
from linkpool.replica.metrics import Metrics
from linkpool.replica.register import register
from linkpool.replica.runner import Outside
from linkpool.replica.ties import Claim, Ties
from linkpool.units import Wei
from linkpool.wire.agent import Heartbeat, State

log = structlog.get_logger(__name__)

DRAIN_POLL_SECONDS = 0.1
RETRY_SECONDS = 1.0


class Course:
    """The course of one replica that claimed a slot."""

    def __init__(self, claim: Claim, ties: Ties, life: Life, metrics: Metrics, *, max_fee: Wei) -> None:
        self.claim = claim
        self.core: Core | None = None
        self._ties, self._life, self._metrics, self._max_fee = ties, life, metrics, max_fee
        self._registered = False

    async def run(self, endpoints: Endpoints, outside: Outside) -> None:
        """Return when drained. Raises NotWanted, or what a broken part raised."""
        self._life.become(State.SYNCING)
        start = await _start(endpoints)
        self.core = core = Core(
            self.claim.who, endpoints, outside, self._metrics, max_fee=self._max_fee, start=start
        )
        core.tools.told = self._ties.told
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(core.run()), tasks.create_task(self._ties.listen(core, self._life))]
            await self._ready_to_serve(core)
            core.serving.begin()
            self._life.become(State.SERVING)
            await self._drained(core)
            await self._ties.goodbye()
            for task in running:
                task.cancel()

    async def _ready_to_serve(self, core: Core) -> None:
        await core.serving.synced.wait()
        if self.claim.node is not None:
            await register(core, self.claim.node, max_fee=self._max_fee)
        self._registered = True
        await core.catalog.known.wait()

    async def _drained(self, core: Core) -> None:
        """Return when nothing is in hand after a drain for good; one that may be called back only idles."""
        while True:
            await self._life.until(State.DRAINING)
            core.turn.draining = True
            told = False
            while self._life.state is State.DRAINING:
                if core.idle and self._life.ending:
                    return
                if core.idle is not told:
                    told = core.idle
                    self._ties.changed()
                await asyncio.sleep(DRAIN_POLL_SECONDS)
            core.turn.draining = False

    def not_ready(self) -> str | None:
        """Why this replica should not be counted on now, or None."""
        if self._life.state is not State.SERVING or self.core is None:
            return self._life.state.value
        return self.core.unready()

    def beat(self) -> Heartbeat:
        """What the control plane is told now."""
        core, ready = self.core, self.not_ready() is None
        if core is None:
            return Heartbeat(state=self._life.state, ready=ready)
        head = core.heads.latest
        return Heartbeat(
            state=self._life.state,
            ready=ready,
            head=head.number if head else None,
            head_time=head.timestamp if head else None,
            catalog=core.catalog.revision,
            registered=self._registered,
            open=core.serving.open,
            answered=core.serving.answered,
            in_hand=tuple(sorted(core.tools.in_hand)),
            trying=core.tools.trials.trying,
            alone=core.tools.trials.alone,
            pending=core.stream.pending,
            funded=not core.stream.funds.short,
            drained=self._life.state is State.DRAINING and core.idle,
            avoid=tuple(sorted(core.roster.avoid)),
            suspects=tuple(core.roster.suspects),
        )


async def _start(endpoints: Endpoints) -> int:
    """The first block to read. An unreachable chain is waited for: a fresh copy would see no more."""
    while True:
        try:
            return await look_back(endpoints)
        except EndpointTrouble as trouble:
            log.warning("no block to start from yet", why=str(trouble))
            await asyncio.sleep(RETRY_SECONDS)
