"""One run: side by side where it can, in order where it must, retried, stopped early, and over in time."""

import asyncio
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs.errors import Cause, TaskPermanent, TaskTemporary
from linkpool.jobs.run import RunResult, run
from linkpool.jobs.services import HttpReply, HttpRequest
from tests.support import virtual_time
from tests.support.jobs import Answer, Sources, World, after, failure_of, job_of, run_job, value_of

A, B = "http://a.example", "http://b.example"


def failing(times: int, status: int = 503) -> tuple[Answer, list[float]]:
    """A source that fails that often before it answers; and the times it was asked at."""
    asked: list[float] = []

    async def answer(_: HttpRequest) -> HttpReply:
        asked.append(asyncio.get_running_loop().time())
        return HttpReply(status if len(asked) <= times else 200, b"1")

    return answer, asked


def test_sources_are_asked_side_by_side() -> None:
    world = World(Sources({A: after(5, "1"), B: after(7, "2")}))
    job = job_of(f'a [type=http url="{A}"] b [type=http url="{B}"] s [type=sum] a -> s b -> s')
    result = run_job(job, world)
    assert result.value == 3
    assert result.seconds == pytest.approx(7)
    assert [record.seconds for record in result.records] == [pytest.approx(5), pytest.approx(7), 0]


def test_a_slow_task_does_not_hold_up_another_branch() -> None:
    world = World(Sources({A: after(9, "1"), B: after(1, "2")}))
    graph = f"""
    a [type=http url="{A}"]
    b [type=http url="{B}"] c [type=http url="{B}" requestData=<{{"x": $(b)}}>]
    b -> c
    """
    run_job(job_of(graph), world)
    assert [request.url for request in world.sources.asked] == [A, B, B]
    assert run_job(job_of(graph), world).seconds == pytest.approx(9)


def test_what_each_task_did_is_on_record() -> None:
    result = run_job(
        job_of("a [type=memo value=2] b [type=multiply times=3] c [type=fail msg=no] a -> b -> c")
    )
    found = [(r.name, r.type, r.inputs, r.output, str(r.error or ""), r.attempts) for r in result.records]
    assert found == [
        ("a", "memo", (), 2, "", 1),
        ("b", "multiply", (2,), 6, "", 1),
        ("c", "fail", (6,), None, "task c: no", 1),
    ]
    assert (result.run_id, result.outputs, list(result.errors)) == ("run-1", {}, ["c"])


def test_outputs_are_those_of_the_last_tasks_by_index() -> None:
    first = "a [type=memo value=1 index=1] b [type=memo value=2] c [type=memo value=3 index=2]"
    result = run_job(job_of(f"{first} d [type=memo] c -> d"))
    assert list(result.outputs.items()) == [("b", 2), ("d", 3), ("a", 1)]
    assert result.value == 1


def test_a_failure_passes_on_as_itself() -> None:
    error = failure_of("a [type=fail msg=first] b [type=memo] c [type=length] a -> b -> c")
    assert (error.task, error.reason) == ("a", "first")


def test_a_failed_reference_fails_too_unless_the_task_bears_it() -> None:
    broken = f'a [type=http url="{A}"]'
    assert failure_of(f'{broken} b [type=memo value="$(a)"]').task == "a"
    assert failure_of(f'{broken} b [type=memo value="$(a.deep.path)"]').task == "a"
    assert failure_of(f"{broken} b [type=memo value=<[1, $(a)]>]").task == "a"
    assert value_of(f"{broken} b [type=median values=<[1, $(a)]>]") == 1


def test_a_permanent_failure_of_two_decides() -> None:
    world = World(Sources({A: HttpReply(404, b""), B: HttpReply(500, b"")}))
    for first, second in ((A, B), (B, A)):
        graph = f'a [type=http url="{first}"] b [type=http url="{second}"] c [type=memo value=1] a -> c'
        error = run_job(job_of(f"{graph}\nd [type=merge left=<{{}}> right=<{{}}>] b -> d"), world).error
        assert isinstance(error, TaskPermanent)


@pytest.mark.parametrize(
    ("fails", "retries", "attempts", "times"),
    [
        (0, 3, 1, [0]),
        (2, 3, 3, [0, 5, 15]),
        (9, 3, 3, [0, 5, 15]),
        (1, 1, 1, [0]),
        (1, 0, 1, [0]),
        (9, 7, 7, [0, 5, 15, 35, 75, 135, 195]),  # the pause stops growing at 60 s
    ],
)
def test_retries_are_attempts_with_growing_pauses(
    fails: int, retries: int, attempts: int, times: list[float]
) -> None:
    answer, asked = failing(fails)
    result = run_job(job_of(f'a [type=http url="{A}" retries={retries}]'), World(Sources({A: answer})))
    assert result.records[0].attempts == attempts
    assert [at - asked[0] for at in asked] == pytest.approx(times)
    assert (result.error is None) == (fails < attempts)


@pytest.mark.parametrize(
    ("bounds", "times"),
    [
        ('minBackoff="1s" maxBackoff="3s"', [0, 1, 3, 6]),
        ('minBackoff="2s"', [0, 2, 6, 14]),
        ('minBackoff="90s"', [0, 90, 180, 270]),  # a minimum above the default maximum raises it
        ('maxBackoff="5s"', [0, 5, 10, 15]),
        ('MINBACKOFF="500ms" maxbackoff="500ms"', [0, 0.5, 1, 1.5]),
    ],
)
def test_pauses_are_the_tasks_to_choose(bounds: str, times: list[float]) -> None:
    answer, asked = failing(99)
    run_job(job_of(f'a [type=http url="{A}" retries=4 {bounds}]'), World(Sources({A: answer})))
    assert [at - asked[0] for at in asked] == pytest.approx(times)


def test_a_refusal_is_retried_if_the_job_says_so() -> None:
    answer, asked = failing(1, status=404)
    assert value_of(f'a [type=http url="{A}" retries=2]', World(Sources({A: answer}))) == "1"
    assert len(asked) == 2


def test_bad_parameters_are_not_retried() -> None:
    result = run_job(job_of('a [type=multiply input="$(jobRun.x)" times=2 retries=5]'), x="bad")
    assert result.records[0].attempts == 1
    assert result.seconds == 0


def test_retries_end_with_the_run() -> None:
    answer, asked = failing(99)
    result = run_job(job_of(f'a [type=http url="{A}" retries=50]'), World(Sources({A: answer})), seconds=60)
    assert len(asked) == 4
    assert result.seconds < 60


@pytest.mark.parametrize("early", ["true", "false"])
def test_fail_early_ends_the_run_at_once(early: str) -> None:
    world = World(Sources({A: after(1, "", 404), B: after(10, "2")}))
    graph = f"""
    a [type=http url="{A}" failEarly={early}]
    b [type=http url="{B}"]
    c [type=any]
    a -> c  b -> c
    d [type=memo value="$(c)"]
    """
    result = run_job(job_of(graph), world)
    if early == "false":
        assert (result.value, result.seconds) == ("2", pytest.approx(10))
        return
    assert result.seconds == pytest.approx(1)
    assert isinstance(result.error, TaskPermanent)
    assert result.error.task == "a"
    assert [record.attempts for record in result.records] == [1, 1, 0, 0]


def test_fail_early_ends_what_had_not_begun() -> None:
    world = World(Sources({B: after(10, "2")}))
    graph = f'a [type=fail msg=stop failEarly=true] b [type=http url="{B}"] c [type=any] a -> c b -> c'
    result = run_job(job_of(graph), world)
    assert result.seconds == 0
    assert [str(error) for error in result.errors.values()] == ["task a: stop"]
    assert world.sources.asked == []


def test_a_service_that_is_closed_under_a_task_is_our_fault() -> None:
    async def closing(_: HttpRequest) -> HttpReply:
        raise asyncio.CancelledError

    error = failure_of(f'a [type=http url="{A}"]', World(Sources({A: closing})))
    assert (type(error), error.cause) == (TaskTemporary, Cause.OURS)


def test_fail_early_waits_for_the_last_attempt() -> None:
    answer, _ = failing(1)
    world = World(Sources({A: answer}))
    assert value_of(f'a [type=http url="{A}" failEarly=true retries=2]', world) == "1"


def test_the_deadline_ends_what_waits() -> None:
    world = World(Sources({A: after(100, "1")}))
    result = run_job(job_of(f'a [type=http url="{A}" timeout="90s"]'), world, seconds=20)
    assert result.seconds == pytest.approx(20)
    assert isinstance(result.error, TaskTemporary)
    assert result.error.cause is Cause.SOURCE_FAILED


def test_nothing_begins_after_the_deadline() -> None:
    world = World(Sources({A: after(20, "1"), B: "2"}))
    graph = f'a [type=http url="{A}" timeout="90s"] c [type=any] b [type=http url="{B}"] a -> c -> b'
    over = run_job(job_of(graph), world, seconds=0)
    assert (over.error is not None, world.sources.asked) == (True, [])
    assert "time of the run is over" in str(over.error)
    late = job_of(f"{graph}\nx [type=memo value=1] x -> c")
    result = run_job(late, world, seconds=20)
    assert [record.attempts for record in result.records] == [1, 1, 1, 0]
    assert [request.url for request in world.sources.asked] == [A]


def test_a_transaction_that_takes_too_long_is_our_fault() -> None:
    job = job_of(f'a [type=ethtx to="0x{"1" * 40}" data="0x01" timeout="2s"]')
    world = World()

    async def main() -> RunResult:
        async def slow(_: object) -> None:
            await asyncio.sleep(5)

        services = dataclasses.replace(world.services(), transact=slow)
        return await run(job, {}, services, run_id="r", deadline=9e9)

    error = virtual_time.run(main()).error
    assert (type(error), getattr(error, "cause", None)) == (TaskTemporary, Cause.OURS)


def test_the_jobs_task_limit_holds_unless_a_task_has_its_own() -> None:
    world = World(Sources({A: after(4, "1")}))
    own = f'a [type=http url="{A}" {{own}}]'
    late = run_job(job_of(own.format(own=""), maxTaskDuration='"3s"'), world)
    assert (late.seconds, type(late.error)) == (pytest.approx(3), TaskTemporary)
    assert run_job(job_of(own.format(own='timeout="5s"'), maxTaskDuration='"3s"'), world).error is None


def test_many_runs_do_not_wait_for_a_slow_one() -> None:
    """A thousand requests, one of whose sources hangs: the others are done when theirs are."""
    world = World(Sources({A: after(1, "1"), B: after(14, "2")}))
    services = world.services()
    job = job_of('f [type=http url="$(jobRun.u)"]')

    async def main() -> list[RunResult]:
        deadline = asyncio.get_running_loop().time() + 300
        urls = [B, *[A] * 999]
        runs = [
            run(job, {"jobRun": {"u": url}}, services, run_id=str(i), deadline=deadline)
            for i, url in enumerate(urls)
        ]
        return await asyncio.gather(*runs)

    results = virtual_time.run(main())
    assert [round(result.seconds) for result in results] == [14, *[1] * 999]


def test_a_cancelled_run_leaves_nothing_behind() -> None:
    world = World(Sources({A: after(50, "1")}))

    async def main() -> int:
        services = world.services()
        work = asyncio.create_task(
            run(job_of(f'a [type=http url="{A}" timeout="90s"]'), {}, services, run_id="r", deadline=9e9)
        )
        await asyncio.sleep(1)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert virtual_time.run(main()) == 1  # the test's own


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14), st.data())
def test_every_task_runs_once_after_all_it_needs(edges: list[tuple[int, int]], data: st.DataObject) -> None:
    forward = sorted({(min(a, b), max(a, b)) for a, b in edges if a != b})
    waits = {f"http://n{i}.example": after(data.draw(st.floats(0, 9)), str(i)) for i in range(8)}
    nodes = "\n".join(f'n{i} [type=http url="http://n{i}.example"]' for i in range(8))
    arrows = "\n".join(f"n{a} -> n{b}" for a, b in forward)
    world = World(Sources(waits))
    result = run_job(job_of(f"{nodes}\n{arrows}"), world)
    assert result.error is None
    order: list[Any] = [int(request.url[8]) for request in world.sources.asked]
    assert sorted(order) == list(range(8))
    assert all(order.index(a) < order.index(b) for a, b in forward)


@pytest.mark.parametrize(
    ("request_path", "body", "kind", "cause"),
    [
        ({}, '{"price": 1}', TaskPermanent, Cause.PARAMETERS),
        ({"path": "price"}, '{"no": 1}', TaskTemporary, Cause.SOURCE_FAILED),
    ],
    ids=["the request lacks its path", "the source lacks what the path names"],
)
def test_each_parameter_is_blamed_on_whom_its_own_value_came_from(
    request_path: dict[str, str], body: str, kind: type, cause: Cause
) -> None:
    url = "https://source.example/"
    graph = f'f [type=http url="{url}"]; p [type=jsonparse path="$(jobRun.path)" data="$(f)"]; f -> p'
    error = failure_of(graph, World(Sources({url: body})), **request_path)
    assert (type(error), error.cause) == (kind, cause)
