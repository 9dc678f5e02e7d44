"""Caution: one run at a time, the newest request first, until an answer lands."""

import asyncio

import pytest

from linkpool.replica.caution import PATIENCE, Caution
from tests.support import virtual_time
from tests.support.oracle_logs import request

pytestmark = pytest.mark.unit


def played(
    lift_after: int | None = None, cancel: int | None = None, lifted: bool = False
) -> list[tuple[float, int]]:
    """When each of four runs of a second began, by block of its request, oldest asked first."""

    async def main() -> list[tuple[float, int]]:
        caution, began = Caution(lifted=lifted), []
        start = asyncio.get_running_loop().time()

        async def run(block: int) -> None:
            async with caution.alone(request(block, block=block)):
                began.append((asyncio.get_running_loop().time() - start, block))
                await asyncio.sleep(1)
                if block == lift_after:
                    caution.lift()

        tasks = {block: asyncio.create_task(run(block)) for block in (1, 2, 3, 4)}
        if cancel:
            await asyncio.sleep(0.5)
            tasks[cancel].cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        return began

    return virtual_time.run(main())


def test_runs_go_alone_and_of_those_who_wait_the_newest_first():
    assert played() == [(0, 1), (1, 4), (2, 3), (3, 2)]


def test_after_the_first_answer_all_go_at_once():
    assert played(4) == [(0, 1), (1, 4), (2, 3), (2, 2)]


def test_who_is_cancelled_inside_or_in_the_queue_holds_up_nobody():
    assert played(cancel=1) == [(0, 1), (0.5, 4), (1.5, 3), (2.5, 2)]
    assert played(cancel=4) == [(0, 1), (1, 3), (2, 2)]


def test_without_need_for_caution_nobody_waits():
    assert played(lifted=True) == [(0, 1), (0, 2), (0, 3), (0, 4)]


def test_at_about_every_other_start_the_oldest_goes_first():
    def line(block: int) -> list[int]:
        caution = Caution(lifted=False, block=lambda: block)
        return sorted((1, 2, 3), key=lambda number: caution.place(request(number, block=number)))

    lines = [line(block) for block in range(100)]
    assert sorted({tuple(one) for one in lines}) == [(1, 2, 3), (3, 2, 1)]
    assert 30 < lines.count([1, 2, 3]) < 70
    assert 30 < lines[::2].count([1, 2, 3]) * 2 < 70


def test_who_is_neither_answered_nor_dead_holds_up_the_others_only_for_a_while():
    async def main() -> float:
        caution = Caution(lifted=False)

        async def stuck() -> None:
            async with caution.alone(request(1)):
                await asyncio.sleep(1000)

        first = asyncio.create_task(stuck())
        await asyncio.sleep(0)
        start = asyncio.get_running_loop().time()
        async with caution.alone(request(2)):
            first.cancel()
            return asyncio.get_running_loop().time() - start

    assert virtual_time.run(main()) == PATIENCE
