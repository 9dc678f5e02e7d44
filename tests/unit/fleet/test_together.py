"""Those who ask while others are being answered are answered together, in order, and nobody is forgotten."""

import asyncio
from collections.abc import Sequence

from linkpool.fleet.together import MOST, Together


class Clerk:
    """Doubles numbers, when it is let: each time for all that ask at once. None of `refused`."""

    def __init__(self, most: int = MOST) -> None:
        self.asked: list[list[int]] = []
        self.refused = -1
        self.gate = asyncio.Semaphore(0)
        self.desk = Together(self.answer, most)

    async def answer(self, questions: Sequence[int]) -> list[int]:
        self.asked.append(list(questions))
        await self.gate.acquire()
        if self.refused in questions:
            raise ValueError("none of these")
        return [2 * each for each in questions]

    async def queue(self, *questions: int) -> list[asyncio.Task[int]]:
        """The first one is being answered, the others stand in line."""
        asking = [asyncio.create_task(self.desk.ask(each)) for each in questions]
        while not self.asked:
            await asyncio.sleep(0)
        return asking


async def test_who_comes_meanwhile_is_answered_together() -> None:
    clerk = Clerk()
    first = await clerk.queue(1)
    rest = await clerk.queue(2, 3, 4)
    clerk.gate.release()
    clerk.gate.release()
    assert await asyncio.gather(*first, *rest) == [2, 4, 6, 8]
    assert clerk.asked == [[1], [2, 3, 4]]


async def test_no_more_than_so_many_at_once() -> None:
    clerk = Clerk(most=2)
    asking = [*await clerk.queue(1), *await clerk.queue(2, 3, 4, 5, 6)]
    for _ in range(4):
        clerk.gate.release()
    assert await asyncio.gather(*asking) == [2, 4, 6, 8, 10, 12]
    assert clerk.asked == [[1], [2, 3], [4, 5], [6]]


async def test_an_error_is_raised_by_all_who_asked_together_and_by_nobody_else() -> None:
    clerk = Clerk()
    clerk.refused = 2
    asking = [*await clerk.queue(1), *await clerk.queue(2, 3)]
    clerk.gate.release()
    clerk.gate.release()
    one, two, three = await asyncio.gather(*asking, return_exceptions=True)
    assert one == 2
    assert isinstance(two, ValueError)
    assert isinstance(three, ValueError)
    clerk.gate.release()
    assert await clerk.desk.ask(4) == 8


async def test_who_gave_up_is_not_asked_for() -> None:
    clerk = Clerk()
    first = await clerk.queue(1)
    second, third = await clerk.queue(2, 3)
    await asyncio.sleep(0)
    second.cancel()
    clerk.gate.release()
    clerk.gate.release()
    assert await first[0] == 2
    assert await third == 6
    assert clerk.asked == [[1], [3]]


async def test_if_the_one_who_asks_for_all_gives_up_the_others_are_answered_by_the_next() -> None:
    clerk = Clerk()
    (first,) = await clerk.queue(1)
    rest = await clerk.queue(2, 3, 4)
    clerk.gate.release()
    while len(clerk.asked) < 2:
        await asyncio.sleep(0)
    assert await first == 2
    rest[0].cancel()
    clerk.gate.release()
    assert await asyncio.gather(*rest[1:]) == [6, 8]
    assert clerk.asked == [[1], [2, 3, 4], [3, 4]]
