"""Requests as LINK brings them: what is taken, what is refused and why, and how much cover it gets."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkpool.contracts.abi import load, load_code
from linkpool.contracts.link import Link
from linkpool.contracts.oracle import Ask, Covered, Oracle, OracleRequest, Reason, RequestTerms
from linkpool.contracts.pool import Offer, Pool
from linkpool.contracts.view import View
from linkpool.units import link
from tests.contracts.machine import base_world
from tests.contracts.world import (
    CALLBACK,
    CLOSED,
    COVERED,
    DAY,
    FREE,
    GUARDIAN,
    MANAGER,
    OWNER,
    PAYMENT,
    PENALTY,
    REQUESTERS,
    STAKERS,
    STRANGER,
    World,
    pool_arguments,
)
from tests.support.evm import Evm, Reverted, account
from tests.support.examples import examples

ME = REQUESTERS[0]
NODE = 0
ORACLE_REQUEST, OPERATOR_REQUEST = bytes.fromhex("40429946"), bytes.fromhex("3c6d41b9")


def ask(**changes: object) -> Ask:
    values: dict[str, object] = {"job": FREE, "requester": ME, "callback_function_id": CALLBACK, "nonce": 99}
    return Ask(**{**values, **changes})  # type: ignore[arg-type]  # what a test changes is its own affair


def send(world: World, data: bytes, amount: int = PAYMENT, sender: str = ME) -> None:
    world.evm.send(sender, world.coin.transfer_and_call(world.nodes[NODE], amount, data))


def test_the_event_says_what_was_asked(staked: World) -> None:
    send(staked, ask(job=COVERED, data=b"\xa1\x01\x02", data_version=1).calldata)
    made, covered = [e for e in staked.evm.events if isinstance(e, OracleRequest | Covered)]
    assert isinstance(made, OracleRequest)
    assert isinstance(covered, Covered)
    assert (made.job, made.requester, made.callback_address) == (COVERED, ME, ME)
    assert (made.payment, made.data, made.data_version) == (PAYMENT, b"\xa1\x01\x02", 1)
    assert made.expiration == staked.evm.now + 300
    assert made.request_id == ask().request_id
    assert (covered.request_id, covered.penalty) == (made.request_id, PENALTY)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ask(requester=STRANGER).calldata, "Callback address must be the requester"),
        (ask(data_version=3).calldata, "Data version above 2"),
        (ask(data_version=257).calldata, "Data version above 2"),
        (ask(data=bytes(4_097)).calldata, "Request data above 4096 bytes"),
        (ask(job=CLOSED).calldata, "No open offer for this job"),
        (b"\x12\x34\x56\x78" + ask().calldata[4:], "Must use whitelisted functions"),
        (ask().calldata[:67], "Invalid request length"),
        (b"\x12\x34\x56\x78" + bytes(64), "Must use whitelisted functions"),
        (b"", "Invalid request length"),
    ],
)
def test_refused_with_the_reason(world: World, data: bytes, reason: str) -> None:
    with pytest.raises(Reverted, match=reason):
        send(world, data)


def test_data_of_4096_bytes_is_taken(world: World) -> None:
    send(world, ask(data=b"\xff" * 4_096).calldata)
    (made,) = [e for e in world.evm.events if isinstance(e, OracleRequest)]
    assert made.data == b"\xff" * 4_096


@pytest.mark.parametrize("cut", [68, 100, 132, 164, 196, 228, 259, 260, 290])
def test_cut_calldata_reverts(world: World, cut: int) -> None:
    whole = ask(data=b"\xaa" * 32).calldata
    assert len(whole) == 324
    with pytest.raises(Reverted):
        send(world, whole[:cut])


@pytest.mark.parametrize("offset", [2**256 - 1, 2**255, 4_800, 257])
def test_an_offset_outside_the_call_reverts(world: World, offset: int) -> None:
    whole = bytearray(ask(data=b"\xaa" * 32).calldata)
    whole[4 + 7 * 32 : 4 + 8 * 32] = offset.to_bytes(32)
    with pytest.raises(Reverted):
        send(world, bytes(whole))


def test_a_callback_function_of_more_than_4_bytes_reverts(world: World) -> None:
    whole = bytearray(ask().calldata)
    whole[4 + 5 * 32 - 1] = 1
    with pytest.raises(Reverted, match="Callback function id must be 4 bytes"):
        send(world, bytes(whole))


def test_sender_and_amount_in_the_data_are_ignored(world: World) -> None:
    whole = bytearray(ask().calldata)
    whole[4:68] = b"\xff" * 64
    send(world, bytes(whole), amount=5)
    (made,) = [e for e in world.evm.events if isinstance(e, OracleRequest)]
    assert (made.requester, made.payment) == (ME, 5)


def test_payment_below_the_offer_reverts(world: World) -> None:
    with pytest.raises(Reverted, match="Payment below the offer"):
        send(world, ask(job=COVERED).calldata, PAYMENT - 1)


def test_an_id_is_used_once_while_open(world: World) -> None:
    send(world, ask().calldata)
    with pytest.raises(Reverted, match="Must use a unique ID"):
        send(world, ask().calldata)


@pytest.mark.parametrize("function", ["oracleRequest", "operatorRequest"])
def test_nobody_but_link_requests(world: World, function: str) -> None:
    data = ask().calldata
    if function == "operatorRequest":
        data = bytes.fromhex("3c6d41b9") + data[4:100] + data[132:]
    for sender in (ME, MANAGER, OWNER):
        with pytest.raises(Reverted, match="Must use LINK token"):
            world.evm.raw(sender, world.nodes[NODE], data)


@pytest.mark.parametrize("function", ["oracleRequest", "operatorRequest"])
def test_a_link_that_calls_these_functions_itself_is_served(function: str) -> None:
    """No LINK does, but the protocol has them: they hold the same rules."""
    coin = account("a LINK that calls")
    evm = Evm()
    blueprint = evm.create(load_code("NodeOracle").blueprint)
    pool = Pool(evm.create(load_code("StakingPool").creation, *pool_arguments(coin, blueprint, 0)))
    world = World(evm, Link(coin), pool, View(pool.address))
    node = world.register(0)
    evm.send(MANAGER, pool.set_offer(Offer(FREE, 5, 0, 0, True)))
    encode = load("NodeOracle").functions[function].encode
    callback = (ME,) if function == "oracleRequest" else ()
    evm.raw(coin, node, encode(ME, 5, FREE, *callback, CALLBACK, 1, 2, b"\xa0"))
    (made,) = evm.events
    assert isinstance(made, OracleRequest)
    assert (made.requester, made.callback_address, made.payment) == (ME, ME, 5)
    assert (made.data, made.data_version, made.job) == (b"\xa0", 2, FREE)
    with pytest.raises(Reverted, match="Payment below the offer"):
        evm.raw(coin, node, encode(ME, 4, FREE, *callback, CALLBACK, 2, 2, b""))
    if callback:
        with pytest.raises(Reverted, match="Callback address must be the requester"):
            evm.raw(coin, node, encode(ME, 5, FREE, STRANGER, CALLBACK, 2, 2, b""))


def test_nobody_but_link_transfers(world: World) -> None:
    data = load("NodeOracle").functions["onTokenTransfer"].encode(ME, PAYMENT, ask().calldata)
    with pytest.raises(Reverted, match="Must use LINK token"):
        world.evm.raw(ME, world.nodes[NODE], data)


def test_the_implementation_itself_takes_no_requests(world: World) -> None:
    implementation = world.evm.ask(world.pool.implementation())
    with pytest.raises(Reverted, match="Node takes no requests"):
        world.evm.send(ME, world.coin.transfer_and_call(implementation, PAYMENT, ask().calldata))


def test_a_draining_node_takes_no_requests_until_reopened(world: World) -> None:
    world.evm.send(MANAGER, world.pool.drain(world.nodes[NODE]))
    assert not world.evm.ask(Oracle(world.nodes[NODE]).accepting())
    with pytest.raises(Reverted, match="Node takes no requests"):
        send(world, ask().calldata)
    world.evm.send(OWNER, world.pool.reopen(world.nodes[NODE]))
    send(world, ask().calldata)


def test_pause_stops_requests_and_nothing_else(staked: World) -> None:
    w, node = staked, staked.nodes[NODE]
    first, second, third = (w.request(node, ME) for _ in range(3))
    w.evm.send(GUARDIAN, w.pool.pause())
    with pytest.raises(Reverted, match="Requests are paused"):
        w.request(node, ME)
    assert w.answer(node, first)
    w.evm.send(w.senders[node], Oracle(node).reject(RequestTerms.of(second), Reason.SOURCE_FAILED))
    w.evm.send(ME, Oracle(node).cancel(RequestTerms.of(second)))
    w.evm.now = third.expiration
    w.evm.send(ME, Oracle(node).cancel(RequestTerms.of(third)))
    w.evm.send(STAKERS[0], w.pool.claim([node]))


# --- cover ----------------------------------------------------------------------------------------


def covers(world: World) -> list[int]:
    return [e.penalty for e in world.evm.events if isinstance(e, Covered)]


def test_cover_is_what_one_percent_has_left(staked: World) -> None:
    node = staked.nodes[NODE]
    got = []
    for _ in range(4):
        staked.request(node, ME)
        got += covers(staked)
    assert got == [PENALTY, PENALTY], "1 % of 10,000 LINK covers two penalties of 50"
    assert staked.evm.ask(Oracle(node).reserves()) == link(100)


def test_a_node_without_stake_covers_nothing(world: World) -> None:
    world.request(world.nodes[NODE], ME)
    assert covers(world) == []


def test_a_base_fee_at_the_ceiling_still_has_cover(staked: World) -> None:
    """This EVM has no base fee; above the ceiling is tested on anvil."""
    staked.evm.send(MANAGER, staked.pool.set_offer(Offer(COVERED, PAYMENT, PENALTY, 0, True)))
    staked.request(staked.nodes[NODE], ME)
    assert covers(staked) == [PENALTY]


def test_yesterdays_penalties_take_no_room_of_today(staked: World) -> None:
    node = staked.nodes[NODE]
    staked.penalize(node)
    staked.evm.now = (staked.evm.now // DAY + 1) * DAY
    staked.penalize(node)
    staked.request(node, ME)
    assert covers(staked) == [link(49)], "1 % of 9,900 LINK less today's 50"


def test_a_penalty_paid_today_takes_room_until_tomorrow(staked: World) -> None:
    node = staked.nodes[NODE]
    staked.penalize(node)
    staked.penalize(node)
    staked.request(node, ME)
    assert covers(staked) == []
    staked.evm.now = (staked.evm.now // DAY + 1) * DAY
    staked.request(node, ME)
    assert covers(staked) == [PENALTY], "1 % of 9,900 LINK"


def test_rejecting_frees_the_reserve_and_answering_too(staked: World) -> None:
    node = staked.nodes[NODE]
    one, two = staked.request(node, ME), staked.request(node, ME)
    staked.evm.send(staked.senders[node], Oracle(node).reject(RequestTerms.of(one), Reason.POISONED))
    assert staked.evm.ask(Oracle(node).reserves()) == PENALTY
    staked.answer(node, two)
    assert staked.evm.ask(Oracle(node).reserves()) == 0


def test_offers_change_for_new_requests_only(staked: World) -> None:
    node = staked.nodes[NODE]
    made = staked.request(node, ME)
    staked.evm.send(MANAGER, staked.pool.set_offer(Offer(COVERED, PAYMENT, 0, 0, False)))
    with pytest.raises(Reverted, match="No open offer for this job"):
        staked.request(node, ME)
    assert staked.evm.ask(Oracle(node).reserves()) == PENALTY
    assert staked.answer(node, made)


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        (Offer(FREE, 2**96, 0, 0, True), "Payment is too large"),
        (Offer(FREE, 0, 10**9 + 1, 0, True), "Penalty must be whole gwei-LINK"),
        (Offer(FREE, 0, 2**64 * 10**9, 0, True), "Penalty is too large"),
        (Offer(FREE, 0, 0, 2**64, True), "Ceiling is too large"),
    ],
)
def test_an_offer_out_of_range_is_refused(world: World, offer: Offer, reason: str) -> None:
    with pytest.raises(Reverted, match=reason):
        world.evm.send(MANAGER, world.pool.set_offer(offer))


def test_an_offer_reads_back_whole(world: World) -> None:
    for offer in (
        Offer(FREE, 2**96 - 1, (2**64 - 1) * 10**9, 2**64 - 1, True),
        Offer(FREE, 1, 10**9, 1, False),
    ):
        world.evm.send(MANAGER, world.pool.set_offer(offer))
        assert world.evm.ask(world.pool.offer(FREE)) == offer
        assert world.evm.ask(world.view.offers(world.pool.address, [FREE])) == (offer,)
    with pytest.raises(Reverted, match="Manager only"):
        world.evm.send(STRANGER, world.pool.set_offer(Offer(FREE, 0, 0, 0, True)))


def test_escrow_has_a_bound_that_reverts(world: World) -> None:
    """309 million LINK of open requests: more than can be, but it must not spill into `earned`."""
    world.fund(ME, 2**90)
    send(world, ask().calldata, 2**88 - 1)
    with pytest.raises(Reverted, match="Escrow is full"):
        send(world, ask(nonce=100).calldata, 1)
    assert world.evm.ask(Oracle(world.nodes[NODE]).earned()) == 0


# --- calldata from an enemy -----------------------------------------------------------------------

WORDS = st.one_of(
    st.sampled_from([0, 1, 31, 32, 192, 224, 256, 288, 4_096, 4_097, 4_800, 2**64, 2**255, 2**256 - 1]),
    st.sampled_from([2**256 - 4, 2**256 - 36, 2**256 - 224, 2**256 - 260]),
    st.integers(0, 400),
    st.binary(min_size=32, max_size=32).map(int.from_bytes),
)


@st.composite
def crooked(draw: st.DrawFn) -> bytes:
    """A call of either request function with words overwritten anywhere, cut or lengthened."""
    call = bytearray(ask(data=draw(st.binary(max_size=100))).calldata)
    if draw(st.booleans()):
        call = bytearray(OPERATOR_REQUEST + call[4:100] + call[132:])
    for _ in range(draw(st.integers(0, 3))):
        at = 4 + 32 * draw(st.integers(0, 9)) + draw(st.sampled_from([0, 0, 0, 1, 31]))
        call[at : at + 32] = draw(WORDS).to_bytes(32)
    return bytes(call[: draw(st.integers(0, len(call)))] if draw(st.booleans()) else call + bytes(40))


def read(call: bytes) -> tuple[bytes, bytes, int, bytes] | None:
    """Job, function id, version and data as the ABI lays them out; None for any other call."""
    first = {ORACLE_REQUEST: 4, OPERATOR_REQUEST: 3}.get(call[:4])
    words = [call[at : at + 32] for at in range(4, len(call) - 31, 32)]
    if first is None or len(words) <= first + 3:
        return None
    function_id, version, offset = words[first], *map(int.from_bytes, words[first + 2 : first + 4])
    start = 4 + offset
    size = int.from_bytes(call[start : start + 32]) if start + 32 <= len(call) else 2**256
    if first == 4 and words[3] != bytes(12) + bytes.fromhex(ME[2:]):
        return None
    if any(function_id[4:]) or version > 2 or size > min(4_096, len(call) - start - 32):
        return None
    if words[2] != FREE:
        return None
    return words[2], function_id[:4], version, call[start + 32 : start + 32 + size]


@settings(max_examples=examples(300), suppress_health_check=list(HealthCheck))
@given(crooked())
def test_any_calldata_is_read_as_the_abi_says_or_refused(call: bytes) -> None:
    world = base_world()
    with world.evm.undone():
        try:
            send(world, call)
        except Reverted:
            assert read(call) is None
            return
        (made,) = [e for e in world.evm.events if isinstance(e, OracleRequest)]
        told = (made.job, made.callback_function_id, made.data_version, made.data)
        assert told == read(call)
        assert (made.requester, made.callback_address, made.payment) == (ME, ME, PAYMENT)
        assert world.evm.ask(Oracle(world.nodes[NODE]).escrow()) == PAYMENT
