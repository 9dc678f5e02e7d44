"""A loop that rests looks at once when somebody knocks, and no knock is lost while it looks."""

import asyncio

from linkpool.fleet.knock import Knock

FOR_EVER = 1e6


class Loop:
    """A step that says what `busy` says, run as a leader's loop is."""

    def __init__(self, knock: Knock) -> None:
        self.looks, self.busy, self.during = 0, False, asyncio.Event()
        self._turn = knock.unhurried(self._step, FOR_EVER)
        self.hold = asyncio.Event()
        self.hold.set()

    async def _step(self) -> bool:
        self.looks += 1
        self.during.set()
        await self.hold.wait()
        return self.busy

    async def run(self) -> None:
        while True:
            await self._turn()
            await asyncio.sleep(0)


async def pass_time() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_rests_until_a_knock() -> None:
    knock = Knock()
    loop = Loop(knock)
    running = asyncio.create_task(loop.run())
    await pass_time()
    assert loop.looks == 1
    knock.set()
    await pass_time()
    assert loop.looks == 2
    running.cancel()


async def test_a_knock_during_a_look_is_another_look() -> None:
    knock = Knock()
    loop = Loop(knock)
    loop.hold.clear()
    running = asyncio.create_task(loop.run())
    await loop.during.wait()
    knock.set()
    loop.hold.set()
    await pass_time()
    assert loop.looks == 2
    running.cancel()


async def test_with_work_in_hand_it_does_not_rest() -> None:
    loop = Loop(Knock())
    loop.busy = True
    running = asyncio.create_task(loop.run())
    await pass_time()
    assert loop.looks > 2
    running.cancel()
