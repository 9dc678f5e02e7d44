"""A whole pool of real processes: anvil, Chainlink's LinkToken, a control plane, one node of two replicas.

async with real_pool(folder) as pool:
    async with traffic(pool):
        os.kill((await pool.replicas())[0].pid, signal.SIGKILL)
    await pool.settled()
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from linkpool.api.client import Client, ControlTrouble, serving, until_serving
from linkpool.api.client_catalog import until_in_use
from linkpool.chain.endpoints import Endpoints
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import Oracle
from linkpool.dev.account import Account
from linkpool.dev.anvil import DevChain
from linkpool.dev.folder import Folder
from linkpool.dev.job import SPEC_ID, demo_job, demo_parameters
from linkpool.dev.pool import PAYMENT, TERMS, Found, stake
from linkpool.dev.processes import child
from linkpool.dev.tally import Tally
from linkpool.dev.up import write_config
from linkpool.fleet.catalog.document import Job
from linkpool.jobs.errors import JobError
from linkpool.wire.api import NodeView, ReplicaView
from tests.support.anvil import Anvil
from tests.support.ports import free_port
from tests.support.processes import carrying
from tests.support.rejections import rejections
from tests.support.site import Site, site
from tests.support.source import Source
from tests.support.until import until

REQUEST_SECONDS = 0.35


class ControlPlane:
    """`linkpool control` as a process that can be killed, and started again on the same port and folder."""

    def __init__(self, folder: Folder, http: aiohttp.ClientSession, port: int) -> None:
        self._folder, self._http = folder, http
        self._stack = AsyncExitStack()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder.logs / "control.log"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> Client:
        """Return when it leads."""
        command = [sys.executable, "-m", "linkpool", "control", "--config", str(self._folder.config)]
        self.process = await self._stack.enter_async_context(child(command, self.log))

        async def leads() -> bool:
            return self._folder.token.exists() and await Client(self._http, self.url, None).ready()

        await until(leads, f"the control plane leads; see {self.log}")
        return Client(self._http, self.url, self._folder.token.read_text().strip())

    async def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """SIGTERM, unless it is gone; its replicas go with it."""
        await self._stack.aclose()


@dataclass
class RealPool:
    """A pool that runs. `oracle` is its node's id."""

    chain: Anvil
    rpc: Endpoints
    folder: Folder
    http: aiohttp.ClientSession
    found: Found
    owner: Account
    manager: Account
    source: Source
    plane: ControlPlane
    control: Client
    oracle: str = ""

    @classmethod
    def on(cls, here: Site, folder: Folder, plane: ControlPlane, control: Client) -> Self:
        """What stands there, led by that control plane."""
        people = (here.found, here.owner, here.manager)
        return cls(here.chain, here.rpc, folder, here.http, *people, here.source, plane, control)

    @property
    def link(self) -> Link:
        """Chainlink's LinkToken."""
        return Link(self.found.deployment.link)

    @property
    def headers(self) -> dict[str, str]:
        """The admin's, for the API."""
        return {"Authorization": f"Bearer {self.folder.token.read_text().strip()}"}

    async def node(self) -> NodeView:
        """The node of `oracle`."""
        return next(node for node in await self.control.nodes() if node.id == self.oracle)

    async def replicas(self, *without: ReplicaView, within: float = 120.0) -> list[ReplicaView]:
        """Both replicas, once two serve and the roster has them and none of `without`; lower slot first."""
        gone = {replica.task for replica in without}

        async def both() -> list[ReplicaView] | None:
            try:
                node = await self.node()
            except ControlTrouble:
                return None
            ready = [r for r in node.replicas if r.in_roster and r.ready and r.task not in gone]
            return sorted(ready, key=lambda r: r.slot or 0) if serving(node) and len(ready) == 2 else None

        return await until(both, "two replicas serve", within)

    def processes(self) -> set[int]:
        """Pids of all replicas that run from this folder, whoever knows of them."""
        return carrying(f"LINKPOOL_TOKEN_FILE={self.folder.control}/")

    # --- jobs --------------------------------------------------------------------------------------

    async def put_jobs(self, *jobs: str, bridges: Any = None) -> tuple[int, dict[str, Any]]:
        """Ask for a new catalog with every job offered at the demo's terms: the answer's status and body."""
        asked = [{"text": text, "offer": _terms(text)} for text in jobs]
        body, url = {"jobs": asked, "bridges": bridges or {}}, f"{self.control.url}/api/v1/catalog"
        async with self.http.post(url, json=body, headers=self.headers) as reply:
            return reply.status, dict(await reply.json(content_type=None))

    async def catalog(self) -> dict[str, Any]:
        """The catalog in force, as the API shows it."""
        async with self.http.get(f"{self.control.url}/api/v1/catalog", headers=self.headers) as reply:
            return dict(await reply.json())

    async def serve(self, *jobs: str, bridges: Any = None) -> None:
        """Have every replica serve exactly these; returns when all acknowledged them and offers are open."""
        status, answer = await self.put_jobs(*jobs, bridges=bridges)
        assert status == 200, answer
        await until_in_use(self.control, answer["revision"], 120)

    # --- requests ----------------------------------------------------------------------------------

    async def ask(self, times: int = 1, job: bytes = SPEC_ID, parameters: bytes | None = None) -> None:
        """The demo consumer asks, in one transaction; returns when it is in a block."""
        data = demo_parameters() if parameters is None else parameters
        await self.found.requester.send(self.found.consumer.ask(self.oracle, job, PAYMENT, data, times))

    async def tally(self) -> Tally:
        """What became of every request so far, from the chain."""
        made = Tally(self.rpc, self.oracle, self.found.deployment.block)
        await made.update()
        return made

    async def rejected(self) -> dict[bytes, int]:
        """Reasons of all rejections on chain, by request id."""
        return await rejections(self.rpc, self.oracle)

    async def answered(self, count: int) -> None:
        """Return when so many requests more than now have been answered."""
        wanted = (await self.tally()).answered + count

        async def enough() -> bool:
            return (await self.tally()).answered >= wanted

        await until(enough, f"{count} more requests are answered")

    async def some_open(self) -> None:
        """Return when a request waits for its answer."""

        async def waiting() -> bool:
            return (await self.tally()).open > 0

        await until(waiting, "a request is open")

    async def settled(self) -> Tally:
        """Return when every request is answered: paid once, come once, and just that was earned."""
        tally = await self.tally()

        async def none_open() -> bool:
            await tally.update()
            return tally.open == 0

        await until(none_open, "every request is answered")
        assert tally.paid_twice == 0
        assert tally.payments.total() == tally.answered
        events = [fate.request.event for fate in tally.fates.values()]
        assert await Oracle(self.oracle).earned().ask(self.rpc) == sum(event.payment for event in events)
        consumer = self.found.consumer
        ours = [event.request_id for event in events if event.requester == consumer.address]
        assert [await consumer.answers(each).ask(self.rpc) for each in ours] == [1] * len(ours)
        return tally


@dataclass
class Traffic:
    """Requests on their way, one after the other."""

    asked: list[asyncio.Task[None]] = field(default_factory=list)


@asynccontextmanager
async def traffic(
    pool: RealPool,
    every: float = REQUEST_SECONDS,
    *,
    job: bytes = SPEC_ID,
    parameters: bytes | None = None,
) -> AsyncIterator[Traffic]:
    """One more request each `every` seconds while the context is open; at its end all are in blocks."""
    flow = Traffic()

    async def pour() -> None:
        while True:
            flow.asked.append(asyncio.create_task(pool.ask(1, job, parameters)))
            await asyncio.sleep(every)

    pouring = asyncio.create_task(pour())
    try:
        yield flow
    finally:
        pouring.cancel()
        await asyncio.gather(*flow.asked)


@asynccontextmanager
async def real_pool(
    root: Path, *, rpc_key: str | None = None, began: float | None = None
) -> AsyncIterator[RealPool]:
    """Start everything, stop everything. The demo job is served and offered, the node is staked on.

    rpc_key: what endpoints are asked with, in their URLs, as providers want it. began: Unix seconds of the
    chain's first block, if not now.
    """
    async with AsyncExitStack() as stack:
        folder = Folder(root)
        here = await stack.enter_async_context(site(folder, began=began))
        chain = here.chain
        port = free_port()
        write_config(folder, port, DevChain(chain.port), here.found)
        if rpc_key is not None:
            text = folder.config.read_text()
            folder.config.write_text(text.replace(f':{chain.port}"', f':{chain.port}/?key={rpc_key}"'))
        plane = ControlPlane(folder, here.http, port)
        stack.push_async_callback(folder.stop_replicas)
        stack.push_async_callback(plane.stop)
        control = await plane.start()
        pool = RealPool.on(here, folder, plane, control)
        _, catalog = await pool.put_jobs(demo_job(here.source.url))
        made = await control.make_node()
        pool.oracle = (await until_serving(control, made.node.index, 120)).id or ""
        await asyncio.gather(
            stake(here.found, pool.oracle), pool.replicas(), until_in_use(control, catalog["revision"], 120)
        )
        yield pool


def _terms(text: str) -> dict[str, str] | None:
    """The demo's terms for a job that can be bought; no penalty where requesters choose the source."""
    try:
        job = Job(text)
        if job.spec.type != "directrequest":
            return None
        return TERMS.model_dump() | ({"penalty": "0"} if job.source_is_asked_for else {})
    except JobError:
        return None
