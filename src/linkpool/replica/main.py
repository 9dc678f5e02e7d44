"""The process around one replica's core, and its composition root: what starts here stops here, in reverse.

claim a slot (or read it from the file), then take its course (`course.py`)
"""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import structlog

from linkpool import log as logs
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.errors import LinkPoolError, reasons
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.net import open_http
from linkpool.names import lasting_session
from linkpool.replica import health
from linkpool.replica.agent import Agent
from linkpool.replica.alone import Alone
from linkpool.replica.core import Core
from linkpool.replica.course import Course
from linkpool.replica.life import Life
from linkpool.replica.member import Membership
from linkpool.replica.metrics import Metrics
from linkpool.replica.observed import Link, Observed
from linkpool.replica.placed import ask_place
from linkpool.replica.runner import Outside
from linkpool.replica.settings import BadSettings, PoolSettings, Settings, from_environment, from_file
from linkpool.replica.ties import Ties
from linkpool.replica.trust import Trust
from linkpool.units import Wei
from linkpool.wire.agent import Heartbeat, Hello, State

log = structlog.get_logger(__name__)

GWEI = 10**9


def main(config: Path | None = None) -> int:
    """Run one replica until it is drained; returns the exit code. Errors of ours are one line."""
    logs.configure()
    failed = False
    try:
        if config is None:
            ask_place(os.environ)
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
        self._course: Course | None = None
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
            session = await stack.enter_async_context(lasting_session())
            host, port = settings.health_host, settings.health_port
            self._health_url = await stack.enter_async_context(
                health.serve(host, port, self._not_ready, self._metrics.registry)
            )
            links: list[Link] = []
            for url in settings.rpc_urls:
                link = connect(url, session)
                stack.push_async_callback(link.close)
                links.append(link)
            self._metrics.registry.register(Observed(links, self._core, self._connected))
            http = await stack.enter_async_context(open_http())
            base = settings.pool.callback_url or settings.pool.control_urls[0] if settings.pool else None
            outside = Outside(http, Bridges(http), Inbox(f"{base or self._health_url}/callbacks"))
            async with asyncio.TaskGroup() as tasks:
                self._ties, background = self._tie(session, links, tasks)
                await self._live(self._ties, links, outside)
                for task in background:
                    task.cancel()

    def _tie(
        self, session: aiohttp.ClientSession, links: Sequence[Link], tasks: asyncio.TaskGroup
    ) -> tuple[Ties, list["asyncio.Task[None]"]]:
        pool, alone = self._settings.pool, self._settings.alone
        if alone is not None:
            return Alone(alone, links), []
        if pool is None:
            raise BadSettings("neither a pool's environment nor a file: there is nothing to serve")
        dice = random.Random(pool.task)  # noqa: S311 - spreads reconnects, keeps no secret
        trust = Trust(pool.ca_fingerprint, session) if pool.ca_fingerprint else None
        self._agent = Agent(pool.control_urls, session, lambda: self._hello(pool), self._beat, dice, trust)
        return Membership(pool.task, self._agent), [tasks.create_task(self._agent.run(), name="agent")]

    async def _live(self, ties: Ties, links: Sequence[Link], outside: Outside) -> None:
        self._life.become(State.CLAIMING)
        claim = await ties.claim()
        who = claim.who
        logs.configure(task=who.task, oracle=who.target.address, sender=who.key.address)
        max_fee = Wei(int(self._settings.max_fee_gwei * GWEI))
        self._course = Course(claim, ties, self._life, self._metrics, max_fee=max_fee)
        await self._course.run(Endpoints(links, chain_id=who.chain_id), outside)

    def _not_ready(self) -> str | None:
        return self._course.not_ready() if self._course else self._life.state.value

    def _changed(self) -> None:
        if self._ties:
            self._ties.changed()

    def _hello(self, pool: PoolSettings) -> Hello:
        slot = self._course.claim.who.order if self._course else None
        beat = self._beat()
        return Hello(
            group=pool.group,
            task=pool.task,
            token=pool.token,
            slot=slot,
            health=self._health_url,
            avoid=beat.avoid,
            suspects=beat.suspects,
        )

    def _core(self) -> Core | None:
        return self._course.core if self._course else None

    def _connected(self) -> int:
        return self._agent.connected if self._agent else 0

    def _beat(self) -> Heartbeat:
        return self._course.beat() if self._course else Heartbeat(state=self._life.state, ready=False)
