"""Transactions of the control plane: stored before sent, the same bytes after a failover."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Reverted
from linkpool.fleet.journal import Journal
from linkpool.fleet.outbox import FINAL, RAISE_AFTER, Outbox, TooDear
from linkpool.store import events
from linkpool.store.database import Database, LeaseLost
from linkpool.store.tables import OutboxRow
from linkpool.units import WHOLE, Wei
from tests.support.fake_chain import Call, FakeChain, Revert
from tests.support.fake_endpoint import FakeEndpoint, Faults
from tests.support.manual_clock import ManualClock
from tests.support.office import pass_time, take_office

KEY = Key("0x" + "11" * 32)
TO = Key("0x" + "22" * 32).address
OTHER = Key("0x" + "33" * 32)
GWEI = 10**9


@dataclass
class World:
    """A chain, a database and a clock that outlive any leader."""

    database: Database
    chain: FakeChain = field(default_factory=lambda: FakeChain(base_fee=GWEI))
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.endpoint = FakeEndpoint(self.chain, faults=Faults(latency=0))
        self.journal = Journal(self.database, self.clock)
        self.chain.fund(KEY.address, 100 * WHOLE)

    async def leader(self, max_fee: int = 100 * GWEI) -> Outbox:
        """A new leader's outbox; any earlier leader has lost the lease."""
        self.office = await take_office(self.database, self.clock, journal=self.journal)
        self.term = self.office.term
        return Outbox(self.office, self.endpoint, KEY, chain_id=self.chain.chain_id, max_fee=Wei(max_fee))

    async def rows(self) -> list[OutboxRow]:
        async with self.database.read() as session:
            return list((await session.scalars(select(OutboxRow).order_by(OutboxRow.id))).all())

    def wait(self, seconds: float) -> None:
        """Time passes while the leader renews its lease."""
        pass_time(self.term, self.clock, seconds)

    def balance(self) -> int:
        """Wei that arrived."""
        return self.chain.state.balances.get(TO, 0)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_a_payment_lands_once_however_often_it_is_looked_at(world: World) -> None:
    outbox = await world.leader()
    assert await outbox.send("gas:x", TO, value=5)
    assert not await outbox.send("gas:x", TO, value=5)  # under way
    await outbox.step()
    world.chain.mine()
    for _ in range(3):
        await outbox.step()
    assert world.balance() == 5
    assert await outbox.send("gas:x", TO, value=5)  # done: the same purpose may come again


async def test_a_new_leader_sends_the_bytes_its_predecessor_stored(world: World) -> None:
    old = await world.leader()
    world.endpoint.faults.swallow = True  # the process dies between storing and sending
    await old.send("gas:x", TO, value=5)
    world.endpoint.faults.swallow = False
    assert world.chain.mempool == {}
    new = await world.leader()
    assert not await new.send("gas:x", TO, value=5)
    await new.step()
    (row,) = await world.rows()
    assert [f"0x{tx.raw.hex()}" for tx in world.chain.mempool.values()] == [row.raw]
    world.chain.mine()
    assert world.balance() == 5


async def test_a_former_leader_stores_and_sends_nothing(world: World) -> None:
    old = await world.leader()
    await world.leader()
    with pytest.raises(LeaseLost):
        await old.send("gas:x", TO, value=5)
    assert await world.rows() == []
    assert world.chain.mempool == {}


async def test_a_leader_whose_term_ran_out_does_not_send_what_it_stored(world: World) -> None:
    outbox = await world.leader()
    world.clock.advance(10)
    await outbox.send("gas:x", TO, value=5)
    assert len(await world.rows()) == 1
    assert world.chain.mempool == {}


async def test_nonces_follow_the_stored_ones_and_those_of_the_chain(world: World) -> None:
    outbox = await world.leader()
    for number in range(3):
        await outbox.send(f"p{number}", TO, value=1)
    world.chain.mine()
    await (await world.leader()).send("p3", TO, value=1)
    assert [row.nonce for row in await world.rows()] == [0, 1, 2, 3]


async def test_one_that_does_not_land_is_followed_by_a_dearer_one_of_the_same_nonce_and_content(
    world: World,
) -> None:
    outbox = await world.leader()
    await outbox.send("gas:x", TO, value=5)
    world.chain.base_fee = 20 * GWEI
    world.chain.mine()
    second = await world.leader()
    await second.step()
    assert len(await world.rows()) == 1, "a new leader waits for itself"
    world.wait(RAISE_AFTER)
    await second.step()
    first_row, second_row = await world.rows()
    assert (first_row.nonce, first_row.target, first_row.value) == (
        second_row.nonce,
        second_row.target,
        second_row.value,
    )
    assert int(second_row.max_fee) > int(first_row.max_fee)
    world.chain.mine()
    await second.step()
    assert world.balance() == 5
    assert all(row.block is not None for row in await world.rows())


async def test_gas_above_the_cap_waits(world: World) -> None:
    outbox = await world.leader(max_fee=GWEI)
    with pytest.raises(TooDear):
        await outbox.send("gas:x", TO, value=5)
    assert await world.rows() == []


async def test_a_reorg_brings_it_back_to_work(world: World) -> None:
    outbox = await world.leader()
    await outbox.send("gas:x", TO, value=5)
    world.chain.mine()
    await outbox.step()
    assert (await world.rows())[0].block == 1
    world.chain.reorg(1, keep=lambda tx: False)
    await outbox.step()
    assert (await world.rows())[0].block is None
    await outbox.step()
    world.chain.mine()
    await outbox.step()
    assert world.balance() == 5
    assert (await world.rows())[0].block is not None


async def test_a_nonce_used_by_somebody_else_is_told_and_not_waited_for(world: World) -> None:
    outbox = await world.leader()
    world.endpoint.faults.swallow = True
    await outbox.send("gas:x", TO, value=5)
    world.endpoint.faults.swallow = False
    other, _ = KEY.sign(
        {
            "to": TO,
            "value": 1,
            "gas": 21_000,
            "gasPrice": 2 * GWEI,
            "nonce": 0,
            "chainId": 31337,
            "data": "0x",
        }
    )
    world.chain.submit(other)
    world.chain.mine()
    await outbox.step()
    assert [row.failed for row in await world.rows()] == [True]
    assert await outbox.send("gas:x", TO, value=5)


async def test_at_rest_it_asks_the_chain_nothing(world: World) -> None:
    outbox = await world.leader()
    await outbox.send("gas:x", TO, value=5)
    world.chain.mine(FINAL + 3)
    await outbox.step()
    await outbox.step()
    calls: dict[str, Any] = dict(world.endpoint.calls)
    for _ in range(5):
        await outbox.step()
    assert dict(world.endpoint.calls) == calls


async def test_an_empty_treasury_is_told_once_and_the_payment_lands_when_it_is_filled(world: World) -> None:
    world.chain.state.balances[KEY.address] = 0
    outbox = await world.leader()
    await outbox.send("gas:x", TO, value=5)
    for _ in range(3):
        await outbox.step()
    await world.journal.flush(1)
    async with world.database.read() as session:
        told = [event.data for event in await events.after(session, 0) if event.kind == "transaction_refused"]
    assert len(told) == 1
    assert "insufficient funds" in told[0]["reason"]
    world.chain.fund(KEY.address, WHOLE)
    await outbox.step()
    world.chain.mine()
    assert world.balance() == 5


@pytest.mark.parametrize("jump", [-1e8, 1e8])
async def test_a_wall_clock_that_jumps_neither_hurries_nor_holds_up_a_transaction(
    world: World, jump: float
) -> None:
    outbox = await world.leader()
    await outbox.send("gas", TO, value=1)
    world.chain.mempool.clear()
    world.clock.wall += jump
    await outbox.step()
    assert len(await world.rows()) == 1, "it has not waited yet"
    world.wait(RAISE_AFTER)
    await outbox.step()
    first, second = await world.rows()
    assert (first.nonce, first.target, first.value) == (second.nonce, second.target, second.value)
    world.chain.mine()
    await outbox.step()
    assert world.balance() == 1


async def test_a_call_that_would_revert_is_never_paid_for(world: World) -> None:
    def refuse(_call: Call) -> bytes:
        raise Revert("Only the manager")

    world.chain.contracts[TO] = refuse
    outbox = await world.leader()
    with pytest.raises(Reverted, match="Only the manager"):
        await outbox.send("offer:x", TO, data="0x12345678", gas=100_000)
    assert await world.rows() == []


async def test_each_key_has_purposes_and_nonces_of_its_own(world: World) -> None:
    treasury = await world.leader()
    manager = Outbox(
        world.office, world.endpoint, OTHER, chain_id=world.chain.chain_id, max_fee=Wei(100 * GWEI)
    )
    world.chain.fund(OTHER.address, WHOLE)
    assert await treasury.send("x", TO, value=5)
    assert await manager.send("x", TO, value=7)
    world.chain.mine()
    await treasury.step()
    assert [(row.sender, row.nonce, row.block is None) for row in await world.rows()] == [
        (KEY.address, 0, False),
        (OTHER.address, 0, True),
    ]
    await manager.step()
    assert all(row.block is not None for row in await world.rows())
    assert world.balance() == 12
