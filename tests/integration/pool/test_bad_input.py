"""Wrong jobs, failing sources, garbage on the agent socket: refused or outlived, by real processes."""

import asyncio
import json
import random
from contextlib import suppress
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from linkpool.dev.job import demo_job
from linkpool.dev.tally import Fate
from linkpool.wire.agent import Heartbeat, Hello, State, encode
from tests.support.pool import RealPool
from tests.support.source import Reply
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON_BLOCKS = 20
"""Two or three are due; the rest is room for a busy machine."""
DICE = random.Random(1)  # noqa: S311 - garbage, repeatable
GOOD = Reply({"data": {"price": "15.2301"}})


# --- jobs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ("schemaVersion = 1", "schemaVersion = = 1", "line 2, column 17", "TOML"),
        ('type = "directrequest"', "", "line 1, column 1", "no type"),
        ("observationSource", "observation", "line 1, column 1", "no observationSource"),
        ("[type=multiply", "[type=multiplicate", "line 14, column 24", "unknown task type 'multiplicate'"),
        ("-> submit", "-> submit -> fetch", "line", "circle"),
        ('times="$(decode_cbor.times)"', "", "line 14, column 5", "multiply needs times="),
        ("$(fetch)", "$(fetsh)", "line 13, column 66", "$(fetsh) names neither"),
    ],
    ids=["no-toml", "no-type", "no-graph", "unknown-task", "cycle", "no-parameter", "unknown-name"],
)
async def test_a_wrong_job_is_refused_with_place_and_reason(
    pool: RealPool, old: str, new: str, place: str, reason: str
) -> None:
    good = demo_job(pool.source.url)
    assert old in good
    before = await pool.catalog()
    jobs = [{"text": text} for text in (good, good.replace(old, new))]
    body, url = {"jobs": jobs}, f"{pool.control.url}/api/v1/catalog"
    async with pool.http.post(url, json=body, headers=pool.headers) as reply:
        problem = await reply.json(content_type="application/problem+json")
        assert (reply.status, problem["status"]) == (422, 422)
    assert problem["detail"].startswith(f"jobs.1: {place}")
    assert reason in problem["detail"]
    assert await pool.catalog() == before, "the old catalog stays in use"


async def test_two_jobs_of_one_id_are_refused(pool: RealPool) -> None:
    job = demo_job(pool.source.url)
    status, answer = await pool.put_jobs(job, job)
    assert (status, answer["detail"]) == (409, "jobs.1: has the externalJobID of jobs.0")


async def test_after_refusals_the_old_jobs_are_served(pool: RealPool) -> None:
    await pool.ask(3)
    await pool.settled()
    assert {replica.catalog for replica in await pool.replicas()} == {(await pool.catalog())["revision"]}


# --- sources ---------------------------------------------------------------------------------------

FAILING = {
    "status": Reply({"error": "out of order"}, status=500),
    "hangs": Reply(GOOD.body, seconds=30),
    "page": Reply("<html>not what you asked for</html>"),
    "nothing": Reply(""),
    "shape": Reply({"data": "no price here"}),
}
IDS = {kind: UUID(int=100 + number) for number, kind in enumerate(FAILING)}


def failing_job(pool: RealPool, kind: str) -> str:
    """The demo job on a path of its own."""
    text = demo_job(pool.source.url).replace("0d4f8a1e-5b5c-4c3a-9f2e-6c696e6b0001", str(IDS[kind]))
    return text.replace("/price", f"/{kind}").replace("[type=http", '[type=http timeout="2s"')


async def test_failing_sources_are_retried_and_hold_up_nobody(pool: RealPool) -> None:
    demo = demo_job(pool.source.url)
    await pool.serve(demo, *(failing_job(pool, kind) for kind in FAILING))
    pool.source.replies |= {f"/{kind}": reply for kind, reply in FAILING.items()}
    await asyncio.gather(*(pool.ask(4, IDS[kind].hex.encode()) for kind in FAILING))

    async def retried() -> bool:
        return all(pool.source.asked.count(f"/{kind}") >= 3 * 4 for kind in FAILING)

    for _ in range(4):
        await pool.ask(2)
    await until(retried, f"three attempts for every request: {pool.source.asked}")
    broken, others = await _parted(pool)
    assert not [fate for fate in broken if fate.answered_in]
    assert max(fate.delay or 0 for fate in others) <= SOON_BLOCKS
    pool.source.replies |= {f"/{kind}": GOOD for kind in FAILING}
    await pool.settled()
    await pool.serve(demo)


async def _parted(pool: RealPool) -> tuple[list[Fate], list[Fate]]:
    """The fates of requests to failing sources, and of all others once these are answered."""
    failing = {each.hex.encode() for each in IDS.values()}

    async def now() -> tuple[list[Fate], list[Fate]] | None:
        fates = list((await pool.tally()).fates.values())
        others = [fate for fate in fates if fate.request.event.job not in failing]
        broken = [fate for fate in fates if fate.request.event.job in failing]
        return (broken, others) if all(fate.answered_in for fate in others) else None

    return await until(now, "the requests to the good source are answered")


# --- the agent socket ------------------------------------------------------------------------------

HELLO = Hello(group="n1-blue", task="n1-blue.00000000", token="not the group's token")
BEAT = Heartbeat(state=State.SERVING, ready=True)


@pytest.mark.parametrize(
    "frame",
    [
        DICE.randbytes(64),
        b"",
        "",
        "{",
        "[]",
        "null",
        '{"kind": "unheard of"}',
        '{"kind": "hello"}',
        '{"kind": "hello", "group": 7}',
        "[" * 100_000,
        "x" * 2_000_000,
        encode(BEAT),
        encode(HELLO),
        encode(HELLO.model_copy(update={"group": "no such group"})),
        encode(HELLO.model_copy(update={"protocol": 99})),
        encode(HELLO).replace("n1-blue", "\\u0000\\ud800"),
    ],
    ids=[
        "binary", "empty-binary", "empty", "half", "list", "null", "kind", "no-fields", "wrong-type", "deep",
        "huge", "no-hello", "token", "group", "protocol", "surrogate",
    ],
)  # fmt: skip
async def test_garbage_on_the_agent_socket_is_refused_or_hung_up_on(
    pool: RealPool, frame: str | bytes
) -> None:
    said = await _knock(pool, frame)
    assert {word["kind"] for word in said} <= {"refused"}
    assert all(word["reason"] for word in said)


async def test_a_wrong_token_buys_no_key(pool: RealPool) -> None:
    running = (await pool.replicas())[0]
    thief = HELLO.model_copy(update={"task": running.task, "slot": running.slot})
    (word,) = await _knock(pool, encode(thief))
    assert word["kind"] == "refused"
    assert word["final"]
    assert "wrong token" in word["reason"]


async def test_after_all_that_the_control_plane_serves_and_nobody_left(pool: RealPool) -> None:
    before = await pool.replicas()
    await asyncio.gather(*(_knock(pool, DICE.randbytes(200)) for _ in range(50)))
    await pool.ask(3)
    await pool.settled()
    assert [r.task for r in await pool.replicas()] == [r.task for r in before]
    log = pool.plane.log.read_text()
    assert "Traceback" not in log
    assert '"level": "error"' not in log


async def _knock(pool: RealPool, frame: str | bytes) -> list[dict[str, Any]]:
    """Say one thing; everything that comes back until the line is closed, by them."""
    async with asyncio.timeout(120), pool.http.ws_connect(f"{pool.control.url}/agent/v1") as socket:
        with suppress(ConnectionError):  # they may hang up in the middle of a frame that is too large
            await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        return [json.loads(word.data) async for word in socket if word.type is aiohttp.WSMsgType.TEXT]
