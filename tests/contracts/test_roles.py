"""Who may do what: roles, limits, the pause, and invites however they come."""

from collections.abc import Callable

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from linkpool.contracts.abi import Call, load, load_code
from linkpool.contracts.events import decode
from linkpool.contracts.invite import Invite, implementation_address, oracle_address
from linkpool.contracts.oracle import Oracle
from linkpool.contracts.pool import Offer, Pool
from linkpool.contracts.pool_events import (
    FeeAccountChanged,
    FeeAnnounced,
    FeeChanged,
    LimitsChanged,
    NodeRegistered,
    OwnershipTransferred,
)
from linkpool.contracts.view import View
from linkpool.units import link
from tests.contracts.replay import replay
from tests.contracts.world import (
    CAPACITY,
    CHAIN_ID,
    COVERED,
    DAY,
    FEES,
    GUARDIAN,
    MANAGER,
    MANAGER_KEY,
    OWNER,
    STAKERS,
    STRANGER,
    World,
    pool_arguments,
    sign,
)
from tests.support.evm import Evm, Reverted, account

ZERO = "0x" + "00" * 20
HALF = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

ACTS: dict[str, tuple[Callable[[World], Call[object]], tuple[str, ...], str]] = {
    "set_manager": (lambda w: w.pool.set_manager(STRANGER), (OWNER,), "Owner only"),
    "set_guardian": (lambda w: w.pool.set_guardian(STRANGER), (OWNER,), "Owner only"),
    "set_fee_account": (lambda w: w.pool.set_fee_account(STRANGER), (OWNER,), "Owner only"),
    "transfer_ownership": (lambda w: w.pool.transfer_ownership(STRANGER), (OWNER,), "Owner only"),
    "accept_ownership": (lambda w: w.pool.accept_ownership(), (), "Pending owner only"),
    "unpause": (lambda w: w.pool.unpause(), (OWNER,), "Owner only"),
    "pause": (lambda w: w.pool.pause(), (OWNER, GUARDIAN), "Guardian only"),
    "revoke_manager": (lambda w: w.pool.revoke_manager(), (OWNER, GUARDIAN), "Guardian only"),
    "set_limits": (lambda w: w.pool.set_limits(1, 1), (OWNER,), "Owner only"),
    "set_capacity": (lambda w: w.pool.set_capacity(w.nodes[0], 1), (OWNER,), "Owner only"),
    "announce_fee": (lambda w: w.pool.announce_fee(1), (OWNER,), "Owner only"),
    "reopen": (lambda w: w.pool.reopen(w.nodes[2]), (OWNER,), "Owner only"),
    "drain": (lambda w: w.pool.drain(w.nodes[0]), (OWNER, MANAGER), "Manager only"),
    "retire": (lambda w: w.pool.retire(w.nodes[2]), (OWNER, MANAGER), "Manager only"),
    "set_offer": (
        lambda w: w.pool.set_offer(Offer(COVERED, 1, 0, 0, True)),
        (OWNER, MANAGER),
        "Manager only",
    ),
    "add_sender": (lambda w: w.pool.add_sender(w.nodes[0], account("new")), (OWNER, MANAGER), "Manager only"),
    "remove_sender": (
        lambda w: w.pool.remove_sender(w.nodes[0], w.senders[w.nodes[0]]),
        (OWNER, MANAGER, GUARDIAN),
        "Manager or guardian only",
    ),
    "revoke_invite": (
        lambda w: w.pool.revoke_invite(5),
        (OWNER, MANAGER, GUARDIAN),
        "Manager or guardian only",
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_each_act_is_for_its_roles_alone(world: World, act: str) -> None:
    make, allowed, reason = ACTS[act]
    world.evm.send(MANAGER, world.pool.drain(world.nodes[2]))
    for who in (OWNER, MANAGER, GUARDIAN, STRANGER, STAKERS[0], world.senders[world.nodes[0]]):
        with world.evm.undone():
            if who in allowed:
                world.evm.send(who, make(world))
            else:
                with pytest.raises(Reverted, match=reason):
                    world.evm.send(who, make(world))


TOLD: dict[str, Callable[[World], tuple[str, dict[str, object]]]] = {
    "set_manager": lambda w: ("ManagerChanged", {"manager": STRANGER}),
    "revoke_manager": lambda w: ("ManagerChanged", {"manager": ZERO}),
    "set_guardian": lambda w: ("GuardianChanged", {"guardian": STRANGER}),
    "set_fee_account": lambda w: ("FeeAccountChanged", {"account": STRANGER}),
    "transfer_ownership": lambda w: ("OwnershipTransferStarted", {"owner": OWNER, "pending": STRANGER}),
    "unpause": lambda w: ("Unpaused", {"by": OWNER}),
    "pause": lambda w: ("Paused", {"by": OWNER, "until": w.evm.now + 14 * DAY}),
    "set_limits": lambda w: ("LimitsChanged", {"max_nodes": 1, "max_capacity": 1}),
    "set_capacity": lambda w: ("CapacityChanged", {"node": w.nodes[0], "capacity": 1}),
    "announce_fee": lambda w: ("FeeChanged", {"fee_bps": 1}),
    "reopen": lambda w: ("NodeReopened", {"node": w.nodes[2]}),
    "drain": lambda w: ("NodeDraining", {"node": w.nodes[0]}),
    "retire": lambda w: ("NodeRetired", {"node": w.nodes[2]}),
    "set_offer": lambda w: ("OfferChanged", {"job": COVERED, "payment": 1, "penalty": 0, "open": True}),
    "add_sender": lambda w: ("SenderAdded", {"node": w.nodes[0], "sender": account("new")}),
    "remove_sender": lambda w: ("SenderRemoved", {"node": w.nodes[0], "sender": w.senders[w.nodes[0]]}),
    "revoke_invite": lambda w: ("InviteRevoked", {"manager": MANAGER, "nonce": 5}),
}


@pytest.mark.parametrize("act", TOLD)
def test_each_act_is_told(world: World, act: str) -> None:
    name, values = TOLD[act](world)
    world.evm.send(MANAGER, world.pool.drain(world.nodes[2]))
    world.evm.send(OWNER, ACTS[act][0](world))
    (event,) = world.evm.events
    assert type(event).__name__ == name
    assert {field: getattr(event, field) for field in values} == values


def test_a_new_pool_tells_its_roles_and_limits() -> None:
    evm = Evm()
    blueprint = evm.create(load_code("NodeOracle").blueprint)
    made = evm.create(load_code("StakingPool").creation, *pool_arguments(account("link"), blueprint, 700))
    state = replay(evm.logs)
    assert (state.owner, state.manager, state.guardian, state.fee_bps) == (OWNER, MANAGER, GUARDIAN, 700)
    summary = evm.ask(View(evm.create(load_code("PoolView").creation)).summary(made))
    accounts = [e.account for e in map(decode, evm.logs) if isinstance(e, FeeAccountChanged)]
    limits = [e for e in map(decode, evm.logs) if isinstance(e, LimitsChanged)]
    assert accounts == [summary.fee_account] == [FEES]
    assert [(e.max_nodes, e.max_capacity) for e in limits] == [(summary.max_nodes, summary.max_capacity)]


def test_a_rise_is_told_with_its_time(world: World) -> None:
    world.evm.send(OWNER, world.pool.announce_fee(1_500))
    (event,) = world.evm.events
    assert isinstance(event, FeeAnnounced)
    assert (event.fee_bps, event.effective_at) == (1_500, world.evm.now + 8 * DAY)
    summary = world.evm.ask(world.view.summary(world.pool.address))
    assert (summary.announced_fee_bps, summary.fee_effective_at) == (1_500, world.evm.now + 8 * DAY)
    world.evm.now += 8 * DAY
    world.evm.send(STRANGER, world.pool.apply_fee())
    (applied,) = world.evm.events
    assert isinstance(applied, FeeChanged)
    assert applied.fee_bps == 1_500
    summary = world.evm.ask(world.view.summary(world.pool.address))
    assert (summary.fee_bps, summary.announced_fee_bps, summary.fee_effective_at) == (1_500, 0, 0)


def test_the_pool_lists_what_it_registered(world: World) -> None:
    pool = world.pool
    rows = world.evm.ask(world.view.nodes(pool.address))
    assert [row.node for row in rows] == world.nodes
    assert [row.wallet for row in rows] == [account(f"wallet{n}") for n in range(3)]
    assert [world.evm.ask(pool.node_of(row.wallet)) for row in rows] == world.nodes
    assert [row.capacity for row in rows] == [CAPACITY] * 3
    assert [world.evm.ask(pool.node(node)).index for node in world.nodes] == [0, 1, 2]


def test_ownership_takes_two_steps(world: World) -> None:
    heir = account("heir")
    world.evm.send(OWNER, world.pool.transfer_ownership(heir))
    with pytest.raises(Reverted, match="Pending owner only"):
        world.evm.send(STRANGER, world.pool.accept_ownership())
    assert world.evm.ask(world.view.summary(world.pool.address)).owner == OWNER
    world.evm.send(heir, world.pool.accept_ownership())
    (event,) = world.evm.events
    assert isinstance(event, OwnershipTransferred)
    assert (event.previous, event.owner) == (OWNER, heir)
    summary = world.evm.ask(world.view.summary(world.pool.address))
    assert (summary.owner, summary.pending_owner) == (heir, ZERO)
    with pytest.raises(Reverted, match="Owner only"):
        world.evm.send(OWNER, world.pool.unpause())


def test_another_manager_voids_the_invites_of_the_last(world: World) -> None:
    other, invite = account("another manager"), world.invite(70)
    world.evm.send(OWNER, world.pool.set_manager(other))
    world.evm.send(other, world.pool.drain(world.nodes[0]))
    with pytest.raises(Reverted, match="Manager only"):
        world.evm.send(MANAGER, world.pool.drain(world.nodes[1]))
    with pytest.raises(Reverted, match="Invite is not signed by the manager"):
        world.evm.send(STRANGER, world.pool.register(invite, world.signed(invite)))
    world.evm.send(OWNER, world.pool.set_manager(MANAGER))
    world.evm.send(STRANGER, world.pool.register(invite, world.signed(invite)))


def test_fees_go_to_the_account_of_the_day(world: World) -> None:
    node, other = world.nodes[0], account("another fee account")
    with pytest.raises(Reverted, match="Fee account is zero"):
        world.evm.send(OWNER, world.pool.set_fee_account(ZERO))
    world.evm.send(OWNER, world.pool.set_fee_account(other))
    world.earn(node, link(3))
    world.evm.send(STRANGER, world.pool.harvest([node]))
    world.evm.send(STRANGER, world.pool.pay_fees())
    assert (world.balance(FEES), world.balance(other)) == (0, link(3))


def test_a_pause_lapses_and_a_guardian_cannot_chain_them(world: World) -> None:
    pool, node = world.pool, world.nodes[0]
    world.evm.send(GUARDIAN, pool.pause())
    with pytest.raises(Reverted, match="Staking is paused"):
        world.stake(node, STAKERS[0], link(1))
    world.evm.now += 14 * DAY - 1
    with pytest.raises(Reverted, match="Staking is paused"):
        world.stake(node, STAKERS[0], link(1))
    world.evm.now += 1
    world.stake(node, STAKERS[0], link(1))
    with pytest.raises(Reverted, match="Guardian paused lately"):
        world.evm.send(GUARDIAN, pool.pause())
    world.evm.now += 14 * DAY - 1
    with pytest.raises(Reverted, match="Guardian paused lately"):
        world.evm.send(GUARDIAN, pool.pause())
    world.evm.now += 1
    world.evm.send(GUARDIAN, pool.pause())


def test_the_owner_renews_and_ends_a_pause(world: World) -> None:
    pool = world.pool
    world.evm.send(GUARDIAN, pool.pause())
    world.evm.now += 13 * DAY
    world.evm.send(OWNER, pool.pause())
    world.evm.now += 13 * DAY
    with pytest.raises(Reverted, match="Staking is paused"):
        world.stake(world.nodes[0], STAKERS[0], link(1))
    world.evm.send(OWNER, pool.unpause())
    world.stake(world.nodes[0], STAKERS[0], link(1))
    world.evm.send(GUARDIAN, pool.pause())
    world.evm.send(OWNER, pool.set_guardian(STRANGER))
    world.evm.send(STRANGER, pool.pause())


# --- invites --------------------------------------------------------------------------------------


def test_the_digest_is_the_standard_one(world: World) -> None:
    """As eth-account hashes typed data, as the contract does, and as `Invite.digest` does."""
    invite = world.invite(70)
    fields = {
        "wallet": "address",
        "senders": "address[]",
        "capacity": "uint256",
        "deadline": "uint256",
        "nonce": "uint256",
    }
    domain = {
        "name": "LinkPool",
        "version": "1",
        "chainId": CHAIN_ID,
        "verifyingContract": world.pool.address,
    }
    message = dict(zip(fields, invite.values, strict=True)) | {"senders": list(invite.senders)}
    typed = encode_typed_data(
        domain, {"Invite": [{"name": name, "type": kind} for name, kind in fields.items()]}, message
    )
    digest = invite.digest(CHAIN_ID, world.pool.address)
    signature = Account.sign_message(typed, MANAGER_KEY.key).signature
    assert bytes(signature) == sign(digest)
    assert world.evm.ask(world.pool.invite_digest(invite)) == digest


def test_a_node_adds_itself_and_again_is_success(world: World) -> None:
    invite = world.invite(70)
    node = world.evm.send(STRANGER, world.pool.register(invite, world.signed(invite)))
    (event,) = [e for e in world.evm.events if isinstance(e, NodeRegistered)]
    assert (event.node, event.wallet, event.senders) == (node, invite.wallet, invite.senders)
    assert (event.capacity, event.fee_bps, event.nonce) == (CAPACITY, 1_000, 70)
    pool = world.pool.address
    assert node == oracle_address(pool, invite.wallet, implementation_address(pool))
    assert all(world.evm.ask(Oracle(node).is_authorized_sender(who)) for who in invite.senders)
    assert not world.evm.ask(Oracle(node).is_authorized_sender(invite.wallet))
    world.evm.now = 2**41
    assert world.evm.send(STAKERS[0], world.pool.register(invite, world.signed(invite))) == node
    assert world.evm.events == []
    assert world.evm.ask(world.pool.node_count()) == 4


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"deadline": 1}, "Invite is past its deadline"),
        ({"capacity": link(100_000) + 1}, "Capacity is above the limit"),
        ({"senders": ()}, "A node needs a sender"),
        ({"senders": (ZERO,)}, "Sender is zero"),
        ({"senders": (account("x"), account("x"))}, "Sender was used before"),
        ({"senders": (account("sender1"),)}, "Sender was used before"),
        ({"wallet": ZERO}, "Wallet is zero"),
        ({"nonce": 1}, "Invite is used or revoked"),
    ],
)
def test_an_invite_that_is_refused(world: World, changes: dict[str, object], reason: str) -> None:
    invite = world.invite(70, **changes)
    with pytest.raises(Reverted, match=reason):
        world.evm.send(STRANGER, world.pool.register(invite, world.signed(invite)))


@pytest.mark.parametrize(
    "how", ["stranger", "wrong chain", "wrong pool", "empty", "short", "zeros", "changed", "flipped v"]
)
def test_a_signature_that_is_none(world: World, how: str) -> None:
    invite, pool = world.invite(70), world.pool.address
    good = world.signed(invite)
    signature = {
        "stranger": bytes(Account.unsafe_sign_hash(invite.digest(CHAIN_ID, pool), b"\x22" * 32).signature),
        "wrong chain": sign(invite.digest(CHAIN_ID + 1, pool)),
        "wrong pool": sign(invite.digest(CHAIN_ID, STRANGER)),
        "empty": b"",
        "short": good[:64],
        "zeros": bytes(65),
        "changed": world.signed(world.invite(70, capacity=CAPACITY + 1)),
        "flipped v": good[:64] + bytes([55 - good[64]]),
    }[how]
    with pytest.raises(Reverted, match=r"Invite is not signed|Signature must be"):
        world.evm.send(STRANGER, world.pool.register(invite, signature))


def test_no_manager_means_no_invites_even_with_a_broken_signature(world: World) -> None:
    invite = world.invite(70)
    world.evm.send(GUARDIAN, world.pool.revoke_manager())
    for signature in (world.signed(invite), bytes(65)):
        with pytest.raises(Reverted, match="Invite is not signed by the manager"):
            world.evm.send(STRANGER, world.pool.register(invite, signature))


def test_a_malleated_signature_gains_nothing(world: World) -> None:
    """Its twin passes ecrecover, but wallet, senders and nonce are used up by then."""
    invite = world.invite(70)
    good = world.signed(invite)
    s = int.from_bytes(good[32:64])
    assert s <= HALF
    twin = good[:32] + (ORDER - s).to_bytes(32) + bytes([55 - good[64]])
    node = world.evm.send(STRANGER, world.pool.register(invite, twin))
    assert world.evm.send(STRANGER, world.pool.register(invite, good)) == node
    other = Invite(account("elsewhere"), (account("other"),), *invite.values[2:])
    with pytest.raises(Reverted, match="Invite is used or revoked"):
        world.evm.send(STRANGER, world.pool.register(other, world.signed(other)))


def test_invites_in_any_order_and_revoked_ones(world: World) -> None:
    late, early, gone = (world.invite(number) for number in (72, 71, 73))
    world.evm.send(MANAGER, world.pool.revoke_invite(73))
    for invite in (late, early):
        world.evm.send(STRANGER, world.pool.register(invite, world.signed(invite)))
    with pytest.raises(Reverted, match="Invite is used or revoked"):
        world.evm.send(STRANGER, world.pool.register(gone, world.signed(gone)))


def test_a_stolen_manager_key_is_bounded(world: World) -> None:
    world.evm.send(OWNER, world.pool.set_limits(4, link(50)))
    big, fits, too_many = world.invite(70), world.invite(71, capacity=link(50)), world.invite(72, capacity=1)
    with pytest.raises(Reverted, match="Capacity is above the limit"):
        world.evm.send(STRANGER, world.pool.register(big, world.signed(big)))
    world.evm.send(STRANGER, world.pool.register(fits, world.signed(fits)))
    with pytest.raises(Reverted, match="The pool is full"):
        world.evm.send(STRANGER, world.pool.register(too_many, world.signed(too_many)))
    world.evm.send(MANAGER, world.pool.drain(world.nodes[0]))
    world.evm.send(MANAGER, world.pool.retire(world.nodes[0]))
    world.evm.send(STRANGER, world.pool.register(too_many, world.signed(too_many)))
    for limit in (world.pool.set_limits(4, 10**25 + 1), world.pool.set_capacity(world.nodes[1], 10**25 + 1)):
        with pytest.raises(Reverted, match="Capacity is above the cap"):
            world.evm.send(OWNER, limit)


def test_senders_are_used_once_in_a_pool(world: World) -> None:
    one, other = world.nodes[:2]
    mine, theirs, fresh = world.senders[one], world.senders[other], account("fresh")
    for sender, reason in ((mine, "used before"), (theirs, "used before"), (ZERO, "is zero")):
        with pytest.raises(Reverted, match=reason):
            world.evm.send(MANAGER, world.pool.add_sender(one, sender))
    world.evm.send(MANAGER, world.pool.add_sender(one, fresh))
    assert world.evm.ask(Oracle(one).is_authorized_sender(fresh))
    for node, sender in ((other, fresh), (one, theirs), (ZERO, account("nobody"))):
        with pytest.raises(Reverted, match="Not a sender of this node"):
            world.evm.send(GUARDIAN, world.pool.remove_sender(node, sender))
    world.evm.send(GUARDIAN, world.pool.remove_sender(one, fresh))
    assert not world.evm.ask(Oracle(one).is_authorized_sender(fresh))
    with pytest.raises(Reverted, match="used before"):
        world.evm.send(MANAGER, world.pool.add_sender(one, fresh))


@pytest.mark.parametrize("act", ["sync", "drain", "set_capacity", "add_sender", "request_unstake", "harvest"])
def test_an_address_that_is_no_node_is_refused(world: World, act: str) -> None:
    pool = world.pool
    calls = {
        "sync": pool.sync(STRANGER),
        "drain": pool.drain(STRANGER),
        "set_capacity": pool.set_capacity(STRANGER, 1),
        "add_sender": pool.add_sender(STRANGER, account("new")),
        "request_unstake": pool.request_unstake(STRANGER, 1),
        "harvest": pool.harvest([STRANGER]),
    }
    with pytest.raises(Reverted, match="Not a node of this pool"):
        world.evm.send(OWNER, calls[act])


# --- the constructor ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (2, ZERO, "Owner is zero"),
        (5, ZERO, "Fee account is zero"),
        (6, 2_001, "Fee is above the cap"),
        (7, 2 * DAY - 1, "Unbonding must be 2 to 60 days"),
        (7, 60 * DAY + 1, "Unbonding must be 2 to 60 days"),
        (9, 10**25 + 1, "Capacity is above the cap"),
    ],
)
def test_a_pool_is_not_made_with_bad_settings(place: int, value: object, reason: str) -> None:
    evm = Evm()
    blueprint = evm.create(load_code("NodeOracle").blueprint)
    good: list[object] = [account("link"), blueprint, OWNER, MANAGER, GUARDIAN, OWNER, 0, 7 * DAY, 1, 1]
    kinds, code = load("StakingPool").constructor, load_code("StakingPool").creation
    Pool(evm.create(code, kinds, good))
    for edge in ([2_000, 2 * DAY, 1, 10**25], [0, 60 * DAY, 0, 0]):
        evm.create(code, kinds, [*good[:6], *edge])
    with pytest.raises(Reverted, match=reason):
        evm.create(code, kinds, [*good[:place], value, *good[place + 1 :]])


def test_an_invite_is_good_to_its_last_second_and_limits_to_the_cap(world: World) -> None:
    world.evm.send(OWNER, world.pool.set_limits(4, 10**25))
    world.evm.send(OWNER, world.pool.set_capacity(world.nodes[0], 10**25))
    invite = world.invite(70, capacity=10**25, deadline=world.evm.now)
    world.evm.send(STRANGER, world.pool.register(invite, world.signed(invite)))
