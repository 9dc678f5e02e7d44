"""Cron ticks and webhooks: the first in line runs each once, and the next does when it is gone."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from linkpool.chain.clock import ChainClock
from linkpool.chain.types import Head
from linkpool.jobs.bridges import Bridges
from linkpool.jobs.errors import Cause, TaskPermanent, TaskTemporary
from linkpool.jobs.services import Http
from linkpool.jobs.spec import parse_job
from linkpool.jobs.variables import webhook_id
from linkpool.replica.answers import Answers
from linkpool.replica.case import Tools
from linkpool.replica.catalog import CatalogBook
from linkpool.replica.duty import order
from linkpool.replica.heads import Heads
from linkpool.replica.metrics import Metrics
from linkpool.replica.roster import RosterBook
from linkpool.replica.runner import Runner as RealRunner
from linkpool.replica.trials import Trials
from linkpool.replica.turn import Turn
from linkpool.replica.unasked import KEEP_SECONDS, Unasked
from linkpool.wire.agent import Member, Roster
from tests.support.virtual_time import run

JOB_ID = "11111111-2222-4333-8444-555555555555"
CRON = f"""
type = "cron"
schemaVersion = 1
name = "every ten seconds"
externalJobID = "{JOB_ID}"
schedule = "@every 10s"
observationSource = 'a [type=memo value="1"]'
"""
WEBHOOK = CRON.replace('"cron"', '"webhook"').replace('schedule = "@every 10s"\n', "")
A, B = (Member(task=task, sender=f"0x{task}", primary=True) for task in "ab")


class Runner:
    """Notes what it is asked to perform; fails as told, in order."""

    def __init__(self, *failures: TaskTemporary | TaskPermanent) -> None:
        self.done: list[str] = []
        self._failures = list(failures)

    async def perform(self, _job: Any, _variables: Any, run_id: str, _seconds: float) -> Any:
        if self._failures:
            return self._failures.pop(0)
        self.done.append(run_id)
        return None


class House:
    """One replica's unasked runs, by hand."""

    def __init__(self, job: str, me: Member, *failures: TaskTemporary | TaskPermanent) -> None:
        self.clock = ChainClock()
        self.roster = RosterBook(me)
        self.runner = Runner(*failures)
        self.metrics = Metrics()
        catalog = CatalogBook(Bridges(cast(Http, None)))
        catalog.put([parse_job(job)], [], 1)
        self.turn = SimpleNamespace(draining=False)
        self.tools = Tools(
            clock=self.clock,
            heads=Heads(),
            roster=self.roster,
            turn=cast(Turn, self.turn),
            trials=Trials(self.roster),
            runner=cast(RealRunner, self.runner),
            answers=cast(Answers, None),
            metrics=self.metrics,
            purse=cast(Any, None),
            current=cast(Any, None),
        )
        self.unasked = Unasked(catalog, self.tools, 1)
        self._version = 0

    def tell(self, *members: Member) -> None:
        self._version += 1
        self.roster.take(Roster(epoch=1, version=self._version, members=members))

    def play(self, story: Callable[["House"], Awaitable[None]]) -> None:
        async def main() -> None:
            self.clock.saw(Head(1, b"\1" * 32, b"\0" * 32, 1_000_005))
            task = asyncio.create_task(self.unasked.run())
            await asyncio.sleep(0)
            await story(self)
            task.cancel()

        run(main())


async def half_a_minute(house: House) -> None:
    await asyncio.sleep(31)


def test_a_lone_replica_runs_every_tick_once() -> None:
    house = House(CRON, A)
    house.play(half_a_minute)
    assert len(house.runner.done) == len(set(house.runner.done)) == 3


def test_of_two_replicas_exactly_one_runs_each_tick() -> None:
    houses = [House(CRON, me) for me in (A, B)]
    for house in houses:
        house.tell(A, B)
        house.play(half_a_minute)
    done = [house.runner.done for house in houses]
    assert len(set(done[0]) | set(done[1])) == 3
    assert not set(done[0]) & set(done[1])


def first_and_second(run_id: str) -> tuple[Member, Member]:
    first, second = order(run_id.encode(), [A, B])
    return first, second


RUN = webhook_id(parse_job(WEBHOOK), b"{}")


def test_the_second_in_line_takes_over_when_the_first_leaves() -> None:
    first, second = first_and_second(RUN)
    house = House(WEBHOOK, second)
    house.tell(first, second)

    async def story(house: House) -> None:
        assert house.unasked.webhook(JOB_ID, RUN, "{}")
        await asyncio.sleep(5)
        assert house.runner.done == []
        house.tell(second)
        await asyncio.sleep(0.1)

    house.play(story)
    assert house.runner.done == [RUN]


def test_a_run_is_not_taken_over_after_its_time() -> None:
    first, second = first_and_second(RUN)
    house = House(WEBHOOK, second)
    house.tell(first, second)

    async def story(house: House) -> None:
        house.unasked.webhook(JOB_ID, RUN, "{}")
        await asyncio.sleep(KEEP_SECONDS + 1)
        house.tell(second)
        await asyncio.sleep(1)

    house.play(story)
    assert house.runner.done == []


def test_the_same_webhook_twice_is_one_run_and_a_foreign_job_none() -> None:
    house = House(WEBHOOK, A)

    async def story(house: House) -> None:
        assert house.unasked.webhook(JOB_ID, RUN, "{}")
        assert not house.unasked.webhook(JOB_ID, RUN, "{}")
        assert not house.unasked.webhook("99999999-2222-4333-8444-555555555555", "other", "{}")
        await asyncio.sleep(1)

    house.play(story)
    assert house.runner.done == [RUN]


@pytest.mark.parametrize(
    ("failure", "runs"),
    [
        (TaskTemporary("later", Cause.SOURCE_FAILED), [RUN]),
        (TaskPermanent("never", Cause.SOURCE_REFUSED), []),
    ],
)
def test_a_temporary_failure_is_tried_again_and_a_permanent_one_is_not(failure: Any, runs: list[str]) -> None:
    house = House(WEBHOOK, A, failure)

    async def story(house: House) -> None:
        house.unasked.webhook(JOB_ID, RUN, "{}")
        await asyncio.sleep(10)

    house.play(story)
    assert house.runner.done == runs


def test_a_draining_replica_leaves_new_runs_to_its_siblings() -> None:
    house = House(WEBHOOK, A)
    house.turn.draining = True

    async def story(house: House) -> None:
        house.unasked.webhook(JOB_ID, RUN, "{}")
        await asyncio.sleep(KEEP_SECONDS + 1)

    house.play(story)
    assert house.runner.done == []
