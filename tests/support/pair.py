"""A node and its two replicas as real processes without a control plane, each behind endpoints that can fail.

    async with standing(folder) as pair:
        pair.left.first.faults.lag = 50       # left's first endpoint; .second is its other one
        ids = await pair.ask(6)
        seen = await pair.answered(ids)       # a Seen per request, from the chain alone
        await pair.left.figures()             # its /metrics

Contracts are founded with a block per transaction; then blocks come every second. The node is registered by
an invite and staked on, so that every request is covered.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.chain.types import checksum, hexed, parse_logs, quantity
from linkpool.contracts import events
from linkpool.contracts.invite import Invite
from linkpool.contracts.oracle import Covered, Oracle, OracleResponse
from linkpool.contracts.pool import Offer, Pool
from linkpool.dev.account import Account
from linkpool.dev.folder import Folder
from linkpool.dev.job import SPEC_ID, demo_job, demo_parameters
from linkpool.dev.pool import BASE_FEE_CEILING, GAS_MONEY, LINK_PRICE, PAYMENT, PENALTY, Found, found, stake
from linkpool.dev.tally import Tally
from linkpool.fleet.secrets.keys import unseal
from linkpool.replica.duty import order
from linkpool.replica.requests import Request
from linkpool.units import link
from linkpool.wire.agent import Member
from tests.support import health
from tests.support.anvil import KEYS, Anvil, anvil
from tests.support.ports import free_port
from tests.support.rejections import rejections
from tests.support.relay_process import RelayProcess, relay_process
from tests.support.rpc_proxy import ProxyFaults, RpcProxy, rpc_proxy
from tests.support.source import Source, open_source
from tests.support.until import until

CHAIN_ID = 31337
BLOCK_GAS = 400_000_000
SENDERS = dict(zip(("left", "right"), KEYS[1:3], strict=True))
WALLET = "0x00000000000000000000000000000000000A11cE"
NO_INVITE_ENDS = 2**40

Figures = dict[tuple[str, ...], float]
"""Metrics by name and label values, without `linkpool_` and `_total`: ("runs", "answered") -> 3."""


@dataclass
class Seen:
    """What became of one request. `first`: whose duty it was; `by`: whose answer counted."""

    request: Request
    first: str
    by: str
    delay: int
    seconds_left: int
    """Of its window, at the block of its answer."""


@dataclass
class Replica:
    """One process, which may be killed and started again, and its two ways to the chain."""

    name: str
    key: Key
    first: RpcProxy
    second: RpcProxy
    file: Path
    url: str
    http: aiohttp.ClientSession
    process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        """All that its processes said."""
        return self.file.with_suffix(".log")

    def last_said(self) -> float:
        """When, by its own clock, it last wrote to its log; Unix seconds."""
        stamp = json.loads(self.log.read_text().splitlines()[-1])["timestamp"]
        return datetime.fromisoformat(stamp).timestamp()

    async def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start its process."""
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "linkpool", "replica", "--config", str(self.file)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
            )

    async def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        """Signal it and return its exit code; nothing happens to one that is gone."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.process.wait()

    async def ready(self) -> str:
        """What `/ready` says: "ready", or why not; "gone" when nobody answers."""
        return await health.ready(self.http, self.url)

    async def says(self, what: str) -> None:
        """Return once `/ready` says something that begins with `what`."""
        await health.until_says(self.http, self.url, what, self.log)

    async def serves(self) -> None:
        """Return when it is ready."""
        await self.says("ready")

    async def figures(self) -> Figures:
        """Its `/metrics` now."""
        async with self.http.get(f"{self.url}/metrics") as reply:
            families = text_string_to_metric_families(await reply.text())
        return {
            (
                sample.name.removeprefix("linkpool_").removesuffix("_total"),
                *sample.labels.values(),
            ): sample.value
            for family in families
            for sample in family.samples
        }

    async def counts(self, *what: str, above: float = 0) -> Figures:
        """Return its figures once one whose key has all of `what` is higher than `above`."""

        async def so() -> Figures | None:
            now = await self.figures()
            return now if any(set(what) <= set(key) and value > above for key, value in now.items()) else None

        return await until(so, f"{self.name} counts {what}; see {self.log}")

    async def afresh(self, environment: Mapping[str, str] | None = None) -> None:
        """SIGKILL, and a new process that is ready: it follows its first endpoint, and counts from 0."""
        await self.end()
        await self.start(environment)
        await self.serves()

    def heal(self) -> None:
        """Nothing is wrong with its endpoints any more."""
        self.first.faults = ProxyFaults()
        self.second.faults = ProxyFaults()


@dataclass
class Pair:
    """The node, its replicas, and who asks."""

    chain: Anvil
    rpc: Endpoints
    found: Found
    manager: Account
    source: Source
    jobs: Path
    oracle: str
    replicas: dict[str, Replica] = field(default_factory=dict)
    relays: list[RelayProcess] = field(default_factory=list)

    @property
    def left(self) -> Replica:
        """One of the two; the faults are mostly its."""
        return self.replicas["left"]

    @property
    def right(self) -> Replica:
        """The other one."""
        return self.replicas["right"]

    # --- requests ---------------------------------------------------------------------------------

    async def ask(self, times: int = 1, job: bytes = SPEC_ID) -> list[bytes]:
        """The demo consumer asks, in one transaction; returns the ids once that is mined. All are covered."""
        call = self.found.consumer.ask(self.oracle, job, PAYMENT, demo_parameters(), times)
        receipt = await self.found.requester.send(call)
        told = map(events.decode, parse_logs(receipt["logs"]))
        ids = [event.request_id for event in told if isinstance(event, Covered)]
        assert len(ids) == times
        return ids

    async def ask_both(self) -> list[bytes]:
        """Ask until each replica is the first for some request; the ids."""
        ids: list[bytes] = []
        firsts: set[str] = set()
        while len(firsts) < len(self.replicas):
            ids += await self.ask(4)
            fates = (await self.tally()).fates
            firsts = {self.first(fates[each].request) for each in ids}
        return ids

    def first(self, request: Request) -> str:
        """The replica whose duty that request is."""
        members = [Member(task=r.name, sender=r.key.address, primary=True) for r in self.replicas.values()]
        return order(request.identity, members)[0].task

    async def tally(self) -> Tally:
        """Every request of the chain as it is now, read afresh."""
        made = Tally(self.rpc, self.oracle, self.found.deployment.block)
        await made.update()
        return made

    async def answered(self, ids: Iterable[bytes], within: float = 120.0) -> list[Seen]:
        """Return when these are answered, and nothing on this chain was paid twice or came twice."""
        wanted = list(ids)

        async def all_of_them() -> Tally | None:
            tally = await self.tally()
            return tally if all(tally.payments[each] for each in wanted) else None

        tally = await until(all_of_them, "every request is answered", within)
        assert tally.paid_twice == 0
        paid = sum(tally.fates[each].request.event.payment for each in tally.payments)
        assert await Oracle(self.oracle).earned().ask(self.rpc) == paid
        assert [await self.found.consumer.answers(each).ask(self.rpc) for each in wanted] == [1] * len(wanted)
        return [await self._seen(tally, each) for each in wanted]

    async def answered_by_their_firsts(self) -> list[Seen]:
        """Ask until all answers of a round are by those whose duty it was; what all rounds saw."""
        told: list[Seen] = []

        async def in_order() -> bool:
            seen = await self.answered(await self.ask_both())
            told.extend(seen)
            return all(one.by == one.first for one in seen)

        await until(in_order, "each answers what is first its own")
        return told

    async def _seen(self, tally: Tally, request_id: bytes) -> Seen:
        fate, topics = tally.fates[request_id], [hexed(OracleResponse.topic()), hexed(request_id)]
        where = {"address": self.oracle, "fromBlock": "0x0", "topics": topics}
        (log,) = await self.rpc.call("eth_getLogs", where)
        sent = await self.rpc.call("eth_getTransactionByHash", log["transactionHash"])
        block = await self.rpc.call("eth_getBlockByNumber", log["blockNumber"], False)
        by = next(r.name for r in self.replicas.values() if r.key.address == checksum(sent["from"]))
        left = fate.request.event.expiration - quantity(block["timestamp"])
        assert left > 0, "an answer after its window is a miss"
        return Seen(fate.request, self.first(fate.request), by, fate.delay or 0, left)

    async def rejected(self) -> dict[bytes, int]:
        """Reasons of all rejections on chain, by request id."""
        return await rejections(self.rpc, self.oracle)

    # --- the chain --------------------------------------------------------------------------------

    async def height(self) -> int:
        """The newest block."""
        return quantity(await self.rpc.call("eth_blockNumber"))

    async def blocks(self, count: int) -> None:
        """Return that many blocks later."""
        goal = await self.height() + count

        async def there() -> bool:
            return await self.height() >= goal

        await until(there, f"block {goal}")

    async def ask_at_a_standstill(self, times: int = 1) -> list[bytes]:
        """As `ask`, into one block made by hand; nothing is answered before the next one."""
        asking = asyncio.create_task(self.ask(times))
        await self.pooled(self.found.requester.address)
        self.chain.mine()
        return await asking

    async def pooled(self, *senders: str) -> None:
        """Return when each of these has a transaction in the mempool."""

        async def there() -> bool:
            pool = await self.rpc.call("txpool_content")
            return {sender.lower() for sender in senders} <= {sender.lower() for sender in pool["pending"]}

        await until(there, f"transactions of {senders} are in the mempool")

    async def raw(self, request_id: bytes) -> str:
        """The signed transaction that asked, 0x-hex."""
        made = (await self.tally()).fates[request_id].request.log.tx_hash
        return str(await self.rpc.call("eth_getRawTransactionByHash", hexed(made)))

    @asynccontextmanager
    async def standstill(self) -> AsyncIterator[None]:
        """No block but by hand while the context is open."""
        self.chain.rpc("evm_setIntervalMining", 0)
        try:
            yield
        finally:
            self.chain.rpc("evm_setIntervalMining", 1)

    # --- replicas ---------------------------------------------------------------------------------

    async def serving(self) -> None:
        """Return when both are ready."""
        await asyncio.gather(*(replica.serves() for replica in self.replicas.values()))

    async def sound(self) -> None:
        """End all faults; return when both replicas serve and nothing is set aside for long."""
        for replica in self.replicas.values():
            replica.heal()
        await self.serving()


def write_file(
    folder: Path, name: str, oracle: str, urls: list[str], siblings: Iterable[str]
) -> tuple[Path, str]:
    """The file of a replica that runs alone, and the URL of its health."""
    port = free_port()
    (folder / f"{name}.key").write_text(SENDERS[name] + "\n")
    values = {
        "rpc_urls": urls,
        "chain_id": CHAIN_ID,
        "oracle": oracle,
        "sender_key_file": f"{name}.key",
        "jobs": "jobs",
        "task": name,
        "link_price": str(LINK_PRICE),
        "health_port": port,
    }
    rows = [f"{setting} = {json.dumps(value)}" for setting, value in values.items()]
    for sibling in siblings:
        rows += ["[[siblings]]", f'task = "{sibling}"', f'sender = "{Key(SENDERS[sibling]).address}"']
    file = folder / f"{name}.toml"
    file.write_text("\n".join(rows) + "\n")
    return file, f"http://127.0.0.1:{port}"


async def _register(rpc: Endpoints, made: Found, manager: Account) -> str:
    """Have a node with both senders register itself; returns its id."""
    senders = tuple(Key(secret).address for secret in SENDERS.values())
    invite = Invite(WALLET, senders, link(100_000), NO_INVITE_ENDS, 1)
    pool = Pool(made.deployment.pool)
    signature = invite.sign(CHAIN_ID, pool.address, manager.key.sign_digest)
    await made.requester.send(pool.register(invite, signature))
    return await pool.node_of(WALLET).ask(rpc)


@asynccontextmanager
async def standing(
    root: Path, *, names: tuple[str, ...] = tuple(SENDERS), relays: int = 0
) -> AsyncIterator[Pair]:
    """Start everything, stop everything. `names`: the replicas there are, who know each other.

    Behind relays the replicas ask those first; each relay has two upstreams of its own.
    """
    async with AsyncExitStack() as stack:
        folder = Folder(root)
        await folder.clear()
        chain = stack.enter_context(anvil(gas_limit=BLOCK_GAS))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        endpoint = connect(chain.ws, http)
        stack.push_async_callback(endpoint.close)
        rpc = Endpoints([endpoint], chain_id=CHAIN_ID)
        made = await found(rpc, folder)
        manager = Account(rpc, CHAIN_ID, unseal(folder.passphrase.read_text().strip(), folder.keys).manager())
        oracle = await _register(rpc, made, manager)
        offer = Offer(SPEC_ID, PAYMENT, PENALTY, BASE_FEE_CEILING, open=True)
        await manager.send(Pool(made.deployment.pool).set_offer(offer))
        await stake(made, oracle)
        source = await stack.enter_async_context(open_source())
        jobs = root / "jobs"
        jobs.mkdir()
        (jobs / "demo.toml").write_text(demo_job(source.url))
        chain.rpc("evm_setIntervalMining", 1)
        pair = Pair(chain, rpc, made, manager, source, jobs, oracle)
        for number in range(relays):
            ways = [await stack.enter_async_context(rpc_proxy(chain.http, chain.ws)) for _ in range(2)]
            pair.relays.append(await stack.enter_async_context(relay_process(root, str(number), ways, http)))
        for name in names:
            ways = [await stack.enter_async_context(rpc_proxy(chain.http, chain.ws)) for _ in range(2)]
            urls = [relay.ws for relay in pair.relays]
            urls += [ways[0].ws, ways[1].ws if name == "left" else ways[1].http]
            file, url = write_file(root, name, oracle, urls, (other for other in names if other != name))
            pair.replicas[name] = replica = Replica(name, Key(SENDERS[name]), *ways, file, url, http)
            chain.rpc("anvil_setBalance", replica.key.address, hex(GAS_MONEY))
            await replica.start()
            stack.push_async_callback(replica.end)
        await pair.serving()
        yield pair
