"""A cover that nobody claimed for a day is ended by the node that goes, from tables and chain alone."""

from linkpool.contracts.abi import Call, nothing
from linkpool.contracts.oracle import CLAIM_SECONDS, WINDOW_SECONDS, Oracle
from linkpool.fleet.nodes.lapse import Lapses
from linkpool.store.database import Database
from linkpool.units import link
from tests.contracts.world import COVERED, PAYMENT, REQUESTERS, STAKERS, STRANGER
from tests.support.indexing import catch_up, indexer, lead, living_pool
from tests.support.office import office_of
from tests.support.pool_life import PoolLife


class AtOnce:
    """Sends: each transaction is in a block of its own."""

    def __init__(self, life: PoolLife) -> None:
        self.life, self.purposes = life, list[str]()

    async def send(
        self, purpose: str, to: str, *, value: int = 0, data: str = "0x", gas: int = 21_000
    ) -> bool:
        self.purposes.append(purpose)
        call = Call(to, bytes.fromhex(data[2:]), nothing)
        self.life.chain.mine(lambda: self.life.world.evm.send(STRANGER, call, gas))
        return True


async def test_only_what_is_overdue_ends_and_nothing_holds_the_node_up_any_more(database: Database) -> None:
    life = living_pool()
    world, chain = life.world, life.chain
    node, other = world.nodes[:2]
    for one in (node, other):
        chain.mine(lambda one=one: world.stake(one, STAKERS[0], link(5_000)))

    def ask() -> None:
        for one in (node, node, other):
            world.request(one, REQUESTERS[0], PAYMENT, COVERED)

    chain.mine(ask)
    epoch = await lead(database)
    follower = indexer(database, life, epoch)
    await catch_up(follower)
    assert world.evm.ask(Oracle(node).reserves()) > 0
    sender = AtOnce(life)
    lapses = Lapses(office_of(epoch, database), chain, sender, gas=200_000)
    chain.mine(seconds=WINDOW_SECONDS + CLAIM_SECONDS - 60)
    await lapses.step(node, chain.tip.timestamp)
    assert sender.purposes == []  # it may still be claimed
    chain.mine(seconds=120)
    await lapses.step(node, chain.tip.timestamp)
    assert len(sender.purposes) == 1  # the second of its requests found no room for a cover
    assert world.evm.ask(Oracle(node).reserves()) == 0
    assert world.evm.ask(Oracle(other).reserves()) > 0
    await catch_up(follower)
    await lapses.step(node, chain.tip.timestamp)
    assert len(sender.purposes) == 1
