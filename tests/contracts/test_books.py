"""The books to the juel: fractions, carries, dust and brims, and that every movement of money is told."""

import pytest
from eth_utils.crypto import keccak

from linkpool.contracts.pool_events import FeesPaid, Harvested, Moved, UnstakeRequested, Withdrawn
from linkpool.units import link
from tests.contracts.replay import replay
from tests.contracts.world import DAY, FEES, OWNER, STAKERS, STRANGER, UNBONDING, World
from tests.support.evm import Reverted

ALL = 2**255
ANN, BOB, CAT, _ = STAKERS


def test_a_claim_of_nothing_leaves_the_fraction_to_grow(world: World) -> None:
    """Else whoever claims after every juel is paid none of them, and no event says so."""
    node, pool = world.nodes[0], world.pool
    world.evm.send(OWNER, pool.announce_fee(0))
    world.stake(node, ANN, link(1))
    world.stake(node, BOB, link(2))
    paid = 0
    for _ in range(4):
        world.earn(node, 1)
        paid += world.evm.send(ANN, pool.claim([node]))
        told = replay(world.evm.logs)
        assert told.nodes[node].income(ANN) == world.evm.ask(pool.claimable(node, ANN)) == 0
    assert paid == 1, "a third of four juels"


def test_claimable_is_what_a_claim_pays_though_a_carry_waits(world: World) -> None:
    """A carry is divided with the next income; after a big stake left it is worth several juels."""
    node, pool = world.nodes[0], world.pool
    whale = 10**25 - link(10)
    world.fund(CAT, whale)
    world.evm.send(OWNER, pool.set_capacity(node, 10**25))
    world.evm.send(OWNER, pool.announce_fee(0))
    world.stake(node, CAT, whale)
    world.stake(node, ANN, link(5))
    for payment in range(10**17, 10**17 + 8):
        world.earn(node, payment)
        world.evm.send(STRANGER, pool.sync(node))
        with world.evm.undone():
            world.evm.send(CAT, pool.request_unstake(node, ALL))
            for fee in (0, 100):
                world.evm.send(OWNER, pool.announce_fee(fee))
                world.evm.now += UNBONDING + DAY
                if fee:
                    world.evm.send(STRANGER, pool.apply_fee())
                shown = world.evm.ask(pool.claimable(node, ANN))
                assert world.evm.send(ANN, pool.claim([node])) == shown


def test_a_worthless_ticket_is_pushed_out_before_the_next_stakes(world: World) -> None:
    """One share of no value, alone in a node, has no price to stake at. Whoever left it, it is ready."""
    node, pool = world.nodes[0], world.pool
    world.stake(node, ANN, link(100))
    dust = world.evm.send(ANN, pool.request_unstake(node, 1))
    world.penalize(node)
    rest = world.evm.send(ANN, pool.request_unstake(node, ALL))
    world.evm.now += UNBONDING
    world.evm.send(STRANGER, pool.withdraw(rest))
    books = world.evm.ask(pool.node(node))
    assert (books.active, books.unbonding, books.assets) == (0, 1, 0)
    with pytest.raises(Reverted):
        world.stake(node, BOB, link(5))
    world.evm.send(STRANGER, pool.withdraw(dust))
    world.stake(node, BOB, link(5))
    assert world.value(node, BOB) == link(5)


def test_less_than_one_link_is_not_staked(world: World) -> None:
    with pytest.raises(Reverted, match="Stake at least 1 LINK"):
        world.stake(world.nodes[0], ANN, link(1) - 1)


def test_leaving_is_told_with_its_value(staked: World) -> None:
    staked.penalize(staked.nodes[0])
    staked.evm.send(ANN, staked.pool.request_unstake(staked.nodes[0], link(10)))
    (event,) = staked.evm.events
    assert isinstance(event, UnstakeRequested)
    assert (event.node, event.account) == (staked.nodes[0], ANN)
    assert 0 <= event.value - link(10) <= 1
    assert event.shares * 9_950 // 10_000 == event.value
    assert event.ready_at == staked.evm.now + UNBONDING


def test_a_ticket_is_paid_once(staked: World) -> None:
    ticket = staked.evm.send(ANN, staked.pool.request_unstake(staked.nodes[0], ALL))
    staked.evm.now += UNBONDING
    staked.evm.send(STRANGER, staked.pool.withdraw(ticket))
    for none in (ticket, ticket + 1, 0):
        with pytest.raises(Reverted, match="No such ticket"):
            staked.evm.send(STRANGER, staked.pool.withdraw(none))


def test_withdrawing_is_told(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    ticket = staked.evm.send(ANN, pool.request_unstake(node, link(10)))
    staked.evm.now += UNBONDING
    staked.evm.send(STRANGER, pool.withdraw(ticket))
    (event,) = staked.evm.events
    assert isinstance(event, Withdrawn)
    assert (event.node, event.account, event.ticket) == (node, ANN, ticket)
    assert (event.shares, event.amount, event.assets) == (link(10), link(10), link(9_990))


def test_moving_is_told(staked: World) -> None:
    source, target = staked.nodes[0], staked.nodes[1]
    staked.penalize(source)
    staked.retire(source)
    staked.evm.send(ANN, staked.pool.move(source, target, link(199)))
    (event,) = staked.evm.events
    assert isinstance(event, Moved)
    assert (event.from_node, event.to_node, event.account) == (source, target, ANN)
    assert (event.amount, event.from_shares) == (link(199), link(200))
    assert (event.from_assets, event.to_shares, event.to_assets) == (link(9_751), link(199), link(5_199))


def test_income_brought_is_told_once_and_with_its_fee(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    for fee_bps, fee in ((1_000, link(1)), (0, 0)):
        staked.evm.send(OWNER, pool.announce_fee(fee_bps))
        staked.evm.send(STRANGER, pool.sync(node))
        staked.earn(node, link(10))
        staked.evm.send(STRANGER, pool.harvest([node]))
        (event,) = [e for e in staked.evm.events if isinstance(e, Harvested)]
        assert (event.node, event.amount, event.fee) == (node, link(10), fee)
        staked.evm.send(STRANGER, pool.harvest([node]))
        assert staked.evm.events == []
    staked.evm.send(STRANGER, pool.pay_fees())
    (paid,) = staked.evm.events
    assert isinstance(paid, FeesPaid)
    assert (paid.account, paid.amount) == (FEES, link(1))


def test_income_below_the_accumulators_step_is_carried(world: World) -> None:
    """Of 10 million LINK a share earns less than 2^-80 juels when the node earns one."""
    node, pool = world.nodes[0], world.pool
    world.fund(CAT, 10**25)
    world.evm.send(OWNER, pool.set_capacity(node, 10**25))
    world.evm.send(OWNER, pool.announce_fee(0))
    world.stake(node, CAT, 10**25)
    for _ in range(30):
        world.earn(node, 1)
        world.evm.send(STRANGER, pool.sync(node))
    assert 20 <= world.evm.ask(pool.claimable(node, CAT)) <= 30


FULL = 2**128 - 1


@pytest.mark.parametrize(
    ("active", "unbonding", "assets"),
    [(FULL, 0, 2**70), (link(10), FULL, 2**70), (0, 2**96 - 1, 2**96 - 1)],
    ids=["active", "unbonding", "assets"],
)
def test_books_never_spill_into_their_neighbours(
    world: World, active: int, unbonding: int, assets: int
) -> None:
    """States nobody can reach, poked in: a field at its brim takes no more."""
    evm, node, pool = world.evm, world.nodes[0], world.pool
    world.stake(node, ANN, link(10))
    slot = words_of(world, node)
    had = [evm.peek(pool.address, at) for at in (slot, slot + 1)]
    evm.poke(pool.address, slot, active | unbonding << 128)
    evm.poke(pool.address, slot + 1, had[1] >> 96 << 96 | assets)
    leaving = unbonding == FULL
    call = pool.request_unstake(node, ALL) if leaving else pool.stake(node, link(1), ANN)
    with pytest.raises(Reverted, match="Too much stake"):
        evm.send(ANN, call)
    for at, word in enumerate(had):
        evm.poke(pool.address, slot + at, word)
    evm.send(ANN, call)


def words_of(world: World, node: str) -> int:
    """The storage slot of a node's words in the pool."""
    active = world.evm.ask(world.pool.node(node)).active
    slots = [keccak(base.to_bytes(32) + bytes(12) + bytes.fromhex(node[2:])) for base in range(64)]
    (slot,) = [
        slot for slot in map(int.from_bytes, slots) if world.evm.peek(world.pool.address, slot) == active
    ]
    return slot


def test_a_ticket_names_its_node(staked: World) -> None:
    ticket = staked.evm.send(CAT, staked.pool.request_unstake(staked.nodes[1], link(10)))
    assert staked.evm.ask(staked.pool.ticket(ticket)).node == staked.nodes[1]


def test_a_position_says_where_its_income_was_last_counted(staked: World) -> None:
    node, pool = staked.nodes[0], staked.pool
    staked.earn(node, link(10))
    staked.evm.send(ANN, pool.claim([node]))
    position, books = staked.evm.ask(pool.position(node, ANN)), staked.evm.ask(pool.node(node))
    assert position.accumulator == books.accumulator > 0
    assert (position.shares, position.owed) == (link(6_000), 0)
