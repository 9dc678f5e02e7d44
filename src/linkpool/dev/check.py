"""The proof without a terminal: stake, ask, kill a replica in the middle, and count from the chain.

Prints what it saw as one JSON object, last. Nothing missed, nothing paid twice and a replacement that
serves make it pass; how long things took is reported, not judged.
"""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass

from linkpool.api.client import ControlTrouble, serving
from linkpool.dev.job import SPEC_ID, demo_parameters
from linkpool.dev.pool import PAYMENT, stake
from linkpool.dev.tally import Tally
from linkpool.dev.up import DevPool
from linkpool.replica.duty import order
from linkpool.wire.agent import Member
from linkpool.wire.api import NodeView, ReplicaView

PACE_SECONDS = 0.5
BURST = 6
"""Requests on their way at the moment of the kill, so that some are the dead replica's own."""

ANSWER_SECONDS = 60.0
REPLACE_SECONDS = 60.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Proof:
    """What the chain and the control plane showed. Times in seconds."""

    answered: int
    missed: int
    paid_twice: int
    median_delay_blocks: float | None
    takeover_s: float | None
    """From SIGKILL to the first answer of a request that the dead replica ranked first."""
    replaced_s: float | None
    """From SIGKILL to the replacement serving."""
    registered_after_s: float

    @property
    def holds(self) -> bool:
        """Nothing missed, nothing paid twice, and the replacement serves."""
        return self.missed == 0 and self.paid_twice == 0 and self.replaced_s is not None

    def values(self) -> dict[str, object]:
        """For JSON, times rounded to milliseconds."""
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(self).items()}


class Check:
    """One run of the proof on a pool that stands."""

    def __init__(self, pool: DevPool, requests: int) -> None:
        self._pool, self._requests = pool, requests
        self._tally = Tally(pool.rpc, pool.oracle, pool.found.deployment.block)
        self._asked: list[asyncio.Task[object]] = []

    async def run(self) -> Proof:
        """Bring the proof. Raises NotDone, EndpointTrouble and ControlTrouble, in a group."""
        await stake(self._pool.found, self._pool.oracle)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            burst = min(BURST, self._requests - 1)
            await self._ask_evenly(tasks, (self._requests - burst) // 2)
            before = await self._node()
            self._ask(tasks, burst)
            victim, killed_at = self._kill(before.replicas)
            replaced = tasks.create_task(self._replaced(victim, killed_at))
            await self._ask_evenly(tasks, self._requests - burst - (self._requests - burst) // 2)
            await self._all_answered()
            replaced_s = await replaced
            watching.cancel()
        return Proof(
            answered=self._tally.answered,
            missed=self._requests - self._tally.answered,
            paid_twice=self._tally.paid_twice,
            median_delay_blocks=self._tally.median_delay,
            takeover_s=self._takeover(before.replicas, victim, killed_at),
            replaced_s=replaced_s,
            registered_after_s=self._pool.registered_after,
        )

    async def _ask_evenly(self, tasks: asyncio.TaskGroup, count: int) -> None:
        for _ in range(count):
            self._ask(tasks, 1)
            await asyncio.sleep(PACE_SECONDS)

    def _ask(self, tasks: asyncio.TaskGroup, times: int) -> None:
        found = self._pool.found
        call = found.consumer.ask(self._pool.oracle, SPEC_ID, PAYMENT, demo_parameters(), times)
        self._asked.append(tasks.create_task(found.requester.send(call)))

    async def _node(self) -> NodeView:
        return next(node for node in await self._pool.control.nodes() if node.id == self._pool.oracle)

    def _kill(self, replicas: list[ReplicaView]) -> tuple[ReplicaView, float]:
        victim = next(replica for replica in replicas if replica.pid is not None)
        os.kill(victim.pid or 0, signal.SIGKILL)
        return victim, asyncio.get_running_loop().time()

    async def _replaced(self, victim: ReplicaView, killed_at: float) -> float | None:
        loop = asyncio.get_running_loop()
        while loop.time() < killed_at + REPLACE_SECONDS:
            with suppress(ControlTrouble):
                node = await self._node()
                if serving(node) and victim.task not in {r.task for r in node.replicas if r.in_roster}:
                    return loop.time() - killed_at
            await asyncio.sleep(POLL_SECONDS)
        return None

    async def _watch(self) -> None:
        while True:
            await self._tally.update()
            await asyncio.sleep(POLL_SECONDS)

    async def _all_answered(self) -> None:
        for asked in self._asked:
            await asked
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while self._tally.answered < self._requests:
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            return  # what is missing is counted as missed

    def _takeover(self, replicas: list[ReplicaView], victim: ReplicaView, killed_at: float) -> float | None:
        """By the roster of before the kill: whose turn each later answer would have been."""
        members = [Member(task=r.task, sender=r.sender or "", primary=True) for r in replicas]
        times = [
            fate.answered_at - killed_at
            for fate in self._tally.fates.values()
            if fate.answered_at is not None
            and fate.answered_at > killed_at
            and order(fate.request.identity, members)[0].task == victim.task
        ]
        return min(times, default=None)
