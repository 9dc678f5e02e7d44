"""The relay's law: whatever the chain did, a relay answers as its upstream does, and a replica that follows
the chain through relays alone ends with the chain's logs."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkpool.chain.clock import ChainClock
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.follow import Follower, LogsGone, LogsSeen
from linkpool.chain.rpc import EndpointTrouble, Refusal
from linkpool.chain.types import Log, parse_logs
from tests.support import virtual_time
from tests.support.chain_world import BOARD, DONE, make_chain, mining, until
from tests.support.examples import examples
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults, head_json, logs_json
from tests.support.fake_relay import relaying
from tests.support.relay_ear import Emitter

OTHER = "0x" + "0c" * 20

deeds = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), st.integers(0, 3)),
        st.tuples(st.just("reorg"), st.integers(1, 8)),
        st.tuples(st.just("shrink"), st.integers(2, 8)),
        st.tuples(st.just("outage"), st.integers(0, 1)),
        st.tuples(st.just("wait"), st.integers(1, 8)),
    ),
    max_size=20,
)
places = st.one_of(st.sampled_from(["latest", "earliest", None]), st.integers(0, 60).map(hex))
questions = st.lists(
    st.one_of(
        st.tuples(st.just("range"), places, places, st.sampled_from([BOARD, [BOARD, OTHER], OTHER, None])),
        st.tuples(st.just("number"), places),
        st.tuples(st.just("hash"), st.integers(0, 60)),
        st.tuples(st.just("logs of"), st.integers(0, 60)),
        st.tuples(st.just("dead"), st.integers(0, 5)),
        st.tuples(st.just("state"), st.just("latest")),
    ),
    min_size=1,
    max_size=12,
)
noises = st.builds(
    Faults,
    latency=st.sampled_from([0.005, 0.2]),
    jitter=st.sampled_from([0.0, 0.5, 2.0]),
    drop=st.sampled_from([0.0, 0.3]),
    duplicate=st.sampled_from([0.0, 0.5]),
    fail=st.sampled_from([0.0, 0.1]),
    garbage=st.sampled_from([0.0, 0.1]),
    lag=st.sampled_from([0, 0, 2]),
    mute=st.booleans(),
    max_range=st.sampled_from([None, 3]),
)


async def do(emitter: Emitter, ups: list[FakeEndpoint], deed: str, number: int) -> None:
    chain = emitter.chain
    deepest = len(chain.blocks) - 2
    match deed:
        case "mine":
            emitter.blocks(1, number)
        case "reorg" if deepest > 0:
            chain.reorg(min(number, deepest), keep=lambda tx: tx.nonce % 2 == 0)
        case "shrink" if deepest > 1:
            chain.reorg(min(number, deepest), length=1)
        case "outage":
            ups[number].go_down()
            await asyncio.sleep(1)
            ups[number].come_back()
        case "wait":
            await asyncio.sleep(number)


def call_of(question: tuple[Any, ...], chain: FakeChain, dead: list[str]) -> tuple[str, tuple[Any, ...]]:
    """The JSON-RPC call that a question means on this chain."""
    blocks = chain.blocks
    match question:
        case ("range", low, high, address):
            where = {"fromBlock": low, "toBlock": high, "address": address}
            return "eth_getLogs", ({name: value for name, value in where.items() if value is not None},)
        case ("number", which):
            return "eth_getBlockByNumber", (which or "latest", False)
        case ("hash", number):
            return "eth_getBlockByHash", ("0x" + blocks[number % len(blocks)].hash.hex(), False)
        case ("logs of", number):
            return "eth_getLogs", (
                {"blockHash": "0x" + blocks[number % len(blocks)].hash.hex(), "address": BOARD},
            )
        case ("dead", number) if dead:
            return "eth_getBlockByHash", (dead[number % len(dead)], False)
        case _:
            return "eth_getTransactionCount", ("0x" + "11" * 20, "latest")


def truth(method: str, params: tuple[Any, ...], chain: FakeChain) -> Any:
    """What the chain itself says; an error where a node refuses."""
    blocks, top = chain.blocks, chain.head.number
    if method == "eth_getTransactionCount":
        return "0x0"
    if method == "eth_getBlockByNumber":
        number = top if params[0] == "latest" else 0 if params[0] == "earliest" else int(params[0], 16)
        return head_json(blocks[number]) if number <= top else None
    if method == "eth_getBlockByHash":
        return next((head_json(one) for one in blocks if "0x" + one.hash.hex() == params[0]), None)
    where = params[0]
    if "blockHash" in where:
        found = [one for one in blocks if "0x" + one.hash.hex() == where["blockHash"]]
    else:
        low, high = (
            {"latest": top, "earliest": 0}.get(place) if place in ("latest", "earliest") else int(place, 16)
            for place in (where.get("fromBlock", "latest"), where.get("toBlock", "latest"))
        )
        if low > high or high > top:
            return EndpointTrouble
        found = blocks[low : high + 1]
    address = where.get("address", [])
    asked = {"address": [address] if isinstance(address, str) else address}
    return [log for block in found for log in logs_json(block, asked)]


@settings(max_examples=examples(25))
@given(history=deeds, asked=questions, window=st.sampled_from([32, 320]), pushes=st.booleans())
def test_a_relay_answers_as_the_chain_is(
    history: list[tuple[str, int]], asked: list[tuple[Any, ...]], window: int, *, pushes: bool
) -> None:
    async def main() -> None:
        chain = make_chain()
        emitter = Emitter(chain)
        ups = [FakeEndpoint(chain, f"up{place}", pushes=pushes) for place in (0, 1)]
        emitter.blocks(40)
        async with relaying(*ups, window=window) as relay:
            dead: list[str] = []
            peak = chain.head.number
            for deed, number in history:
                peak = max(peak, chain.head.number)
                before = {"0x" + block.hash.hex() for block in chain.blocks}
                await do(emitter, ups, deed, number)
                dead += sorted(before - {"0x" + block.hash.hex() for block in chain.blocks})
                await _same(relay.face, call_of(asked[0], chain, dead), chain, settled=False)
            async with mining(chain):  # a chain that fell below all that is kept is believed once it grew
                await until(lambda: chain.head.number > peak + 5)
            await until(lambda: relay.core.feed.blocks.tip.head.hash == chain.head.hash, limit=200)
            for question in asked:
                await _same(relay.face, call_of(question, chain, dead), chain, settled=True)

    virtual_time.run(main())


async def _same(face: Any, call: tuple[str, tuple[Any, ...]], chain: FakeChain, *, settled: bool) -> None:
    """The relay's answer is the chain's; before it settled, an answer of any kind will do, but no crash."""
    trouble = ""
    try:
        told = await face.call(call[0], *call[1])
    except (EndpointTrouble, Refusal) as refused:
        told, trouble = EndpointTrouble, str(refused)
    assert "internal error" not in trouble
    if settled:
        assert told == truth(call[0], call[1], chain), call


@settings(max_examples=examples(12))
@given(history=deeds, noise=st.tuples(noises, noises), kinds=st.tuples(st.booleans(), st.booleans()))
def test_who_follows_relays_ends_with_the_chains_logs(
    history: list[tuple[str, int]], noise: tuple[Faults, Faults], kinds: tuple[bool, bool]
) -> None:
    async def main() -> None:
        chain = make_chain()
        emitter = Emitter(chain)
        ups = [FakeEndpoint(chain, f"up{place}", pushes=kinds[place]) for place in (0, 1)]
        async with relaying(*ups, name="one") as one, relaying(*ups[::-1], name="two") as two:
            follower = Follower(
                Endpoints([one.face, two.face], chain_id=31337), ChainClock(), [BOARD], [DONE], start=0
            )
            logs: list[Log] = []
            tasks = [asyncio.create_task(follower.run()), asyncio.create_task(_collect(follower, logs))]
            for up, faults in zip(ups, noise, strict=True):
                up.faults = faults
            for deed, number in history:
                await do(emitter, ups, deed, number)
            for up in ups:
                up.come_back()
                up.faults = Faults()
            async with mining(chain):
                await asyncio.sleep(200)

            def is_right() -> bool:
                told = sorted(logs, key=lambda log: (log.block_number, log.log_index))
                right = [log for block in chain.blocks for log in parse_logs(logs_json(block, {}))]
                return told == right and follower.head is not None and follower.head.hash == chain.head.hash

            await until(is_right, limit=100)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends

    virtual_time.run(main())


async def _collect(follower: Follower, logs: list[Log]) -> None:
    async for event in follower.events():
        match event:
            case LogsSeen(seen):
                assert not [log for log in seen if log in logs], "told twice"
                logs += seen
            case LogsGone(gone):
                for log in gone:
                    logs.remove(log)


def test_the_law_can_fail() -> None:
    chain = make_chain()
    Emitter(chain).blocks(3)
    assert truth("eth_getLogs", ({"fromBlock": "0x1", "toBlock": "0x2", "address": BOARD},), chain)
    with pytest.raises(AssertionError):
        assert truth("eth_getBlockByNumber", ("latest", False), chain) is None
