"""The process around one replica's core, and its composition root: what starts here stops here, in reverse.

claim a slot (or read it from the file) -> sync and register -> serve -> drain -> gone
"""

import asyncio
import os
import random
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import structlog

from linkpool import log as logs
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.rpc import Endpoint
from linkpool.errors import LinkPoolError, reasons
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.net import open_http
from linkpool.replica import health
from linkpool.replica.agent import Agent
from linkpool.replica.alone import Alone
from linkpool.replica.core import Core, Identity, look_back
from linkpool.replica.life import Life
from linkpool.replica.member import Membership
from linkpool.replica.metrics import Metrics
from linkpool.replica.register import register
from linkpool.replica.runner import Outside
from linkpool.replica.settings import BadSettings, PoolSettings, Settings, from_environment, from_file
from linkpool.replica.ties import Claim, Ties
from linkpool.units import Wei
from linkpool.wire.agent import Heartbeat, Hello, State

log = structlog.get_logger(__name__)

GWEI = 10**9
DRAIN_POLL_SECONDS = 0.1


def main(config: Path | None = None) -> int:
    """Run one replica until it is drained; returns the exit code. Errors of ours are one line."""
    logs.configure()
    failed = False
    try:
        settings = from_file(config) if config else from_environment(os.environ)
        asyncio.run(Process(settings).run())
    except* LinkPoolError as group:
        failed = True
        for reason in reasons(group):
            log.error("replica ends", reason=reason)
    return 1 if failed else 0


class Process:
    """One replica as a process: signals, health, ties and core."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._life = Life(self._changed)
        self._ties: Ties | None = None
        self._agent: Agent | None = None
        self._core: Core | None = None
        self._who: Identity | None = None
        self._registered = False
        self._health_url: str | None = None

    async def run(self) -> None:
        """Live from start to drained, or until told to end before serving. Raises LinkPoolError."""
        work = asyncio.create_task(self._work())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, work)
        try:
            await work
        except asyncio.CancelledError:
            log.info("told to end before it served", state=self._life.state.value)
        self._life.become(State.GONE)

    def _stop(self, work: "asyncio.Task[None]") -> None:
        if self._life.state in (State.SERVING, State.DRAINING):
            self._life.drain(for_good=True)
        else:
            work.cancel()

    async def _work(self) -> None:
        settings = self._settings
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            host, port = settings.health_host, settings.health_port
            self._health_url = await stack.enter_async_context(
                health.serve(host, port, self._not_ready, self._metrics.registry)
            )
            links: list[Endpoint] = []
            for url in settings.rpc_urls:
                link = connect(url, session)
                stack.push_async_callback(link.close)
                links.append(link)
            http = await stack.enter_async_context(open_http())
            base = settings.pool.control_urls[0] if settings.pool else self._health_url
            outside = Outside(http, Bridges(http), Inbox(f"{base}/callbacks"))
            async with asyncio.TaskGroup() as tasks:
                self._ties, background = self._tie(session, links, tasks)
                await self._live(self._ties, links, outside)
                for task in background:
                    task.cancel()

    def _tie(
        self, session: aiohttp.ClientSession, links: list[Endpoint], tasks: asyncio.TaskGroup
    ) -> tuple[Ties, list["asyncio.Task[None]"]]:
        pool, alone = self._settings.pool, self._settings.alone
        if alone is not None:
            return Alone(alone, links[0]), []
        if pool is None:
            raise BadSettings("neither a pool's environment nor a file: there is nothing to serve")
        dice = random.Random(pool.task)  # noqa: S311 - spreads reconnects, keeps no secret
        self._agent = Agent(pool.control_urls, session, lambda: self._hello(pool), self._beat, dice)
        return Membership(pool.task, self._agent), [tasks.create_task(self._agent.run(), name="agent")]

    async def _live(self, ties: Ties, links: list[Endpoint], outside: Outside) -> None:
        self._life.become(State.CLAIMING)
        claim = await ties.claim()
        self._who = claim.who
        logs.configure(task=claim.who.task, oracle=claim.who.target.address, sender=claim.who.key.address)
        self._life.become(State.SYNCING)
        endpoints = Endpoints(links, chain_id=claim.who.chain_id)
        max_fee = Wei(int(self._settings.max_fee_gwei * GWEI))
        start = await look_back(endpoints)
        self._core = core = Core(claim.who, endpoints, outside, self._metrics, max_fee=max_fee, start=start)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(core.run()), tasks.create_task(ties.listen(core, self._life))]
            await self._ready_to_serve(core, claim, ties, max_fee)
            core.serving.begin()
            self._life.become(State.SERVING)
            await self._drained(core)
            await ties.goodbye()
            for task in running:
                task.cancel()

    async def _ready_to_serve(self, core: Core, claim: Claim, ties: Ties, max_fee: Wei) -> None:
        await core.serving.synced.wait()
        if claim.node is not None:
            await register(core, claim.node, max_fee=max_fee)
        self._registered = True
        await ties.informed()

    async def _drained(self, core: Core) -> None:
        """Return when this replica was told to drain, was not called back, and has nothing in hand."""
        while True:
            await self._life.until(State.DRAINING)
            core.turn.draining = True
            while self._life.state is State.DRAINING:
                if core.idle:
                    return
                await asyncio.sleep(DRAIN_POLL_SECONDS)
            core.turn.draining = False

    def _not_ready(self) -> str | None:
        if self._life.state is not State.SERVING or self._core is None:
            return self._life.state.value
        return self._core.stale()

    def _changed(self) -> None:
        if self._ties:
            self._ties.changed()

    def _hello(self, pool: PoolSettings) -> Hello:
        slot = self._who.order if self._who else None
        return Hello(group=pool.group, task=pool.task, token=pool.token, slot=slot, health=self._health_url)

    def _beat(self) -> Heartbeat:
        core, ready = self._core, self._not_ready() is None
        self._metrics.control.set(self._agent.connected if self._agent else 0)
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
            pending=core.stream.pending,
        )
