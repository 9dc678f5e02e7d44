"""A treasury on a chain in memory, with senders that spend, are robbed, and outlive any leader."""

from dataclasses import dataclass, field

from sqlalchemy import select

from linkpool.chain.keys import Key
from linkpool.fleet.journal import Journal
from linkpool.fleet.lease import Term
from linkpool.fleet.office import Office
from linkpool.fleet.outbox import Outbox
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.treasury.terms import Limits, Marks, Terms
from linkpool.fleet.treasury.treasury import Treasury
from linkpool.store import alarms, events, nodes
from linkpool.store.database import Database
from linkpool.store.tables import NodeState, OutboxRow
from linkpool.units import WHOLE, Slot, Wei
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults
from tests.support.manual_clock import ManualClock
from tests.support.office import pass_time, take_office

KEYS = Keyring(bytes(range(32)))
TREASURY, MANAGER = Key(KEYS.treasury()), Key(KEYS.manager())
THIEF = Key("0x" + "77" * 32).address
ORACLE = Key("0x" + "66" * 32).address
GWEI = 10**9
MARKS = Marks(Wei(WHOLE // 10), Wei(WHOLE))


@dataclass
class Purse:
    """`lead` begins a term; `sender(n, slot)` is a node's key."""

    database: Database
    terms: Terms = field(default_factory=lambda: Terms(MARKS, Limits.of(MARKS, 3 * WHOLE), Wei(WHOLE)))
    chain: FakeChain = field(default_factory=lambda: FakeChain(base_fee=GWEI))
    clock: ManualClock = field(default_factory=ManualClock)
    held: list[str] = field(default_factory=list)
    treasury: Treasury = field(init=False)
    outbox: Outbox = field(init=False)
    office: Office = field(init=False)
    term: Term = field(init=False)

    def __post_init__(self) -> None:
        self.endpoint = FakeEndpoint(self.chain, faults=Faults(latency=0))
        self.journal = Journal(self.database, self.clock)
        self.chain.fund(TREASURY.address, 1_000 * WHOLE)
        self.chain.fund(MANAGER.address, 100 * WHOLE)

    @staticmethod
    def sender(node: int, slot: int) -> Key:
        return Key(KEYS.sender(node, Slot(slot)))

    async def node(self, held: int = 2, state: NodeState = NodeState.SERVING) -> int:
        """A node whose first slots are held; its index."""
        async with self.database.write() as session:
            row = await nodes.want(session, 1, self.clock.now())
            index = row.index
            senders = [self.sender(index, slot).address for slot in range(6)]
            wallet, oracle = f"0x{index:040x}", f"0x{index + 1000:040x}"
            await nodes.set_addresses(
                session, index, wallet=wallet, oracle=oracle, senders=senders, now=self.clock.now()
            )
            await nodes.set_state(session, index, state, self.clock.now())
            given = {f"n{index}.{slot}": (index, slot) for slot in range(held)}
            await nodes.bind(session, given, self.clock.now())
        self.held += senders[:held]
        return index

    async def lead(self) -> None:
        """A new term: everything that is not in the database or on the chain is forgotten."""
        self.office = await take_office(self.database, self.clock, journal=self.journal)
        self.term = self.office.term
        self.outbox = self.outbox_of(KEYS.treasury())
        self.treasury = Treasury(
            self.office,
            rpc=self.endpoint,
            outbox=self.outbox,
            manager=MANAGER.address,
            terms=self.terms,
            engine="test",
        )
        await self.treasury.begin()

    def outbox_of(self, key: str) -> Outbox:
        return Outbox(
            self.office, self.endpoint, Key(key), chain_id=self.chain.chain_id, max_fee=Wei(100 * GWEI)
        )

    async def look(self, seconds: int = 12) -> list[str]:
        """A block, and all that a leader does about it; the senders frozen just now."""
        self.chain.mine(timestamp=self.chain.head.timestamp + seconds)
        pass_time(self.term, self.clock, seconds)
        await self.outbox.step()
        return await self.treasury.step(self.held)

    def spend(
        self, key: Key, *, to: str = ORACLE, value: int = 0, gas: int = 90_000, price: int = 2 * GWEI
    ) -> None:
        """A transaction of a sender, into the mempool. Without a contract at `to` it costs 21,000 gas."""
        nonce = self.chain.state.nonces.get(key.address, 0)
        pending = {tx.nonce for tx in self.chain.mempool.values() if tx.sender == key.address}
        while nonce in pending:
            nonce += 1
        raw, _ = key.sign(
            {
                "to": to,
                "value": value,
                "data": "0x",
                "gas": gas,
                "gasPrice": price,
                "nonce": nonce,
                "chainId": self.chain.chain_id,
            }
        )
        self.chain.submit(raw)

    def rob(self, key: Key) -> None:
        """Whoever has this key takes all it holds."""
        left = self.balance(key.address) - 21_000 * 2 * GWEI
        if left > 0:
            self.spend(key, to=THIEF, value=left, gas=21_000)

    def balance(self, address: str) -> int:
        return self.chain.state.balances.get(address, 0)

    async def sent(self, to: str | None = None) -> list[tuple[int, int]]:
        """(second of the chain, wei) of all gas money, to one address or all."""
        async with self.database.read() as session:
            rows = await session.scalars(
                select(OutboxRow).where(OutboxRow.attempt == 0, OutboxRow.purpose.startswith("gas:"))
            )
            return [(row.asked_at or 0, int(row.value)) for row in rows if to in (None, row.target)]

    async def alarms(self) -> dict[str, str]:
        """Those that are up, by kind: their details."""
        async with self.database.read() as session:
            return {row.kind: row.detail for row in await alarms.every(session)}

    async def events(self) -> list[str]:
        """What was told, by kind."""
        self.journal.note("told", None)
        await self.journal.flush(self.term.epoch)
        async with self.database.read() as session:
            return [event.kind for event in await events.after(session, 0)]


def most_in_a_day(sent: list[tuple[int, int]]) -> int:
    """Wei in the worst 24 hours."""
    return max((sum(wei for at, wei in sent if start <= at < start + 86_400) for start, _ in sent), default=0)
