"""A pool of one node that goes, without network: contracts on a fake chain, a fake engine, its replicas."""

import hashlib
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from linkpool.chain.keys import Key
from linkpool.chain.types import checksum
from linkpool.contracts.abi import load
from linkpool.contracts.pool import Offer, Status
from linkpool.contracts.view import Summary
from linkpool.fleet.knock import Knock
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.fleet.nodes.rest import Rest
from linkpool.fleet.nodes.retire import Retirement
from linkpool.fleet.nodes.revoke import Revocations
from linkpool.fleet.nodes.wishes import Wishes
from linkpool.fleet.outbox import Outbox
from linkpool.fleet.pool import NodeOnChain, PoolFacts
from linkpool.fleet.running.groups import Groups, Launch
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import SLOTS, Keyring
from linkpool.store import nodes, releases
from linkpool.store.tables import Colour, NodeState
from linkpool.units import WHOLE, Juels, Slot, Wei
from linkpool.wire.agent import Invite
from tests.support.fake_chain import Call, FakeChain, Revert
from tests.support.fake_endpoint import FakeEndpoint, Faults
from tests.support.fake_engine import FakeEngine
from tests.support.fuse import Crash, Fuse, FusedDatabase, FusedEngine, FusedRpc
from tests.support.manual_clock import ManualClock
from tests.support.office import take_office
from tests.support.pool_summary import pool_summary

KEYS = Keyring(bytes(range(32)))
POOL = checksum("0x" + "aa" * 20)
_NAMES = ("drain", "retire", "reopen", "revoke_invite", "add_sender", "remove_sender")
_DOES = {load("StakingPool").functions[name].selector: name for name in _NAMES}


class LeavingWorld:
    """What no crash touches. open_covers, escrow: juels of open requests; on_chain: it is registered."""

    facts = PoolFacts(31337, "0xlink", POOL)
    manager = Key(KEYS.manager()).address

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'control.db'}"
        self.chain = FakeChain(base_fee=10**9)
        self.chain.contracts[POOL] = self._pool
        self.chain.contracts[checksum(self.oracle_of(Key(KEYS.wallet(1)).address))] = self._oracle
        self.registered_with = frozenset(Key(KEYS.sender(1, Slot(slot))).address for slot in range(SLOTS))
        self.rpc = FakeEndpoint(self.chain, faults=Faults(latency=0))
        self.engine = FakeEngine()
        self.clock = ManualClock()
        self.on_chain = True
        self.open_covers = 0
        self.escrow = 0
        self.chain.fund(self.manager, WHOLE)

    def _pool(self, call: Call) -> bytes:
        what, status = _DOES[call.data[:4]], call.storage.get("status", Status.ACTIVE)
        if what.endswith("_sender"):
            return self._senders(call, what, checksum("0x" + call.data[-20:].hex()))
        wanted = {"drain": Status.ACTIVE, "retire": Status.DRAINING}.get(what, status)
        if status != wanted or (what == "retire" and self.open_covers):
            raise Revert(f"{what} now")
        if what in ("drain", "retire"):
            call.storage["status"] = Status.DRAINING if what == "drain" else Status.RETIRED
        call.storage["did"] = (*call.storage.get("did", ()), what)
        return b""

    def _senders(self, call: Call, what: str, sender: str) -> bytes:
        """As `StakingPool.vy`: an address is authorized once; its end may be said again."""
        may = call.storage.get("senders", self.registered_with)
        if what == "add_sender" and sender in call.storage.get("ever", self.registered_with):
            raise Revert("Sender was used before")
        call.storage["senders"] = may | {sender} if what == "add_sender" else may - {sender}
        call.storage["ever"] = call.storage.get("ever", self.registered_with) | {sender}
        call.storage["did"] = (*call.storage.get("did", ()), f"{what} {sender}")
        return b""

    def _oracle(self, call: Call) -> bytes:
        """Of NodeOracle only whether somebody may answer."""
        may = call.chain.state.storage.get(POOL, {}).get("senders", self.registered_with)
        return bytes(31) + bytes([checksum("0x" + call.data[-20:].hex()) in may])

    @property
    def storage(self) -> dict[object, object]:
        """The pool contract's."""
        return self.chain.state.storage.setdefault(POOL, {})

    @property
    def status(self) -> Status:
        """Of the node."""
        return Status(self.storage.get("status", Status.ACTIVE))

    @status.setter
    def status(self, status: Status) -> None:
        self.storage["status"] = status

    def turn(self, seconds: float = 12) -> None:
        """A block; replicas run for as long as the node may be asked, or be answered for."""
        self.chain.mine()
        self.clock.advance(seconds)
        if self.status is not Status.RETIRED:
            assert len(self.engine.running) == 2, "its replicas were stopped before it was retired"

    # the contracts as the fleet reads them

    def oracle_of(self, wallet: str) -> str:
        return "0x" + hashlib.sha256(wallet.encode()).hexdigest()[:40]

    def invite(
        self, *, wallet: str, senders: Sequence[str], capacity: Juels, deadline: int, nonce: int
    ) -> Invite:
        raise NotImplementedError("no replica asks for one here")

    async def registered(self, oracle: str) -> bool:
        return True

    async def nodes(self) -> dict[str, NodeOnChain]:
        if not self.on_chain:
            return {}
        wallet = Key(KEYS.wallet(1)).address
        accepting = self.status is Status.ACTIVE
        node = NodeOnChain(
            wallet,
            Juels(WHOLE),
            Juels(0),
            Juels(0),
            accepting,
            self.status,
            Juels(self.escrow),
            Juels(self.open_covers),
        )
        return {self.oracle_of(wallet): node}

    async def offers(self, jobs: Sequence[bytes]) -> Sequence[Offer]:
        raise NotImplementedError("no offers here")

    async def summary(self) -> Summary:
        return pool_summary(self.manager)


class LeavingLeader:
    """One control plane process that leads, from its first call to the world to its last."""

    def __init__(self, world: LeavingWorld, fuse: Fuse) -> None:
        self.world = world
        self.database = FusedDatabase(world.url, fuse)
        self.rpc = FusedRpc(world.rpc, fuse)
        self.engine = FusedEngine(world.engine, fuse)

    async def found(self) -> None:
        """Tables, and a node that serves."""
        await self.database.migrate()
        await self.prepare()
        async with self.database.write() as session:
            await nodes.want(session, WHOLE, self.world.clock.now())
        await self.factory.make_keys(1)
        async with self.database.write() as session:
            (await nodes.get(session, 1)).state = NodeState.SERVING

    async def prepare(self) -> None:
        """The release that nodes run."""
        async with self.database.write() as session:
            await releases.put(session, "r", command=["x"], image=None, settings={}, now=0.0)

    @property
    def oracle(self) -> str:
        """The node's id."""
        return self.world.oracle_of(Key(KEYS.wallet(1)).address)

    @property
    def factory(self) -> NodeFactory:
        """Makes keys."""
        return NodeFactory(self.database, KEYS, self.world, self.world.clock)

    @property
    def wishes(self) -> Wishes:
        """As the API asks."""
        return Wishes(self.database, self.factory, self.world.clock, Knock(), Juels(WHOLE))

    async def lead(self) -> None:
        """Begin a term, with the node's replicas running unless it is at rest."""
        clock = self.world.clock
        ends_by = ManualClock()  # the term never ends by time
        self.office = office = await take_office(self.database, clock, ends_by=ends_by)
        self.outbox = Outbox(office, self.rpc, Key(KEYS.manager()), chain_id=31337, max_fee=Wei(200 * 10**9))
        tasks = self.tasks = Tasks(self.engine)
        await tasks.refresh()
        self.groups = Groups(
            office, keys=KEYS, engine=self.engine, tasks=tasks, launch=Launch("test", "r", {})
        )
        self.retirement = Retirement(office, pool=self.world, rpc=self.rpc, manager=self.outbox)
        self.rest = Rest(office, groups=self.groups, pool=self.world, manager=self.outbox)
        self.revocations = Revocations(
            office,
            rpc=self.rpc,
            pool=POOL,
            keys=KEYS,
            manager=self.outbox,
            tasks=tasks,
            replace=self.engine.replace,
        )
        await self.keep()

    async def keep(self) -> None:
        """What `fleet.nodes` does for a node that is not at rest."""
        async with self.database.read() as session:
            row = await nodes.get(session, 1)
        if row.state in (NodeState.SERVING, NodeState.DRAINING):
            await self.groups.keep(1, Colour(row.primary))

    async def look(self) -> None:
        """One look of every loop, and a block."""
        await self.retirement.step()
        await self.rest.step()
        await self.outbox.step()
        self.world.turn()

    async def state(self) -> str:
        """Of the node."""
        async with self.database.read() as session:
            return (await nodes.get(session, 1)).state


async def killed_at_every_step(
    folder: Path,
    go: Callable[[LeavingWorld, Fuse], Awaitable[None]],
    check: Callable[[LeavingWorld], Awaitable[None]],
    *,
    at_least: int,
) -> None:
    """Play it whole, then once for each of its steps: dead after that one, and gone on by the next leader."""
    founder = LeavingLeader(LeavingWorld(folder), Fuse())
    await founder.found()
    await founder.database.close()

    def fresh(name: str) -> LeavingWorld:
        (folder / name).mkdir()
        shutil.copy(folder / "control.db", folder / name)
        return LeavingWorld(folder / name)

    whole, world = Fuse(), fresh("whole")
    await go(world, whole)
    await check(world)
    assert whole.steps > at_least
    for number in range(1, whole.steps + 1):  # what has happened before a step is what had after the last one
        fuse, world = Fuse(after=number), fresh(str(number))
        with suppress(Crash):
            await go(world, fuse)
        assert fuse.blown, f"step {number} of {whole.steps} was never reached"
        await go(world, Fuse())
        await check(world)
