"""Bridges: URLs by health, circuit breakers, places shared fairly, settings replaced while in use."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from linkpool.jobs.bridges import Bridge, Bridges
from linkpool.jobs.gate import Gate
from linkpool.jobs.services import BridgeCall, HttpReply, Oversized, UnknownBridge, Unreachable
from tests.support import virtual_time
from tests.support.jobs import Answer, Sources, after

A, B, C = "http://a.internal", "http://b.internal", "http://c.internal"
DOWN = Unreachable("connection refused")
GOOD = HttpReply(200, b'{"result": 1}')


def call(caller: str = "job", name: str = "x") -> BridgeCall:
    return BridgeCall(name, b"{}", caller)


class Asking:
    """A bridge over fake sources; `ask` gives the reply's body or the error."""

    def __init__(self, answers: dict[str, Answer], **settings: Any) -> None:
        self.sources = Sources(answers)
        self.bridges = Bridges(self.sources, [Bridge("x", tuple(answers), **settings)])

    async def ask(self) -> str | Exception:
        try:
            return (await self.bridges.ask(call())).body.decode()
        except (Unreachable, Oversized) as error:
            return error

    def asked(self) -> list[str]:
        urls = [request.url for request in self.sources.asked]
        self.sources.asked.clear()
        return urls


def virtually(main: Coroutine[Any, Any, None]) -> None:
    virtual_time.run(main)


def test_the_next_url_steps_in_and_the_healthy_one_goes_first_afterwards() -> None:
    async def main() -> None:
        bridge = Asking({A: DOWN, B: GOOD, C: GOOD})
        assert await bridge.ask() == '{"result": 1}'
        assert bridge.asked() == [A, B]
        assert await bridge.ask() == '{"result": 1}'
        assert bridge.asked() == [B]

    virtually(main())


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_sends_the_question_on(status: int) -> None:
    async def main() -> None:
        bridge = Asking({A: HttpReply(status, b"oops"), B: GOOD})
        assert await bridge.ask() == '{"result": 1}'
        alone = Asking({A: HttpReply(status, b"oops")})
        assert await alone.ask() == "oops"  # the task says what that means

    virtually(main())


def test_a_no_is_an_answer() -> None:
    async def main() -> None:
        bridge = Asking({A: HttpReply(404, b"no"), B: GOOD})
        assert await bridge.ask() == "no"
        assert bridge.asked() == [A]

    virtually(main())


def test_a_circuit_opens_rests_longer_each_time_and_closes() -> None:
    async def main() -> None:
        bridge = Asking({A: DOWN})
        for _ in range(3):
            assert "connection refused" in str(await bridge.ask())
        assert bridge.asked() == [A, A, A]
        assert "rests after 3 failures" in str(await bridge.ask())
        assert bridge.asked() == []  # at once, without asking
        await asyncio.sleep(2.1)
        await bridge.ask()
        assert bridge.asked() == [A]
        await asyncio.sleep(2.1)
        await bridge.ask()
        assert bridge.asked() == []  # the second rest is longer
        await asyncio.sleep(2.1)
        bridge.sources.answers = {A: GOOD}
        assert await bridge.ask() == '{"result": 1}'
        bridge.sources.answers = {A: DOWN}
        await bridge.ask()
        bridge.asked()
        await bridge.ask()
        assert bridge.asked() == [A]  # one success, and the count begins anew

    virtually(main())


def test_an_adapter_that_reports_its_providers_failure_is_well() -> None:
    async def main() -> None:
        bridge = Asking({A: HttpReply(502, b'{"error": "no such coin"}')})
        for _ in range(5):
            assert "no such coin" in str(await bridge.ask())
        assert bridge.asked() == [A] * 5

    virtually(main())


def test_only_one_question_tries_a_resting_url() -> None:
    async def main() -> None:
        bridge = Asking({A: DOWN})
        for _ in range(3):
            await bridge.ask()
        bridge.sources.answers = {A: after(1, "{}")}
        bridge.asked()
        await asyncio.sleep(3)
        replies = await asyncio.gather(*(bridge.ask() for _ in range(4)))
        assert bridge.asked() == [A]
        assert [isinstance(reply, Unreachable) for reply in replies] == [False, True, True, True]

    virtually(main())


def test_a_url_that_hangs_costs_its_timeout_three_times_and_no_more() -> None:
    async def main() -> None:
        bridge = Asking({A: after(100, ""), B: after(1, "{}")}, timeout=2.0)
        loop = asyncio.get_running_loop()
        times = []
        for _ in range(4):
            start = loop.time()
            assert await bridge.ask() == "{}"
            times.append(round(loop.time() - start))
        assert times == [3, 1, 1, 1]

    virtually(main())


def test_at_most_so_many_at_once() -> None:
    async def main() -> None:
        inside = [0, 0]

        async def busy(_: Any) -> HttpReply:
            inside[0] += 1
            inside[1] = max(inside)
            await asyncio.sleep(1)
            inside[0] -= 1
            return GOOD

        bridge = Asking({A: busy}, concurrency=3)
        start = asyncio.get_running_loop().time()
        await asyncio.gather(*(bridge.ask() for _ in range(9)))
        assert inside[1] == 3
        assert asyncio.get_running_loop().time() - start == pytest.approx(3)

    virtually(main())


def test_a_flood_from_one_job_delays_another_by_one_turn() -> None:
    async def main() -> None:
        sources = Sources({A: after(1, "{}")})
        bridges = Bridges(sources, [Bridge("x", (A,), concurrency=1)])
        flood = [asyncio.create_task(bridges.ask(call("greedy"))) for _ in range(50)]
        await asyncio.sleep(0.5)
        start = asyncio.get_running_loop().time()
        await bridges.ask(call("modest"))
        assert asyncio.get_running_loop().time() - start <= 3
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        await bridges.ask(call("modest"))  # every place was given back

    virtually(main())


def test_a_gate_survives_any_order_of_cancelling() -> None:
    async def main() -> None:
        gate = Gate(2)
        count = [0]

        async def visit(caller: str) -> None:
            async with gate.place(caller):
                count[0] += 1
                assert count[0] <= 2
                try:
                    await asyncio.sleep(1)
                finally:
                    count[0] -= 1

        visits = [asyncio.create_task(visit(f"caller {number % 3}")) for number in range(12)]
        await asyncio.sleep(0.1)
        for victim in (0, 2, 3, 7, 11):
            visits[victim].cancel()
        await asyncio.sleep(0)
        results = await asyncio.gather(*visits, return_exceptions=True)
        assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 5
        assert count == [0]
        async with asyncio.timeout(1.5):
            await asyncio.gather(visit("a"), visit("b"))

    virtually(main())


def test_new_settings_are_used_at_once_and_unchanged_ones_keep_their_health() -> None:
    async def main() -> None:
        bridge = Asking({A: DOWN})
        for _ in range(3):
            await bridge.ask()
        bridge.bridges.replace([Bridge("x", (A,)), Bridge("y", (B,))])
        assert "rests" in str(await bridge.ask())
        assert bridge.bridges.names() == ("x", "y")
        bridge.sources.answers = {B: GOOD}
        bridge.bridges.replace([Bridge("x", (B,))])
        assert await bridge.ask() == '{"result": 1}'
        with pytest.raises(UnknownBridge, match="known: x"):
            await bridge.bridges.ask(call(name="y"))

    virtually(main())


def test_a_url_that_stays_keeps_its_health_when_others_come_and_go() -> None:
    async def main() -> None:
        bridge = Asking({A: DOWN, B: GOOD})
        for _ in range(4):
            assert await bridge.ask() == '{"result": 1}'
        bridge.sources.asked.clear()
        bridge.bridges.replace([Bridge("x", (A, B, C))])
        assert await bridge.ask() == '{"result": 1}'
        assert A not in {request.url for request in bridge.sources.asked}, "it rests"

    virtually(main())


def test_secrets_are_not_shown() -> None:
    async def main() -> None:
        url = "http://user:s3cret@a.internal/?key=s3cret"
        bridge = Asking({url: DOWN}, token="s3cret")
        for _ in range(4):
            reply = await bridge.ask()
        assert str(reply) == "bridge x: a.internal rests after 3 failures"

    virtually(main())
    assert "s3cret" not in repr(Bridge("x", (A,), token="s3cret"))
