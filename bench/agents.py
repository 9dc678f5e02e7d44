"""One control plane with 2,000 agent sockets: what it costs, how fast rosters are, and a failover.

    python -m bench agents --nodes 1000 --json

The control plane is the real process, with PostgreSQL, its loops, and the agent socket with TLS; a second
one stands by. The replicas are simulated: the replica's own `Agent`, dialling both control planes, without
chain or work (`bench/_crowd.py`). The engine is a story (`bench/_simulated.py`), and the nodes are written
into the database, because making 1,000 of them on chain takes hours; so their balances are real, their
contracts are not, and the index stays empty. Ten nodes' replicas are in this process, which does little else:
their rosters are timed. Then the leader is killed with SIGKILL, as a machine is lost: the other control plane
takes over and lets everybody in again.

Every phase has its time, and says on stderr how it went. One that does not end in it is named under
`unfinished` with how far it came, and the next one is measured with those who are there.

Needs PostgreSQL on the machine, and files: two sockets for each replica, in one process.
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg  # type: ignore[import-untyped]  # it ships no types

from bench._crowd import Place, Replica, crowd
from bench._pool import percentile, report
from bench._processes import cpu_seconds, pss_mb
from bench._simulated import group_of, seed
from linkpool import log as logs
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.dev.anvil import dev_chain, find_anvil, tick
from linkpool.dev.folder import Folder, hold
from linkpool.dev.pool import found
from linkpool.dev.processes import CannotStart, child, claim_port, last_words
from linkpool.dev.up import CHAIN_ID, project_root, write_config
from linkpool.fleet.running.groups import REPLICAS
from linkpool.fleet.secrets.authority import Authority
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.secrets.sealed import open_keys
from linkpool.store.database import Database
from linkpool.units import WHOLE
from linkpool.wire.trust import fingerprint
from tests.support.databases import postgres

NEAR = 10
"""Nodes whose replicas are in this process."""
CHANGES = 200
REST_SECONDS = 30.0
STARTS_WITHIN = 60.0
LET_IN_WITHIN = 150.0
ROSTERS_WITHIN = 60.0
FAILOVER_WITHIN = 90.0
SPARE_FILES = 3_000


@dataclass
class Plane:
    """One control plane process."""

    process: asyncio.subprocess.Process
    url: str


@dataclass
class Stage:
    """All that runs. told: what the crowd said last; everybody: replicas in all."""

    planes: Sequence[Plane]
    near: Sequence[Replica]
    database: str
    everybody: int
    told: dict[str, float] = field(default_factory=dict)

    def welcomed(self, epoch: int) -> int:
        """How many the leader of that epoch, or a later one, let in."""
        far = self.told["welcomed"] if self.told.get("epoch", 0) >= epoch else 0
        return int(far) + sum(one.epoch >= epoch for one in self.near)

    @property
    def full(self) -> int:
        """How many know of their sibling."""
        return int(self.told.get("full", 0)) + sum(_full(one) for one in self.near)

    @property
    def alone(self) -> int:
        """How often one heard that its sibling was gone."""
        return int(self.told.get("alone", 0)) + sum(one.alone for one in self.near)

    async def until_all(self, epoch: int) -> None:
        """All are welcomed, and know of each other."""
        while self.welcomed(epoch) < self.everybody or self.full < self.everybody:
            await asyncio.sleep(0.01)

    async def leading(self) -> tuple[int, Plane, Plane]:
        """The epoch, who leads in it, and the other one; busy machines change leaders."""
        while True:
            holder, epoch = await _one(self.database, "SELECT holder, epoch FROM lease")
            for leader, other in (self.planes, self.planes[::-1]):
                if holder is not None and f":{leader.process.pid}:" in holder:
                    return epoch, leader, other
            await asyncio.sleep(0.1)


class Phases:
    """What was measured so far, phase by phase."""

    def __init__(self) -> None:
        self.figures: dict[str, object] = {}
        self._unfinished: dict[str, str] = {}

    async def phase(
        self, name: str, stage: Stage, work: Awaitable[Mapping[str, object]], within: float
    ) -> None:
        """Do it, or tell how far it came in so many seconds."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(within):
                self.figures |= await work
        except TimeoutError:
            come = f"{stage.welcomed(1)} of {stage.everybody} welcomed, {stage.full} know their sibling"
            self._unfinished[name] = f"after {within:.0f} s: {come}"
            self.figures["unfinished"] = self._unfinished
        ended = self._unfinished.get(name, "done")
        tell(f"{name}: {ended} ({time.monotonic() - began:.0f} s)")


def tell(what: str) -> None:
    """How it goes, beside the figures."""
    print(what, file=sys.stderr, flush=True)


async def measure(nodes: int) -> Mapping[str, object]:
    """Let all in, look at rest, change rosters, kill the leader."""
    began = time.monotonic()
    phases = Phases()
    async with _stage(nodes) as stage:
        set_up = round(time.monotonic() - began, 1)
        tell(f"set up: done ({set_up:.0f} s)")
        phases.figures = {"nodes": nodes, "sockets_of_the_leader": stage.everybody, "set_up_s": set_up}
        await phases.phase("let in", stage, _let_in(stage), LET_IN_WITHIN)
        await phases.phase("at rest", stage, _at_rest(stage), 2 * REST_SECONDS)
        await phases.phase("rosters", stage, _rosters(stage), ROSTERS_WITHIN)
        await phases.phase("failover", stage, _failover(stage), FAILOVER_WITHIN)
    return phases.figures


async def _let_in(stage: Stage) -> Mapping[str, object]:
    """Until all that dial are welcomed."""
    began = time.monotonic()
    await stage.until_all(1)
    return {"let_in_s": round(time.monotonic() - began, 1)}


async def _at_rest(stage: Stage) -> Mapping[str, object]:
    """What both cost while everybody only beats."""
    _epoch, *both = await stage.leading()
    leader, other = (plane.process.pid for plane in both)
    before = [cpu_seconds(leader), cpu_seconds(other), await _transactions(stage.database)]
    began = time.monotonic()
    await asyncio.sleep(REST_SECONDS)
    seconds = time.monotonic() - began
    after = [cpu_seconds(leader), cpu_seconds(other), await _transactions(stage.database)]
    spent = [(now - was) / seconds for now, was in zip(after, before, strict=True)]
    return {
        "heartbeats_per_s": 2 * stage.everybody,
        "leader_cpu_percent": round(100 * spent[0], 1),
        "standby_cpu_percent": round(100 * spent[1], 1),
        "leader_pss_mb": pss_mb(leader),
        "standby_pss_mb": pss_mb(other),
        "database_transactions_per_s": round(spent[2], 1),
    }


async def _rosters(stage: Stage) -> Mapping[str, object]:
    """Seconds from a replica's word of a change until it and its sibling heard the roster that says so."""
    delays: list[float] = []
    for number in range(CHANGES):
        first = number % (len(stage.near) // REPLICAS) * REPLICAS
        one, *others = stage.near[first : first + REPLICAS]
        one.funded = not one.funded
        began = time.monotonic()
        one.agent.nudge()
        async with asyncio.timeout(30):
            await asyncio.gather(*(_hears(each, one) for each in (one, *others)))
        delays.append(time.monotonic() - began)
        await asyncio.sleep(0.05)
    told = {f"roster_p{share}_ms": percentile(delays, share / 100) for share in (50, 99)}
    return {name: None if value is None else round(1_000 * value, 1) for name, value in told.items()}


async def _hears(replica: Replica, of: Replica) -> None:
    while replica.roster is None or any(
        member.task == of.task and member.funded is not of.funded for member in replica.roster.members
    ):
        replica.heard.clear()
        await replica.heard.wait()


async def _failover(stage: Stage) -> Mapping[str, object]:
    """SIGKILL to the leader; seconds until the other one welcomed the first, and all."""
    alone = stage.alone
    last, leader, other = await stage.leading()
    epoch, heir = last + 1, other.process.pid
    before = cpu_seconds(heir)
    began = time.monotonic()
    leader.process.kill()
    while stage.welcomed(epoch) == 0:
        await asyncio.sleep(0.01)
    first = time.monotonic() - began
    tell(f"failover: the first after {first:.1f} s")
    await stage.until_all(epoch)
    return {
        "terms_before": last,
        "failover_first_welcome_s": round(first, 2),
        "failover_all_welcomed_s": round(time.monotonic() - began, 2),
        "failover_cpu_s": round(cpu_seconds(heir) - before, 1),
        "rosters_that_lost_somebody": stage.alone - alone,
        "new_leader_pss_mb": pss_mb(heir),
    }


@asynccontextmanager
async def _stage(nodes: int) -> AsyncIterator[Stage]:
    """Chain, database, two control planes, the crowd and the near ones."""
    _ask_for_files(2 * REPLICAS * nodes + SPARE_FILES)
    async with AsyncExitStack() as stack:
        state = stack.enter_context(hold(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        logs.configure(stack.enter_context((state.root / "bench.log").open("w")))
        url = stack.enter_context(postgres()).create()
        planes, keys = await _planes(stack, state, url, nodes)
        authority = fingerprint(Authority(keys.authority()).certificate)
        urls = [plane.url for plane in planes]

        def place(first: int, last: int) -> Place:
            tokens = [keys.group_token(group_of(node)) for node in range(first, last + 1)]
            return Place(urls, authority, (first, last), tokens)

        near = await stack.enter_async_context(crowd(place(1, NEAR)))
        stage = Stage(planes, near, url, REPLICAS * nodes)
        await stack.enter_async_context(_far(stage, place(NEAR + 1, nodes), state))
        yield stage


async def _planes(
    stack: AsyncExitStack, state: Folder, url: str, nodes: int
) -> tuple[Sequence[Plane], Keyring]:
    """Two control planes on a seeded database, the first one leading."""
    await state.clear()
    port = claim_port(0, "the chain", "")
    chain = await stack.enter_async_context(
        dev_chain(find_anvil(project_root()), port, state.logs / "chain.log")
    )
    http = await stack.enter_async_context(aiohttp.ClientSession())
    endpoint = connect(chain.ws, http)
    stack.push_async_callback(endpoint.close)
    rpc = Endpoints([endpoint], chain_id=CHAIN_ID)
    standing = await found(rpc, state)
    keys = open_keys(state.keys, state.passphrase)
    database = Database(url)
    held = await seed(database, keys, nodes)
    await database.close()
    for sender in held:
        await rpc.call("anvil_setBalance", sender, hex(WHOLE))
    await tick(rpc, seconds=12)
    ports = [claim_port(0, "agents", "") for _ in range(2)]
    urls = [f"https://127.0.0.1:{each}" for each in ports]
    planes: list[Plane] = []
    for number, agents in enumerate(ports):
        write_config(state, claim_port(0, "the API", ""), chain, standing)
        more = {"database": url, "agent_port": agents, "agent_host": "127.0.0.1", "control_urls": urls}
        file = _configured(state, number, more)
        command = [sys.executable, "-m", "bench._simulated", str(file), str(nodes)]
        log = state.logs / f"control-{number}.log"
        process = await stack.enter_async_context(child(command, log))
        planes.append(Plane(process, urls[number]))
        await _leads(url, number, process, log)
    return planes, keys


def _configured(state: Folder, number: int, more: Mapping[str, object]) -> Path:
    """The settings of one control plane: those of a dev pool, and these."""
    file = state.root / f"control-{number}.toml"
    told = "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
    file.write_text(state.config.read_text().replace("stop_replicas = true\n", "") + told)
    return file


async def _leads(url: str, number: int, process: asyncio.subprocess.Process, log: Path) -> None:
    """Wait until the first leads; the second one until it listens. Raises CannotStart."""
    word = "lease taken" if number == 0 else "control plane listens"
    async with asyncio.timeout(STARTS_WITHIN):
        while word not in last_words(log, lines=1_000):
            if process.returncode is not None:
                raise CannotStart(f"the control plane did not start: {last_words(log)}")
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _far(stage: Stage, place: Place, state: Folder) -> AsyncIterator[None]:
    """The crowd, in a process of its own; what it says is taken in while the context is open."""
    file = state.root / "crowd.json"
    file.write_text(json.dumps(asdict(place)))
    said = state.logs / "crowd.log"
    async with child([sys.executable, "-m", "bench._crowd", str(file)], said):
        reading = asyncio.create_task(_read(stage, said))
        try:
            yield
        finally:
            reading.cancel()


async def _read(stage: Stage, said: Path) -> None:
    with said.open() as lines:
        while True:
            for line in lines:
                if line.startswith('{"at"'):
                    stage.told = json.loads(line)
            await asyncio.sleep(0.02)


async def _transactions(url: str) -> int:
    """Transactions that the database has done."""
    count = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    return int((await _one(url, count))[0])


async def _one(url: str, query: str) -> Sequence[Any]:
    """The only row of the answer."""
    connection = await asyncpg.connect(url)
    try:
        return tuple(await connection.fetchrow(query))
    finally:
        await connection.close()


def _full(replica: Replica) -> bool:
    return replica.roster is not None and len(replica.roster.members) == REPLICAS


def _ask_for_files(needed: int) -> None:
    """As many as the crowd needs; what it starts inherits them. Raises CannotStart."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise CannotStart(f"this shell allows {hard} open files, {needed} are needed: raise it (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def main(arguments: list[str]) -> None:
    """`python -m bench agents`."""
    parser = argparse.ArgumentParser(prog="bench agents")
    parser.add_argument("--nodes", type=int, default=1_000, help="two replicas each; more than ten")
    chosen, rest = parser.parse_known_args(arguments)
    report("agents", rest, partial(measure, chosen.nodes))
