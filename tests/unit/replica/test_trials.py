"""Trials: a suspect runs with nothing beside it, all else goes on in turn, and a long line speeds up."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from linkpool.replica.roster import RosterBook
from linkpool.replica.trials import DOUBLE_SECONDS, PATIENCE, Trials
from linkpool.wire.agent import Member, Roster
from tests.support import virtual_time

pytestmark = pytest.mark.unit

ME = Member(task="me", sender="0xa", primary=True)


@dataclass
class Scene:
    """Runs that go through a gate, by hand; `log` is who began when, and beside whom."""

    suspects: Sequence[str] = ()
    log: list[tuple[float, str, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.roster = RosterBook(ME)
        self.trials = Trials(self.roster)
        self.inside: list[str] = []
        self.alone: dict[str, bool] = {}
        self._version = 0
        self.suspect(*self.suspects)

    def suspect(self, *runs: str) -> None:
        """The next roster says so."""
        self._version += 1
        self.roster.take(Roster(epoch=0, version=self._version, members=(ME,), suspects=runs))

    async def run(self, name: str, seconds: float = 1.0) -> None:
        async with self.trials.room(name):
            self.log.append((asyncio.get_running_loop().time() - self.start, name, tuple(self.inside)))
            self.inside.append(name)
            self.alone[name] = self.trials.alone
            await asyncio.sleep(seconds)
            self.inside.remove(name)

    def begin(self, *names: str, seconds: float = 1.0) -> list["asyncio.Task[None]"]:
        return [asyncio.create_task(self.run(name, seconds)) for name in names]

    @property
    def began(self) -> dict[str, float]:
        return {name: at for at, name, _ in self.log}


def play(test: Callable[[Scene], Awaitable[None]], *suspects: str) -> None:
    async def main() -> None:
        scene = Scene(suspects)
        scene.start = asyncio.get_running_loop().time()
        await test(scene)
        assert scene.inside == []
        assert scene.trials.trying == ()

    virtual_time.run(main())


def test_without_suspects_all_go_at_once() -> None:
    async def test(it: Scene) -> None:
        await asyncio.gather(*it.begin("a", "b", "c"))
        assert set(it.began.values()) == {0.0}
        assert not any(it.alone.values())

    play(test)


def test_suspects_go_alone_in_the_order_of_the_roster_and_others_between_them() -> None:
    async def test(it: Scene) -> None:
        early = it.begin("s1", "s2", "a", "b")
        await asyncio.sleep(0.5)
        await asyncio.gather(*early, *it.begin("c"))
        assert it.began == {"s1": 0.0, "a": 1.0, "b": 1.0, "c": 1.0, "s2": 2.0}
        assert (it.alone["s1"], it.alone["s2"], it.alone["a"]) == (True, True, False)

    play(test, "s1", "s2")


def test_who_comes_while_a_suspect_waits_does_not_go_before_it() -> None:
    async def test(it: Scene) -> None:
        runs = it.begin("a")
        await asyncio.sleep(0.2)
        runs += it.begin("s1")
        await asyncio.sleep(0.2)
        await asyncio.gather(*runs, *it.begin("b"))
        assert it.began["s1"] == pytest.approx(1.0)
        assert it.began["b"] == pytest.approx(2.0)

    play(test, "s1")


def test_a_long_line_is_tried_by_ever_more_together() -> None:
    names = [f"s{n:03}" for n in range(300)]

    async def test(it: Scene) -> None:
        await asyncio.gather(*it.begin(*names))
        at_once = [len(beside) + 1 for _, _, beside in it.log]
        assert at_once[: int(DOUBLE_SECONDS)] == [1] * int(DOUBLE_SECONDS)
        assert it.log[-1][0] < 8 * DOUBLE_SECONDS

    play(test, *names)


def test_a_quick_line_stays_one_at_a_time() -> None:
    names = [f"s{n:03}" for n in range(100)]

    async def test(it: Scene) -> None:
        await asyncio.gather(*it.begin(*names, seconds=0.04))
        assert all(it.alone.values())
        assert not any(beside for _, _, beside in it.log)

    play(test, *names)


def test_what_does_not_end_holds_up_nobody_for_long() -> None:
    async def test(it: Scene) -> None:
        stuck = it.begin("s1", seconds=100)
        await asyncio.sleep(1)
        await asyncio.gather(*it.begin("a", "s2"))
        assert it.began == {"s1": 0.0, "a": 1 + PATIENCE, "s2": 1 + PATIENCE}
        assert not it.trials.alone or it.trials.trying == ("s1",)
        await asyncio.gather(*stuck)

    play(test, "s1", "s2")


def test_an_endless_run_holds_up_no_trial_for_long() -> None:
    async def test(it: Scene) -> None:
        stuck = it.begin("a", seconds=100)
        await asyncio.sleep(1)
        await asyncio.gather(*it.begin("s1"))
        assert it.began["s1"] == 1 + PATIENCE
        assert not it.alone["s1"], "should it die now, it may be of the other"
        await asyncio.gather(*stuck)

    play(test, "s1")


def test_who_is_acquitted_elsewhere_waits_no_longer() -> None:
    async def test(it: Scene) -> None:
        runs = it.begin("s1", "s2", seconds=5)
        await asyncio.sleep(1)
        it.suspect("s1")
        await asyncio.gather(*runs)
        assert it.began == {"s1": 0.0, "s2": 5.0}
        assert not it.alone["s2"]

    play(test, "s1", "s2")


@pytest.mark.parametrize("waiting", [False, True])
def test_who_is_cancelled_inside_or_in_the_line_holds_up_nobody(waiting: bool) -> None:
    async def test(it: Scene) -> None:
        first, second, third = it.begin("s1", "s2", "s3")
        await asyncio.sleep(0.5)
        (second if waiting else first).cancel()
        await asyncio.gather(first, second, third, return_exceptions=True)
        it.inside.clear()
        assert it.began["s3"] == (1.0 if waiting else 1.5)

    play(test, "s1", "s2", "s3")
