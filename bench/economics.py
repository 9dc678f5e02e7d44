"""The simulator beside the real thing: the same failures, drawn by the one, done to the other.

A real node of two replicas gets requests as they come by themselves (Poisson). Failure rates are raised
until 20 failures fall in 15 minutes: single replicas are killed (SIGKILL), and now and then the whole node is
frozen for a while (SIGSTOP for every replica the moment it appears, replacements too). Side by side: what the
model says of exactly these failures, what it says of any history with such rates (5 % to 95 % of 400), and
what the chain says.

Repair times are not assumed: three kills before the run say how long a replacement takes on this machine.
"""

import argparse
import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from statistics import mean
from typing import Any

from bench._pool import Load, healthy, machine, pool
from linkpool.chain.history import read_head
from linkpool.chain.ranges import Wanted, read_range
from linkpool.contracts import events
from linkpool.contracts.oracle import Rejected
from linkpool.dev.tally import Fate
from linkpool.economics.assumptions import Assumptions
from linkpool.economics.expected import of_outages
from linkpool.economics.outages import DAY, Outage, both, drawn, either
from linkpool.economics.outcome import Spread
from linkpool.economics.simulate import simulate

LATE = 5.0
"""Seconds from request to answer above which a request counts as held up: an outage, and not load."""
CALIBRATING_KILLS = 3
OUTAGE_SHARE, OUTAGE_SECONDS = 0.15, 100.0
"""Of the failures, those of a whole node; how long one is on average."""
LONG_RUN = 600.0
MUST_HOLD_UP, MUST_MISS = 20.0, 320.0
"""One outage is at least so long that requests are held up; in long runs (seconds), that some are missed."""
HISTORIES = 400


@dataclass(frozen=True)
class Options:
    """What the bench is asked for."""

    seconds: float
    failures: int
    rate: float
    seed: int


@dataclass(frozen=True)
class Schedule:
    """Failures of each replica, and of the node; when each is over, if repairs take what they took before."""

    seed: int
    replicas: tuple[list[Outage], list[Outage]]
    node: list[Outage]

    @property
    def failures(self) -> int:
        return len(self.replicas[0]) + len(self.replicas[1]) + len(self.node)

    @property
    def down(self) -> list[Outage]:
        """When neither replica serves."""
        return either((both(*self.replicas), self.node))


def raised(options: Options, repair: float) -> Assumptions:
    """Assumptions under which so many failures fall in such a run."""
    nodes = options.failures * OUTAGE_SHARE
    singles = (options.failures - nodes) / 2
    return Assumptions(
        nodes=1,
        days=options.seconds / DAY,
        requests_per_node_day=options.rate * DAY,
        daily_swing=0.0,
        replica_mtbf_days=(options.seconds / singles - repair) / DAY,
        replica_repair_seconds=repair,
        node_mtbf_days=max(options.seconds / nodes - OUTAGE_SECONDS, OUTAGE_SECONDS) / DAY,
        node_repair_seconds=OUTAGE_SECONDS,
        machine_mtbf_days=1e9,
        zone_mtbf_days=1e9,
        rpc_mtbf_days=1e9,
    )


def schedule(given: Assumptions, options: Options) -> Schedule:
    """The first history from the seed on with so many failures, of which one shows."""
    shows = MUST_MISS if options.seconds >= LONG_RUN else MUST_HOLD_UP
    for seed in range(options.seed, options.seed + 100_000):
        dice = random.Random(seed)  # noqa: S311 - a history, not a secret
        lines = [
            drawn(dice, mtbf * DAY, repair, options.seconds)
            for mtbf, repair in (
                (given.replica_mtbf_days, given.replica_repair_seconds),
                (given.replica_mtbf_days, given.replica_repair_seconds),
                (given.node_mtbf_days, given.node_repair_seconds),
            )
        ]
        found = Schedule(seed, (lines[0], lines[1]), lines[2])
        longest = max((end - begin for begin, end in found.node), default=0.0)
        if found.failures == options.failures and longest > shows:
            return found
    raise SystemExit("no history has so many failures; try more minutes or fewer failures")


# --- the real thing -----------------------------------------------------------------------------------


class Killer:
    """Breaks the node as scheduled."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.kills = 0

    async def calibrate(self) -> float:
        """Seconds from the kill of a replica until two serve again, on average."""
        loop, took = asyncio.get_running_loop(), []
        for _ in range(CALIBRATING_KILLS):
            begin = loop.time()
            await self.kill(0)
            while await self._serving() == 2:  # until it is noticed
                await asyncio.sleep(0.01)
            await healthy(self._load)
            took.append(loop.time() - begin)
            await asyncio.sleep(10)  # a replica that lived for a while is not restarted later than at once
        return mean(took)

    async def run(self, plan: Schedule, begin: float) -> None:
        """All of it, from that loop time on."""
        async with asyncio.TaskGroup() as group:
            for number, line in enumerate(plan.replicas):
                for start, _ in line:
                    group.create_task(self._at(begin + start, self.kill(number)))
            for start, end in plan.node:
                group.create_task(self._at(begin + start, self._freeze(begin + end)))

    async def kill(self, number: int) -> None:
        """SIGKILL for one of the two replicas, if it lives."""
        pids = [pid async for pid in self._pids()]
        if number < len(pids):
            with suppress(ProcessLookupError):
                os.kill(pids[number], signal.SIGKILL)
                self.kills += 1

    async def _freeze(self, until: float) -> None:
        """SIGSTOP for every replica the moment it appears, replacements too; at that time they go on."""
        loop, frozen = asyncio.get_running_loop(), set[int]()
        while loop.time() < until:
            async for pid in self._pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    frozen.add(pid)
            await asyncio.sleep(0.2)
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def _pids(self) -> AsyncIterator[int]:
        for replica in (await self._load.pool.control.nodes())[0].replicas:
            if replica.pid:
                yield replica.pid

    async def _serving(self) -> int:
        return sum(replica.in_roster for replica in (await self._load.pool.control.nodes())[0].replicas)

    @staticmethod
    async def _at(moment: float, work: Any) -> None:
        await asyncio.sleep(max(moment - asyncio.get_running_loop().time(), 0))
        await work


async def ask(load: Load, options: Options) -> None:
    """Requests by themselves, at the rate, for the time."""
    dice = random.Random(options.seed)  # noqa: S311 - a history, not a secret
    loop = asyncio.get_running_loop()
    end, next_ = loop.time() + options.seconds, loop.time()
    while (next_ := next_ + dice.expovariate(options.rate)) < end:
        await asyncio.sleep(max(next_ - loop.time(), 0))
        load.ask(1)


async def times(load: Load) -> Mapping[int, int]:
    """The timestamp of every block that a request was made or answered in."""
    fates = load.tally.fates.values()
    numbers = {fate.request.log.block_number for fate in fates}
    numbers |= {fate.answered_in for fate in fates if fate.answered_in is not None}
    return {number: (await read_head(load.pool.rpc, number)).timestamp for number in sorted(numbers)}


async def rejections(load: Load) -> set[bytes]:
    """Ids of the requests that the node rejected: not answered, and not missed either."""
    found: set[bytes] = set()
    first = load.pool.found.deployment.block
    async for piece in read_range(
        load.pool.rpc, Wanted((load.pool.oracle,), ()), first, load.tally.next_block - 1
    ):
        found |= {e.request_id for log in piece.logs if isinstance(e := events.decode(log), Rejected)}
    return found


def judge(fates: Sequence[Fate], at: Mapping[int, int], rejected: set[bytes]) -> tuple[int, int]:
    """(missed, held up): no answer and no rejection before its window ended; answered in it, but late."""
    missed = held_up = 0
    for fate in fates:
        asked = at[fate.request.log.block_number]
        answered = None if fate.answered_in is None else at[fate.answered_in]
        if answered is None or answered >= fate.request.event.expiration:
            missed += fate.request.event.request_id not in rejected
        elif answered - asked > LATE:
            held_up += 1
    return missed, held_up


@asynccontextmanager
async def watching(down: list[float], load: Load) -> AsyncIterator[None]:
    """Counts the seconds in which no replica is in the roster, as the control plane says."""

    async def look() -> None:
        loop, last = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        while True:
            replicas = (await load.pool.control.nodes())[0].replicas
            now = loop.time()
            if not any(replica.in_roster and replica.ready for replica in replicas):
                down.append(now - last)
            last = now
            await asyncio.sleep(0.1)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def measure(options: Options) -> Mapping[str, object]:
    """The run, and what the model says of it."""
    async with pool() as load:
        killer = Killer(load)
        repair = await killer.calibrate()
        given = raised(options, repair)
        plan = schedule(given, options)
        killer.kills = 0
        down: list[float] = []
        async with watching(down, load):
            begin = asyncio.get_running_loop().time()
            await asyncio.gather(ask(load, options), killer.run(plan, begin))
            await healthy(load)
        await load.settled(330.0)
        at = await times(load)
        rejected = await rejections(load)
        missed, held_up = judge(list(load.tally.fates.values()), at, rejected)
        real = {"missed": missed, "held_up": held_up, "down_s": round(sum(down), 1)}
        return report(options, given, plan, real, load.asked) | {
            "repair_s": round(repair, 2),
            "kills": killer.kills,
            "rejected": len(rejected),
            "paid_twice": load.tally.paid_twice,
        }


def report(
    options: Options, given: Assumptions, plan: Schedule, real: Mapping[str, float], asked: int
) -> dict[str, object]:
    """Side by side. `model`: of these very failures; `any`: 5 %, 50 %, 95 % of histories with such rates."""
    missed, held_up = of_outages(plan.down, options.rate, LATE)
    runs = [simulate(given, seed).total for seed in range(HISTORIES)]
    spread = dict(_spreads(runs))
    return {
        "minutes": options.seconds / 60,
        "failures": plan.failures,
        "seed": plan.seed,
        "requests": asked,
        "uptime": {
            "real": round(1 - real["missed"] / asked, 5),
            "model": round(1 - missed / (options.rate * options.seconds), 5),
            "any": spread["uptime"],
        },
        "missed": {"real": real["missed"], "model": round(missed, 1), "any": spread["missed"]},
        "held_up": {"real": real["held_up"], "model": round(held_up, 1), "any": spread["held_up"]},
        "all_down_s": {"real": real["down_s"], "model": round(sum(e - b for b, e in plan.down), 1)},
    }


def _spreads(runs: Sequence[Any]) -> Iterator[tuple[str, list[float]]]:
    for name in ("uptime", "missed", "held_up"):
        one = Spread.of([getattr(run, name) for run in runs])
        yield name, [round(value, 5) for value in (one.low, one.middle, one.high)]


def main(arguments: list[str]) -> None:
    """`python -m bench economics`."""
    parser = argparse.ArgumentParser(prog="bench economics")
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long the node is tormented")
    parser.add_argument("--failures", type=int, help="how often; 20 in 15 minutes by default")
    parser.add_argument("--rate", type=float, default=4.0, help="requests a second")
    parser.add_argument("--seed", type=int, default=1, help="where to begin to look for a history")
    asked = parser.parse_args(arguments)
    failures = asked.failures or max(round(20 * asked.minutes / 15), 2)
    options = Options(asked.minutes * 60, failures, asked.rate, asked.seed)
    figures = {"bench": "economics", **asyncio.run(measure(options)), "machine": machine()}
    if asked.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:28} {value}")
