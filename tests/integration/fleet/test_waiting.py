"""The waiting list: who comes, who counts for how much, who is told that there is room, who leaves."""

from typing import Any

import pytest

from linkpool.chain.keys import Key
from linkpool.contracts.pool import Status
from linkpool.fleet.pool import PoolFacts
from linkpool.fleet.waiting.desk import LONGEST, NotTaken, NotWaiting, WaitingDesk
from linkpool.fleet.waiting.statement import BadSignature
from linkpool.fleet.waiting.waiting import RECHECK, ROOM_HOLDS, WaitingList, wanted
from linkpool.store import chain_rows, events, waiting
from linkpool.store.chain_rows import Registered, Rows, columns
from linkpool.store.chain_state import Block, Books, ChainEvent
from linkpool.store.database import Database
from linkpool.store.scaling_tables import WaitingRow
from linkpool.units import link
from linkpool.wire.waiting import Statement
from tests.support.manual_clock import ManualClock
from tests.support.office import take_office

FACTS = PoolFacts(31337, "0x" + "11" * 20, "0x" + "22" * 20)
ALICE, BOB = (Key(f"0x{number:064x}") for number in (1, 2))
NODE = "0x" + "33" * 20


class Balances:
    """LINK of everybody; no wallet is a contract."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    async def call(self, method: str, *params: Any) -> Any:
        data = params[0]["data"]
        if not data.startswith("0x70a08231"):
            return "0x"
        holder = "0x" + data[34:74]
        return f"0x{self.of.get(holder, 0):064x}"

    async def batch(self, calls: Any) -> list[Any]:
        return [await self.call(method, *params) for method, params in calls]


class House:
    """One database, its desk and its leader."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock, self.rpc = database, ManualClock(), Balances()
        self.desk = WaitingDesk(database, self.rpc, FACTS, self.clock)
        self.list: WaitingList
        self.blocks = 0

    async def lead(self) -> None:
        office = await take_office(self.database, self.clock)
        self.list = WaitingList(office, rpc=self.rpc, link=FACTS.link)

    def said(self, key: Key, amount: int, nonce: int = 1, seconds: float = 3_600) -> Statement:
        bare = Statement(
            wallet=key.address,
            amount=str(amount),
            deadline=int(self.clock.now() + seconds),
            nonce=str(nonce),
            signature="0x00",
        )
        signature = key.sign_digest(self.desk.domain.digest(bare))
        return bare.model_copy(update={"signature": f"0x{signature.hex()}"})

    async def come(self, key: Key, amount: int, **more: Any) -> WaitingRow:
        self.rpc.of.setdefault(key.address.lower(), amount)
        return await self.desk.come(self.said(key, amount, **more))

    async def rows(self) -> dict[str, WaitingRow]:
        async with self.database.read() as session:
            return {row.wallet: row for row in await waiting.waiting(session)}

    async def room(self, juels: int) -> None:
        """One node takes that much, from the next block on."""
        self.blocks += 1
        books = Books(Status.ACTIVE, juels, 0, 0)
        rows = Rows(blocks=[Block(self.blocks, f"0x{self.blocks}", int(self.clock.now()))])
        if self.blocks == 1:
            rows.nodes.append(Registered(NODE, "0x", 0, 1, 0))
        rows.books.append({"node": NODE, "block": self.blocks, "time": self.blocks, **columns(books)})
        async with self.database.write() as session:
            await chain_rows.append(session, rows)

    async def kinds(self) -> list[str]:
        async with self.database.read() as session:
            return [event.kind for event in await events.after(session, 0)]


@pytest.fixture
async def house(database: Database) -> House:
    made = House(database)
    await made.lead()
    return made


async def test_only_link_that_is_there_counts_and_it_is_looked_at_again(house: House) -> None:
    house.rpc.of[ALICE.address.lower()] = link(30)
    row = await house.come(ALICE, link(100))
    assert (row.amount, row.counted) == (link(100), link(30))
    house.rpc.of[ALICE.address.lower()] = link(500)
    await house.list.step()
    assert (await house.rows())[ALICE.address].counted == link(30)
    house.clock.advance(RECHECK)
    await house.list.step()
    assert (await house.rows())[ALICE.address].counted == link(100)
    house.rpc.of[ALICE.address.lower()] = 0
    house.clock.advance(RECHECK)
    await house.list.step()
    assert (await house.rows())[ALICE.address].counted == 0


async def test_who_came_first_gets_the_room_and_is_told_and_it_counts_for_three_days(house: House) -> None:
    await house.come(ALICE, link(60))
    house.clock.advance(1)
    await house.come(BOB, link(60))
    await house.list.step()
    assert all(row.room_since is None for row in (await house.rows()).values())
    await house.room(link(100))
    await house.list.step()
    rows = await house.rows()
    assert rows[ALICE.address].room_since == house.clock.now()
    assert rows[BOB.address].room_since is None
    now = house.clock.now()
    everybody = list(rows.values())
    assert (wanted(everybody, now), wanted(everybody, now + ROOM_HOLDS)) == (link(120), link(60))
    await house.room(link(10))
    await house.list.step()
    assert all(row.room_since is None for row in (await house.rows()).values())
    assert (await house.kinds()) == ["waiting_came", "waiting_came", "waiting_room", "waiting_waits"]


async def test_a_wallet_has_one_entry_and_more_goes_to_the_end(house: House) -> None:
    house.rpc.of |= {ALICE.address.lower(): link(100), BOB.address.lower(): link(100)}
    await house.come(ALICE, link(10))
    house.clock.advance(1)
    await house.come(BOB, link(10))
    await house.come(ALICE, link(5), nonce=2)
    assert list(await house.rows()) == [ALICE.address, BOB.address]
    house.clock.advance(1)
    await house.come(ALICE, link(50), nonce=3)
    assert list(await house.rows()) == [BOB.address, ALICE.address]


async def test_it_leaves_by_its_own_word_by_staking_or_by_time(house: House) -> None:
    await house.come(ALICE, link(10))
    with pytest.raises(NotTaken):
        await house.desk.leave(house.said(ALICE, link(10), nonce=2))
    with pytest.raises(NotWaiting):
        await house.desk.leave(house.said(BOB, 0))
    leaves = house.said(ALICE, 0, nonce=2)
    await house.desk.leave(leaves)
    assert await house.rows() == {}
    await house.come(BOB, link(10), seconds=100)
    house.clock.advance(100)
    await house.list.step()
    assert await house.rows() == {}
    await house.come(ALICE, link(10), nonce=3)
    staked = ChainEvent(1, 1, int(house.clock.now()), "0x", "Staked", NODE, None, ALICE.address, {})
    async with house.database.write() as session:
        await chain_rows.append(session, Rows(events=[staked]))
    await house.list.step()
    assert await house.rows() == {}


async def test_what_was_said_once_cannot_be_said_again(house: House) -> None:
    first = house.said(ALICE, link(10), nonce=5)
    house.rpc.of[ALICE.address.lower()] = link(10)
    await house.desk.come(first)
    with pytest.raises(NotTaken, match="nonce"):
        await house.desk.come(first)
    await house.desk.leave(house.said(ALICE, 0, nonce=6))
    with pytest.raises(NotTaken, match="nonce"):
        await house.desk.come(first)
    house.clock.advance(LONGEST + 1)
    await house.come(BOB, link(10), seconds=10)
    house.clock.advance(11)
    await house.list.step()  # forgets what can not come back
    with pytest.raises(NotTaken, match="deadline"):
        await house.desk.come(first)


async def test_what_is_too_little_too_long_or_anothers_is_not_taken(house: House) -> None:
    house.rpc.of[ALICE.address.lower()] = link(10)
    for wrong in (
        house.said(ALICE, link(1) - 1),
        house.said(ALICE, link(5), seconds=LONGEST + 60),
        house.said(ALICE, link(5), seconds=-1),
        house.said(BOB, link(5)),  # has no LINK
    ):
        with pytest.raises(NotTaken):
            await house.desk.come(wrong)
    with pytest.raises(BadSignature):
        await house.desk.come(house.said(BOB, link(5)).model_copy(update={"wallet": ALICE.address}))
    assert await house.rows() == {}
