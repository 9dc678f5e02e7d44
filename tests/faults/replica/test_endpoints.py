"""Whatever a way to the chain does, requests are answered: by the same replica, or by its sibling in turn."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from tests.support.pair import Figures, Pair, Replica, Seen
from tests.support.rpc_proxy import RpcProxy

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 3
"""Blocks: one is due, the rest is room for a busy machine."""

SOON = 6
"""Blocks, when an endpoint first has to show for 3 s that it is silent."""

IN_TURN = 9
"""Blocks until the sibling answered: it waits for 3 s, and a busy machine takes its time."""

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


def slowest(seen: list[Seen], first: str | None = None) -> int:
    """Blocks that the slowest answer took, of those whose duty was `first`'s."""
    return max(one.delay for one in seen if first in (None, one.first))


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
        assert await replica.ready() == "ready"
        now = await replica.counts("endpoint_drops", why)
        assert drops(replica, now) == {"first": [why], "second": []}
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
    assert slowest(seen, "right") <= AT_ONCE
    assert slowest(seen, "left") <= IN_TURN
    await pair.left.says("no new block for")
    assert await pair.right.ready() == "ready"
    assert list(drops(pair.left, await pair.left.figures()).values()) == told
    assert (await pair.right.figures())["roster_members",] == 2, "as far as the roster knows, both live"


async def test_a_replica_comes_back_by_itself(pair: Pair) -> None:
    await afresh(pair)
    await asyncio.gather(pair.left.first.cut(), pair.left.second.cut())
    await pair.left.says("no new block for")
    await pair.answered(await pair.ask_both())
    pair.left.heal()
    await pair.left.serves()
    seen = await pair.answered(await pair.ask_both())
    assert slowest(seen) <= AT_ONCE
    assert {one.by for one in seen} == {"left", "right"}
    now = await pair.left.figures()
    assert now["requests_seen",] == now["requests_ended", "answered"] == len(seen), (
        "others were never open to it"
    )


async def test_subscriptions_silent_everywhere(pair: Pair) -> None:
    await afresh(pair)
    for way in (pair.left.first, pair.left.second, pair.right.first):
        way.faults.silent = True
    seen = await pair.answered(await pair.ask_both())
    assert slowest(seen) <= IN_TURN
    assert (await pair.left.counts("feed_silences"))["requests_missed",] == 0


async def test_a_subscription_that_tells_heads_and_no_logs_is_found_out(pair: Pair) -> None:
    await afresh(pair)
    pair.left.first.faults.silent_logs = True
    for _ in range(2):
        seen = await pair.answered(await pair.ask_both())
        assert slowest(seen, "left") <= IN_TURN
    now = await pair.left.counts("endpoint_drops", "Silent")
    assert drops(pair.left, now) == {"first": ["Silent"], "second": []}
    assert now["logs_missed",] > 0
    again = await pair.answered(await pair.ask_both())
    assert slowest(again) <= AT_ONCE
    assert {one.by for one in again} == {"left", "right"}


async def test_ranges_refused_by_every_endpoint(pair: Pair) -> None:
    for replica in pair.replicas.values():
        replica.heal()
        replica.first.faults.max_range = replica.second.faults.max_range = 13
    ids = await pair.ask_both()
    await asyncio.gather(*(replica.afresh() for replica in pair.replicas.values()))
    seen = await pair.answered([*ids, *await pair.ask_both()])
    assert slowest(seen[len(ids) :]) <= AT_ONCE
    assert not any(drops(pair.left, await pair.left.figures()).values())


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
    assert drops(pair.left, await pair.left.figures()) == {"first": ["Unreachable"], "second": []}
    assert drops(pair.right, await pair.right.figures()) == {"first": ["WrongChain"], "second": []}
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
