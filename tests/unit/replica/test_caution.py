"""Caution: one run at a time, in an order drawn at each start, until an answer lands."""

import asyncio
from functools import partial

import pytest

from linkpool.replica.caution import PATIENCE, Caution
from tests.support import virtual_time
from tests.support.oracle_logs import request

pytestmark = pytest.mark.unit


def line(caution: Caution, *blocks: int) -> list[int]:
    """These requests in the order in which they go."""
    return sorted(blocks, key=lambda block: caution.place(request(block, block=block)))


def played(
    lift_after: int | None = None, cancel: int | None = None, lifted: bool = False
) -> list[tuple[float, int]]:
    """When each of four runs of a second began, by its place in line; 0 is the one that asked first."""

    async def main() -> list[tuple[float, int]]:
        caution, began = Caution(lifted=lifted), []
        numbers = dict(enumerate([9, *line(caution, 1, 2, 3)]))
        start = asyncio.get_running_loop().time()

        async def run(place: int) -> None:
            async with caution.alone(request(numbers[place], block=numbers[place])):
                began.append((asyncio.get_running_loop().time() - start, place))
                await asyncio.sleep(1)
                if place == lift_after:
                    caution.lift()

        tasks = {place: asyncio.create_task(run(place)) for place in (0, 3, 2, 1)}
        if cancel is not None:
            await asyncio.sleep(0.5)
            tasks[cancel].cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        return began

    return virtual_time.run(main())


def test_runs_go_alone_and_of_those_who_wait_the_first_in_line():
    assert played() == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_after_the_first_answer_all_go_at_once():
    assert sorted(played(1)) == [(0, 0), (1, 1), (2, 2), (2, 3)]


def test_who_is_cancelled_inside_or_in_the_queue_holds_up_nobody():
    assert played(cancel=0) == [(0, 0), (0.5, 1), (1.5, 2), (2.5, 3)]
    assert played(cancel=1) == [(0, 0), (1, 2), (2, 3)]


def test_without_need_for_caution_nobody_waits():
    assert [at for at, _ in played(lifted=True)] == [0, 0, 0, 0]


@pytest.mark.parametrize("poisons", [{1, 9}, {1, 2, 8, 9}, {5}, {4, 6}, {9}], ids=str)
@pytest.mark.parametrize("step", [1, 2, 3])
def test_wherever_poisons_stand_each_of_the_others_is_first_at_some_start(poisons: set[int], step: int):
    """A start is a life: it answers the first in line, unless that kills it; then the rest kills it."""
    open_ones, lives = set(range(1, 10)), 0
    while open_ones - poisons:
        lives += 1
        caution = Caution(lifted=False, block=partial(int, 100 + step * lives))
        open_ones -= {line(caution, *sorted(open_ones))[0]} - poisons
    assert lives <= 60


def test_a_start_keeps_its_order_while_blocks_come():
    blocks = iter(range(100, 200))
    caution = Caution(lifted=False, block=lambda: next(blocks))
    assert line(caution, 1, 2, 3, 4) == line(caution, 1, 2, 3, 4)


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
