"""A probe on a real chain: real answers recomputed, simulated on the state before them, and nothing sent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.keys import Key
from linkpool.chain.rpc import Behind, Call
from linkpool.chain.types import quantity
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.callbacks import Inbox
from linkpool.jobs.net import open_http
from linkpool.replica.alone import read_jobs
from linkpool.replica.answers import Target
from linkpool.replica.core import Core, Identity, look_back
from linkpool.replica.metrics import Metrics
from linkpool.replica.runner import Outside
from linkpool.units import Wei
from linkpool.wire.agent import Probed
from tests.support.anvil import KEYS
from tests.support.pair import CHAIN_ID, SENDERS, Pair, standing
from tests.support.source import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRANGER = KEYS[5]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    """One replica serves, and has answered four requests."""
    async with standing(tmp_path_factory.mktemp("probe"), names=("left",)) as made:
        await made.answered(await made.ask(4))
        yield made


class Pruned:
    """An endpoint that has no state but the newest."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """As an endpoint."""
        if any(method == "eth_call" and params[1] != "latest" for method, params in calls):
            raise Behind("missing trie node")
        return list(await self._inner.batch(calls))


@asynccontextmanager
async def syncing(pair: Pair, secret: str, *, pruned: bool = False) -> AsyncIterator[Core]:
    """Another replica of the node, which reads the chain and does not serve."""
    async with aiohttp.ClientSession() as session, open_http() as http:
        link = connect(pair.chain.ws, session)
        endpoints = Endpoints([Pruned(link) if pruned else link], chain_id=CHAIN_ID)  # type: ignore[list-item]  # as an Endpoint
        who = Identity("new", Key(secret), CHAIN_ID, Target(pair.oracle, ours=True), order=1)
        outside = Outside(http, Bridges(http), Inbox("http://127.0.0.1/callbacks"))
        start = await look_back(endpoints)
        core = Core(who, endpoints, outside, Metrics(), max_fee=Wei(10**12), start=start)
        running = asyncio.create_task(core.run())
        core.catalog.put(read_jobs(pair.jobs), [], 1)
        try:
            yield core
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await link.close()


async def probed(core: Core) -> Probed:
    """What a probe of it finds."""
    told: asyncio.Future[Probed] = asyncio.get_running_loop().create_future()

    async def tell(found: Probed) -> None:
        told.set_result(found)

    core.prober.ask("p", tell)
    return await asyncio.wait_for(told, 60)


async def sent(pair: Pair, secret: str) -> int:
    """Transactions of that sender, pending ones included."""
    return quantity(await pair.rpc.call("eth_getTransactionCount", Key(secret).address, "pending"))


async def test_three_answers_are_recomputed_and_simulated_and_nothing_is_sent(pair: Pair) -> None:
    asked = len(pair.source.asked)
    async with syncing(pair, SENDERS["right"]) as core:
        found = await probed(core)
    assert (found.ok, found.checked) == (True, 3), found.detail
    assert "3 simulated" in found.detail
    assert len(pair.source.asked) == asked + 3
    assert await sent(pair, SENDERS["right"]) == 0


async def test_a_pruned_node_is_no_reason_to_fail_and_is_told(pair: Pair) -> None:
    async with syncing(pair, SENDERS["right"], pruned=True) as core:
        found = await probed(core)
    assert (found.ok, found.checked) == (True, 3), found.detail
    assert "0 simulated" in found.detail
    assert "missing trie node" in found.detail


async def test_a_sender_that_may_not_answer_fails_it(pair: Pair) -> None:
    async with syncing(pair, STRANGER) as core:
        found = await probed(core)
    assert not found.ok
    assert "would revert" in found.detail


async def test_a_source_that_is_gone_fails_it(pair: Pair) -> None:
    usual = pair.source.replies["/price"]
    pair.source.replies["/price"] = Reply("gone", 404)
    try:
        async with syncing(pair, SENDERS["right"]) as core:
            found = await probed(core)
    finally:
        pair.source.replies["/price"] = usual
    assert (found.ok, found.checked) == (False, 0)
    assert "404" in found.detail


async def test_a_node_without_answers_runs_its_jobs_own_probes(pair: Pair) -> None:
    async with syncing(pair, SENDERS["right"]) as core:
        await core.serving.synced.wait()
        for answered in core.serving.answers.newest_first:
            core.serving.answers.opened(answered.request)
        found = await probed(core)
    assert (found.ok, found.checked) == (True, 1), found.detail
    assert "demo price" in found.detail
