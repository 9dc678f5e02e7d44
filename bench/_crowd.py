"""Many replicas that only speak: each the replica's own `Agent`, with a line to every control plane.

    python -m bench._crowd FILE     FILE: JSON of a `Place`

They come as a fleet is started, so many at a time; they say hello, beat twice a second as one that serves,
and listen. What they would do besides, they do not. A process prints how many of them a leader has welcomed,
one JSON line for each change.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop
from pydantic import SecretStr

from bench._simulated import group_of, task_of
from linkpool.fleet.running.groups import REPLICAS
from linkpool.replica.agent import Agent
from linkpool.replica.trust import Trust
from linkpool.wire.agent import Catalog, Heartbeat, Hello, Roster, State, Welcome

TELL_EVERY = 0.1
AT_ONCE = 50
"""Replicas on their way in: all are one process, whose handshakes would else be what everybody waits for."""


@dataclass(frozen=True)
class Place:
    """Which replicas, and whom they dial. nodes: first and last; tokens: of their groups, in that order."""

    urls: Sequence[str]
    fingerprint: str
    nodes: tuple[int, int]
    tokens: Sequence[str]


class Replica:
    """One of a node's two, as far as its control planes can see."""

    def __init__(
        self,
        place: Place,
        http: aiohttp.ClientSession,
        trust: Trust,
        node: int,
        at: int,
        stirred: asyncio.Event,
    ) -> None:
        """stirred: set whenever it has heard something."""
        self.task = task_of(node, at)
        self._group, self._token = group_of(node), place.tokens[node - place.nodes[0]]
        self._slot: int | None = None
        self._revision = 0
        self.funded = True
        self.epoch = 0
        """Of the leader that welcomed it last."""
        self.roster: Roster | None = None
        self.alone = 0
        """Rosters heard in which the other one was missing, after it had been there."""
        self.heard = asyncio.Event()
        self._stirred = stirred
        self._welcomed = asyncio.Event()
        dice = random.Random(self.task)  # noqa: S311 - spreads reconnects, no secret
        self.agent = Agent(tuple(place.urls), http, self._hello, self._beat, dice, trust)

    def _hello(self) -> Hello:
        return Hello(group=self._group, task=self.task, token=SecretStr(self._token), slot=self._slot)

    def _beat(self) -> Heartbeat:
        return Heartbeat(state=State.SERVING, ready=True, catalog=self._revision, funded=self.funded)

    async def speak(self, doorway: asyncio.Semaphore) -> None:
        """Dial when it is its turn, which lasts until its first welcome, and beat for ever."""
        async with doorway:
            speaking = asyncio.create_task(self.agent.run())
            try:
                await self._welcomed.wait()
            except asyncio.CancelledError:
                speaking.cancel()
                raise
        await speaking

    async def listen(self) -> None:
        """Take in what comes, for ever."""
        while True:
            message = await self.agent.inbox.get()
            if isinstance(message, Welcome):
                self.epoch, self._slot = message.epoch, message.slot
                self._welcomed.set()
                self.agent.nudge()
            elif isinstance(message, Catalog):
                self._revision = message.revision
            elif isinstance(message, Roster):
                was = 0 if self.roster is None else len(self.roster.members)
                self.alone += len(message.members) < was
                self.roster = message
                self.heard.set()
            self._stirred.set()


@asynccontextmanager
async def crowd(place: Place, stirred: asyncio.Event | None = None) -> AsyncIterator[list[Replica]]:
    """Both replicas of every node of the place, dialling. stirred: set whenever one of them has heard."""
    stirred = stirred or asyncio.Event()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        trust = Trust(place.fingerprint, http)
        await trust.context(place.urls[0])  # once: it is the same authority for all
        first, last = place.nodes
        replicas = [
            Replica(place, http, trust, node, at, stirred)
            for node in range(first, last + 1)
            for at in range(REPLICAS)
        ]
        doorway = asyncio.Semaphore(AT_ONCE)
        work = [asyncio.create_task(part) for one in replicas for part in (one.speak(doorway), one.listen())]
        try:
            yield replicas
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def _run(place: Place) -> None:
    told = ""
    stirred = asyncio.Event()
    async with crowd(place, stirred) as replicas:
        while True:
            stirred.clear()
            epochs = Counter(one.epoch for one in replicas)
            newest = max(epochs)
            welcomed = epochs[newest] if newest else 0
            full = sum(one.roster is not None and len(one.roster.members) == REPLICAS for one in replicas)
            alone = sum(one.alone for one in replicas)
            state = {
                "epoch": newest,
                "welcomed": welcomed,
                "full": full,
                "alone": alone,
            }
            if (text := json.dumps(state)) != told:
                told = text
                print(json.dumps({"at": time.monotonic(), **state}), flush=True)
            await asyncio.sleep(TELL_EVERY)
            await stirred.wait()


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    uvloop.run(_run(Place(**given)))
