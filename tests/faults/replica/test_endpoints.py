"""Whatever a way to the chain does, requests are answered: by the same replica, or by its sibling in turn."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from tests.support.pair import Figures, Pair, Replica, Seen
from tests.support.rpc_proxy import RpcProxy
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON = 40
"""Blocks. Few are due where an endpoint first has to show that it is silent, or a sibling waits for its turn;
the rest is room for a machine that stands still. Just when who answers is for the simulator to prove."""

Fault = Callable[[RpcProxy], Awaitable[None]]


async def down(way: RpcProxy) -> None:
    await way.cut()


async def wrong_chain(way: RpcProxy) -> None:
    """It comes back, and is another."""
    await way.cut()
    way.faults.chain_id, way.faults.down = 5, False


def having(**faults: object) -> Fault:
    async def spoil(way: RpcProxy) -> None:
        for name, value in faults.items():
            setattr(way.faults, name, value)

    spoil.__name__ = "-".join(faults)
    return spoil


slow, lagging = having(slow=5.0), having(lag=50)
silent, garbage = having(silent=True), having(garbage=True)


async def afresh(pair: Pair) -> None:
    """Both replicas start on sound endpoints, and there are more blocks than a lagging endpoint lags."""
    if (height := await pair.height()) < 60:
        pair.chain.mine(60 - height)
    for replica in pair.replicas.values():
        replica.heal()
    await asyncio.gather(*(replica.afresh() for replica in pair.replicas.values()))


def drops(replica: Replica, figures: Figures) -> dict[str, list[str]]:
    """Why each of its endpoints was set aside."""
    told = {"first": replica.first.port, "second": replica.second.port}
    return {
        place: [key[2] for key in figures if key[0] == "endpoint_drops" and key[1].endswith(f":{port}")]
        for place, port in told.items()
    }


def slowest(seen: list[Seen]) -> int:
    """Blocks that the slowest answer took."""
    return max(one.delay for one in seen)


@pytest.mark.parametrize(
    ("of_left", "left_says", "of_right", "right_says"),
    [
        (down, "Unreachable", slow, "Silent"),
        (lagging, "Silent", silent, "Silent"),
        (garbage, "Garbage", wrong_chain, "Unreachable"),
    ],
)
async def test_each_replica_has_one_bad_endpoint_and_one_good_one(
    pair: Pair, of_left: Fault, left_says: str, of_right: Fault, right_says: str
) -> None:
    await afresh(pair)
    await asyncio.gather(of_left(pair.left.first), of_right(pair.right.first))
    seen = await pair.answered(await pair.ask_both())
    assert slowest(seen) <= SOON
    for replica, why in ((pair.left, left_says), (pair.right, right_says)):
        await replica.serves()
        now = await replica.counts("endpoint_drops", why)
        assert why in drops(replica, now)["first"]
        assert now["requests_missed",] == 0


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (down, garbage, [["Unreachable"], ["Garbage"]]),
        (wrong_chain, wrong_chain, [["Unreachable"], ["WrongChain"]]),
        (slow, down, [[], ["Unreachable"]]),
        (lagging, lagging, [[], []]),
    ],
)
async def test_cut_off_from_the_chain_it_says_so_and_its_sibling_answers_in_turn(
    pair: Pair, first: Fault, second: Fault, told: list[list[str]]
) -> None:
    await afresh(pair)
    await asyncio.gather(first(pair.left.first), second(pair.left.second))
    seen = await pair.answered(await pair.ask_both())
    assert {one.by for one in seen} == {"right"}
    assert slowest(seen) <= SOON
    await pair.left.says("no new block for")
    await pair.right.serves()

    async def dropped() -> bool:
        found = drops(pair.left, await pair.left.figures()).values()
        return all(set(why) <= set(all_of_it) for why, all_of_it in zip(told, found, strict=True))

    await until(dropped, f"its endpoints are set aside for {told}")
    assert (await pair.right.figures())["roster_members",] == 2, "as far as the roster knows, both live"


async def test_a_replica_comes_back_by_itself(pair: Pair) -> None:
    await afresh(pair)
    await asyncio.gather(pair.left.first.cut(), pair.left.second.cut())
    await pair.left.says("no new block for")
    await pair.answered(await pair.ask_both())
    pair.left.heal()
    await pair.left.serves()
    seen = await pair.answered_by_their_firsts()
    now = await pair.left.counts("requests_ended", "answered", above=len(seen) - 1)
    assert now["requests_missed",] == 0


async def test_subscriptions_silent_everywhere(pair: Pair) -> None:
    await afresh(pair)
    for way in (pair.left.first, pair.left.second, pair.right.first):
        way.faults.silent = True
    seen = await pair.answered(await pair.ask_both())
    assert slowest(seen) <= SOON
    assert (await pair.left.counts("feed_silences"))["requests_missed",] == 0


async def test_a_subscription_that_tells_heads_and_no_logs_is_found_out(pair: Pair) -> None:
    await afresh(pair)
    pair.left.first.faults.silent_logs = True
    for _ in range(2):
        seen = await pair.answered(await pair.ask_both())
        assert slowest(seen) <= SOON
    now = await pair.left.counts("endpoint_drops", "Silent")
    assert "Silent" in drops(pair.left, now)["first"]
    assert now["logs_missed",] > 0
    await pair.answered_by_their_firsts()


async def test_ranges_refused_by_every_endpoint(pair: Pair) -> None:
    for replica in pair.replicas.values():
        replica.heal()
        replica.first.faults.max_range = replica.second.faults.max_range = 13
    ids = await pair.ask_both()
    await asyncio.gather(*(replica.afresh() for replica in pair.replicas.values()))
    seen = await pair.answered([*ids, *await pair.ask_both()])
    assert slowest(seen[len(ids) :]) <= SOON
    for why in drops(pair.left, await pair.left.figures()).values():
        assert set(why) <= {"Silent"}, "a refused range is no reason, a machine that stood still is"


async def without_chain_id(replica: Replica) -> None:
    """It refuses to start, and says what to do."""
    await replica.end()
    whole = replica.file.read_text()
    replica.file.write_text(re.sub("chain_id = .*\n", "", whole))
    try:
        await replica.start()
        assert replica.process is not None
        assert await asyncio.wait_for(replica.process.wait(), 60) == 1
        assert "say with chain_id which one is meant" in replica.log.read_text()
    finally:
        replica.file.write_text(whole)


async def test_a_start_with_a_first_endpoint_that_is_down_or_of_another_chain(pair: Pair) -> None:
    await afresh(pair)
    await asyncio.gather(pair.left.end(), pair.right.end())
    await pair.left.first.cut()
    pair.right.first.faults.chain_id, asked = 5, pair.right.first.calls.copy()
    ids = await pair.ask_both()
    await asyncio.gather(pair.left.start(), pair.right.start())
    await pair.serving()
    await pair.answered([*ids, *await pair.ask_both()])
    assert "Unreachable" in drops(pair.left, await pair.left.figures())["first"]
    assert "WrongChain" in drops(pair.right, await pair.right.figures())["first"]
    new = pair.right.first.calls - asked
    assert set(new) <= {"eth_chainId", "eth_getBlockByNumber"}, "nothing but who it is was asked of it"
    await without_chain_id(pair.right)


async def test_a_start_with_no_endpoint_at_all_waits_for_one(pair: Pair) -> None:
    await afresh(pair)
    await pair.left.end()
    await asyncio.gather(pair.left.first.cut(), pair.left.second.cut())
    await pair.left.start()
    await pair.left.says("claiming")
    await pair.answered(await pair.ask_both())
    pair.left.heal()
    await pair.left.serves()
