"""A pool's state again from its secret and the chain, gaps in the numbers included: on both databases."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from linkpool.chain.keys import Key
from linkpool.fleet.nodes.restore import GAP, CannotRestore, restore
from linkpool.fleet.pool import NodeOnChain, PoolFacts
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store import nodes
from linkpool.store.database import Database
from linkpool.store.tables import NodeState
from linkpool.units import Juels, Slot
from linkpool.wire.agent import Invite
from tests.support.manual_clock import ManualClock

KEYS = Keyring(bytes(range(32)))


@dataclass
class Listed:
    """Contracts that list nodes of these wallets."""

    wallets: Sequence[str]
    facts = PoolFacts(1, "0xl", "0xp")

    def oracle_of(self, wallet: str) -> str:
        return "0x" + hashlib.sha256(wallet.encode()).hexdigest()[:40]

    def invite(
        self, *, wallet: str, senders: Sequence[str], capacity: Juels, deadline: int, nonce: int
    ) -> Invite:
        raise NotImplementedError("they are registered")

    async def registered(self, oracle: str) -> bool:
        return True

    async def nodes(self) -> Mapping[str, NodeOnChain]:
        return {
            self.oracle_of(wallet): NodeOnChain(wallet, Juels(7), Juels(0), Juels(0), True)
            for wallet in self.wallets
        }


async def test_every_node_comes_back_with_its_number_and_senders(database: Database) -> None:
    numbers = [1, 2, 5, 5 + GAP - 1]
    pool = Listed([Key(KEYS.wallet(number)).address for number in numbers])
    restored = await restore(database, KEYS, pool, ManualClock())
    async with database.write() as session:
        rows = await nodes.every(session)
        slots = await nodes.slots(session, 5)
        following = await nodes.want(session, 1, 0.0)
    assert [row.index for row in rows] == numbers
    assert [row.oracle for row in rows] == restored
    assert {(row.state, row.capacity) for row in rows} == {(NodeState.REGISTERED, "7")}
    assert [slot.sender for slot in slots] == [Key(KEYS.sender(5, Slot(s))).address for s in range(6)]
    assert following.index == numbers[-1] + 1


async def test_a_node_of_another_secret_is_named_and_nothing_is_written(database: Database) -> None:
    stranger = Key("0x" + "33" * 32).address
    pool = Listed([Key(KEYS.wallet(1)).address, stranger])
    with pytest.raises(CannotRestore, match=pool.oracle_of(stranger)):
        await restore(database, KEYS, pool, ManualClock())
    async with database.read() as session:
        assert await nodes.every(session) == []


async def test_a_database_that_has_nodes_is_left_alone(database: Database) -> None:
    async with database.write() as session:
        await nodes.want(session, 1, 0.0)
    with pytest.raises(CannotRestore, match="empty"):
        await restore(database, KEYS, Listed([Key(KEYS.wallet(1)).address]), ManualClock())
