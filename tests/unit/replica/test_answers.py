"""Answers on their way: together where they fit, alone where they must, given back when they did not land."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from linkpool.chain.intent import Dropped, Why
from linkpool.chain.rpc import GasLimitTooHigh, NoEndpoint, Refusal, Reverted
from linkpool.contracts import oracle
from linkpool.replica.answers import LATE_SECONDS, Answer, Answers, NotSent, Target
from linkpool.replica.duty import STOP_SENDING
from linkpool.replica.requests import Request
from linkpool.replica.worth import Purse
from linkpool.units import Wei
from tests.support.oracle_logs import ORACLE, request
from tests.support.replica_desk import Chain, Desk, mined, on_chain, refused

pytestmark = pytest.mark.unit

MANY = oracle.Oracle(ORACLE).fulfill_many([]).data[:4]
ONE = bytes.fromhex("6ae0bc76")


class Node:
    """What eth_call gives: nothing wrong, or the error for each call that `spoiled` picks."""

    def __init__(self, spoiled: Callable[[bytes], Exception | None]) -> None:
        self._spoiled = spoiled

    async def call(self, method: str, *params: Any) -> str:
        error = self._spoiled(bytes.fromhex(params[0]["data"][2:]))
        if error:
            raise error
        return "0x"


class Scene:
    """Answers over a desk; `current` is how the book sees a request now."""

    def __init__(
        self,
        chain: Chain,
        *outcomes: Any,
        ours: bool = True,
        spoiled: Any = lambda data: None,
        link_price: int | None = None,
    ) -> None:
        self.chain, self.desk = chain, Desk(list(outcomes))
        self.current: dict[bytes, Request] = {}
        self.answers = Answers(
            Node(spoiled),  # type: ignore[arg-type] - only calls are made
            self.desk,  # type: ignore[arg-type] - all of a stream that is used
            "0x" + "0e" * 20,
            Target(ORACLE, ours),
            chain.clock.now,
            lambda: Purse(Wei(10**12), link_price),
            lambda one: self.current.get(one.identity, one),
        )

    async def deliver(self, *answers: Answer) -> list[Any]:
        """None, or the error, of each."""
        running = asyncio.create_task(self.answers.run())
        results = await asyncio.gather(*map(self.answers.deliver, answers), return_exceptions=True)
        running.cancel()
        return results

    @property
    def sent(self) -> list[tuple[bytes, int]]:
        """Selector and gas limit of each transaction."""
        return [(intent.data[:4], intent.gas_limit) for intent in self.desk.intents]


def answer(number: int, words: int = 1, **changed: Any) -> Answer:
    one = request(number, **changed)
    return Answer(one, one.event.request_id + bytes(32 * words), oracle.SINGLE_GAS)


def scene(test: Callable[[Scene], Awaitable[Any]], *outcomes: Any, **options: Any) -> Any:
    return on_chain(lambda chain: test(Scene(chain, *outcomes, **options)))


def test_what_is_ready_together_travels_together_up_to_32_in_one():
    async def test(it: Scene) -> None:
        assert await it.deliver(*map(answer, range(40))) == [None] * 40
        assert it.sent == [(MANY, oracle.batch_gas(32)), (MANY, oracle.batch_gas(8))]

    scene(test)


def test_one_alone_and_one_too_long_for_a_batch_go_by_the_single_call():
    async def test(it: Scene) -> None:
        await it.deliver(answer(1), answer(2), answer(3, words=20))
        assert sorted(it.sent) == sorted([(ONE, oracle.SINGLE_GAS), (MANY, oracle.batch_gas(2))])

    scene(test)


def test_an_operator_gets_single_answers_only():
    async def test(it: Scene) -> None:
        assert await it.deliver(answer(1), answer(2)) == [None, None]
        assert it.sent == [(ONE, oracle.SINGLE_GAS)] * 2
        assert not it.answers.rejectable(request(1, penalty=1))

    scene(test, ours=False)


@pytest.mark.parametrize(
    "outcome",
    [mined(succeeded=False), Dropped(Why.EXPIRED), Dropped(Why.UNWANTED), refused(Refusal("odd words"))],
)
def test_what_did_not_land_is_given_back(outcome):
    async def test(it: Scene) -> None:
        [error] = await it.deliver(answer(1))
        assert isinstance(error, NotSent)

    scene(test, outcome)


def test_what_would_revert_is_not_sent():
    async def test(it: Scene) -> None:
        [error] = await it.deliver(answer(1))
        assert "valid requestId" in str(error)
        assert it.sent == []

    scene(test, spoiled=lambda data: Reverted("Must have a valid requestId"))


def test_without_an_endpoint_it_is_given_back_and_the_next_is_sent():
    errors: list[Any] = [NoEndpoint("all down"), None]

    async def test(it: Scene) -> None:
        assert isinstance((await it.deliver(answer(1)))[0], NotSent)
        assert await it.deliver(answer(1)) == [None]

    scene(test, spoiled=lambda data: errors.pop(0))


def test_one_answer_that_spoils_a_batch_is_found_and_the_others_land():
    bad = answer(5)

    async def test(it: Scene) -> None:
        results = await it.deliver(*map(answer, range(8)))
        assert [number for number, result in enumerate(results) if result] == [5]

    scene(test, spoiled=lambda data: Reverted("no") if bad.request.event.request_id in data else None)


def test_a_batch_above_a_blocks_gas_is_halved_and_the_next_begins_that_small():
    async def test(it: Scene) -> None:
        assert await it.deliver(*map(answer, range(32))) == [None] * 32
        assert [gas for _, gas in it.sent] == [oracle.batch_gas(32), *[oracle.batch_gas(16)] * 2]
        await it.deliver(*map(answer, range(32)))
        assert [gas for _, gas in it.sent[3:]] == [oracle.batch_gas(16)] * 2

    scene(test, refused(GasLimitTooHigh("exceeds block gas limit")))


def test_a_fault_of_ours_in_one_batch_ends_no_other():
    async def test(it: Scene) -> None:
        broken = Answer(request(1), request(1).event.request_id, None)  # type: ignore[arg-type] - a bug is what this is about
        [error] = await it.deliver(broken)
        assert isinstance(error, NotSent)

    scene(test)


def test_who_no_longer_waits_is_not_sent():
    async def test(it: Scene) -> None:
        running = asyncio.create_task(it.answers.run())
        waiting = asyncio.create_task(it.answers.deliver(answer(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        await it.answers.deliver(answer(2))
        running.cancel()
        assert [request(2).event.request_id in intent.data for intent in it.desk.intents] == [True]

    scene(test)


def test_sending_stops_before_expiry_for_a_covered_request_and_an_hour_after_it_for_another():
    async def test(it: Scene) -> None:
        covered, bare = answer(1, penalty=5), answer(2)
        expiration = bare.request.event.expiration
        await it.deliver(bare)
        await it.deliver(covered)
        assert [intent.deadline for intent in it.desk.intents] == [
            expiration + LATE_SECONDS,
            expiration - STOP_SENDING,
        ]
        it.current[covered.request.identity] = request(1)  # rejected meanwhile
        await asyncio.sleep(299)
        assert it.answers.sendable(covered.request)
        it.current.clear()
        assert not it.answers.sendable(covered.request)

    scene(test)


def test_a_rejection_is_wanted_while_there_is_a_cover_and_only_in_the_first_half():
    async def test(it: Scene) -> None:
        one = request(1, penalty=5)
        await it.answers.reject(one, oracle.Reason.SOURCE_FAILED)
        [intent] = it.desk.intents
        assert intent.deadline == one.event.expiration - oracle.REJECT_SECONDS
        assert intent.wanted()
        assert it.answers.rejectable(one)
        it.current[one.identity] = request(1)
        assert not intent.wanted()
        assert not it.answers.rejectable(one)
        it.current.clear()
        await asyncio.sleep(150)
        assert not it.answers.rejectable(one)

    scene(test)


@pytest.mark.parametrize("outcome", [mined(succeeded=False), Dropped(Why.EXPIRED)])
def test_a_rejection_that_did_not_land_says_so(outcome):
    async def test(it: Scene) -> None:
        with pytest.raises(NotSent):
            await it.answers.reject(request(1, penalty=5), oracle.Reason.SOURCE_FAILED)

    scene(test, outcome)


def test_a_cover_that_was_told_after_the_request_counts_in_what_may_be_paid():
    async def test(it: Scene) -> None:
        told_first, covered = answer(1), request(1, penalty=5 * 10**17)
        it.current[covered.identity] = covered
        delivery = asyncio.ensure_future(it.deliver(told_first))
        while not it.desk.intents:
            await asyncio.sleep(0.01)
        purse, now = Purse(Wei(10**12), 5 * 10**15), it.chain.clock.now()
        assert it.desk.intents[0].max_fee(now) == purse.limit([covered], now)
        assert it.desk.intents[0].worth() == purse.worth([covered])
        await delivery
        await it.answers.reject(told_first.request, oracle.Reason.SOURCE_FAILED)
        of_rejection = it.desk.intents[1].max_fee(it.chain.clock.now())
        assert of_rejection == purse.reject_worth(covered) > 0

    scene(test, link_price=5 * 10**15)
