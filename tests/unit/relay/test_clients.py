"""Those who listen: acknowledged before told, limited, and cut off when they do not read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from linkpool.relay.clients import MAX_LINE_BYTES, Client
from linkpool.relay.filters import Filter
from tests.support import virtual_time
from tests.support.chain_world import BOARD, make_chain, until
from tests.support.fake_endpoint import FakeEndpoint
from tests.support.fake_relay import FakeRelay, relaying
from tests.support.relay_ear import Emitter, listening


class Reader:
    """A client that reads when it is let."""

    def __init__(self, relay: FakeRelay) -> None:
        self.relay = relay
        self.read: list[Any] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.is_cut = False
        self.client = Client(self._take, self._cut)

    async def _take(self, text: str) -> None:
        await self.reads.wait()
        self.read.append(orjson.loads(text))

    def _cut(self) -> None:
        self.is_cut = True

    async def say(self, *calls: tuple[str, list[Any]]) -> None:
        asked = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)]
        await self.relay.core.hear(self.client, orjson.dumps(asked if len(asked) > 1 else asked[0]))


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Emitter, FakeRelay, Reader]]:
    chain = make_chain()
    async with relaying(FakeEndpoint(chain, "up")) as relay:
        reader = Reader(relay)
        relay.core.clients.all.add(reader.client)
        sending = asyncio.create_task(reader.client.run())
        try:
            yield Emitter(chain), relay, reader
        finally:
            sending.cancel()


def test_an_acknowledgement_comes_before_its_notices() -> None:
    async def main() -> None:
        async with world() as (emitter, _, reader):
            saying = asyncio.create_task(
                reader.say(("eth_getBalance", [BOARD, "latest"]), ("eth_subscribe", ["newHeads"]))
            )
            await asyncio.sleep(0)
            emitter.blocks(1)
            await saying
            emitter.blocks(1)
            await until(lambda: len(reader.read) > 1)
            [_, acknowledged] = reader.read[0]
            assert {one["params"]["subscription"] for one in reader.read[1:]} == {acknowledged["result"]}

    virtual_time.run(main())


def test_unsubscribing_ends_the_notices() -> None:
    async def main() -> None:
        async with world() as (emitter, relay, reader):
            await reader.say(("eth_subscribe", ["newHeads"]), ("eth_subscribe", ["logs", {"address": BOARD}]))
            await until(lambda: reader.read)
            for ident in [one["result"] for one in reader.read[0]]:
                await reader.say(("eth_unsubscribe", [ident]))
                await reader.say(("eth_unsubscribe", [ident]))
            await until(lambda: len(reader.read) == 5)
            assert [one["result"] for one in reader.read[1:]] == [True, False, True, False]
            emitter.blocks(3)
            await until(lambda: relay.tip == emitter.chain.head.number)
            assert len(reader.read) == 5
            assert relay.core.clients.subscriptions == 0

    virtual_time.run(main())


def test_a_log_is_compared_with_those_who_asked_for_its_contract_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[Filter] = []
    takes = Filter.takes

    def counted(wanted: Filter, log: dict[str, Any]) -> bool:
        compared.append(wanted)
        return takes(wanted, log)

    async def main() -> None:
        async with world() as (emitter, relay, reader):
            others = [f"0x{number:040x}" for number in range(1, 9)]
            for address in (*others, [*others, BOARD], BOARD):
                await reader.say(("eth_subscribe", ["logs", {"address": address}]))
            await until(lambda: len(reader.read) == 10)
            monkeypatch.setattr(Filter, "takes", counted)
            emitter.blocks(1)
            await until(lambda: len(reader.read) == 12)
            assert {BOARD.lower() in wanted.addresses for wanted in compared} == {True}
            for acknowledged in reader.read[:10]:
                await reader.say(("eth_unsubscribe", [acknowledged["result"]]))
            assert not relay.core.clients._by_contract, "nothing is kept of who is gone"

    virtual_time.run(main())


def test_one_that_does_not_read_is_cut_off_and_the_others_hear_everything() -> None:
    async def main() -> None:
        async with world() as (emitter, relay, reader), listening(relay.face) as ear:
            await reader.say(("eth_subscribe", ["newHeads"]))
            reader.reads.clear()
            emitter.blocks(1)
            await until(lambda: ear.heads)
            reader.client.put("x" * MAX_LINE_BYTES)
            emitter.blocks(3)
            await until(lambda: len(ear.heads) == 4)
            assert reader.is_cut
            relay.core.clients.left(reader.client)
            assert relay.core.clients.dropped == 1

    virtual_time.run(main())


def test_subscriptions_of_one_client_are_limited() -> None:
    async def main() -> None:
        async with world() as (_, relay, reader):
            for _ in range(20):
                await reader.say(("eth_subscribe", ["newHeads"]), ("eth_subscribe", ["newHeads"]))
            await until(lambda: len(reader.read) == 20)
            assert relay.core.clients.subscriptions == 32
            assert reader.read[-1][0]["error"]["code"] == -32005

    virtual_time.run(main())


@pytest.mark.parametrize(
    "params",
    [
        [],
        ["newPendingTransactions"],
        ["logs"],
        ["logs", {}],
        ["logs", {"address": "0x1"}],
        [["newHeads"]],
        [7],
    ],
)
def test_other_subscriptions_are_refused(params: list[Any]) -> None:
    async def main() -> None:
        async with world() as (_, relay, reader):
            await reader.say(("eth_subscribe", params))
            await until(lambda: reader.read)
            assert reader.read[0]["error"]["code"] == -32602
            assert relay.core.clients.subscriptions == 0

    virtual_time.run(main())


def test_who_subscribes_while_a_block_is_read_hears_its_logs() -> None:
    async def main() -> None:
        async with world() as (emitter, relay, reader), listening(relay.face, "0x" + "0c" * 20):
            relay.ups[0].faults.latency = 1.0
            emitter.blocks(1)
            await until(lambda: relay.ups[0].calls["eth_getLogs"] == 1)
            await reader.say(("eth_subscribe", ["logs", {"address": BOARD}]))
            await until(lambda: len(reader.read) == 2, limit=5)
            assert reader.read[1]["params"]["result"]["blockNumber"] == hex(emitter.chain.head.number)

    virtual_time.run(main())


def test_contracts_stay_followed_as_long_as_somebody_listens() -> None:
    async def main() -> None:
        async with world() as (_, relay, reader):
            for _ in range(2):
                await reader.say(("eth_subscribe", ["logs", {"address": BOARD}]))
            await until(lambda: len(reader.read) == 2)
            interest = relay.core.feed.interest
            await asyncio.sleep(4000)
            interest.forget()
            assert interest.now == {BOARD.lower()}
            relay.core.clients.left(reader.client)
            interest.forget()
            assert not interest.now

    virtual_time.run(main())
