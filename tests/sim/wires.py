"""A replica's wires to the world, which go dead with it: kill -9 at any await.

Cancelling tasks runs their `finally` blocks, a killed process runs nothing. So from its death on no call gets
out and no answer comes in: whatever the unwinding code still tries, the world does not hear it.

A `Fuse` kills after so many calls of the chain, just before or just after the last one took effect. That is
where a kill can differ from another kill: between two calls a replica changes nothing outside.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from linkpool.chain.rpc import Call
from linkpool.jobs.services import HttpReply, HttpRequest
from tests.sim.sources import Sources, deadly
from tests.support.fake_chain import FakeChain
from tests.support.fake_endpoint import FakeEndpoint, Faults


@dataclass
class Fuse:
    """Calls `blown` after `calls` more calls of the chain; `after`: the last of them still takes effect."""

    calls: int
    after: bool
    blown: Callable[[], None]


@dataclass(eq=False)
class Pulse:
    """Whether one task is alive."""

    alive: bool = True
    fuse: Fuse | None = None

    async def tick(self, *, before: bool) -> None:
        """Around each call: the fuse burns, and the dead hear nothing any more."""
        fuse = self.fuse
        if fuse and self.alive and fuse.after is not before:
            fuse.calls -= 1
            if fuse.calls <= 0:
                self.fuse = None
                fuse.blown()
        await self.silence()

    async def silence(self) -> None:
        """Return at once while alive, never when dead."""
        if not self.alive:
            await asyncio.Event().wait()


class Wire(FakeEndpoint):
    """One endpoint as one task reaches it; `faults` are those of the way there, and outlive the task."""

    def __init__(self, chain: FakeChain, name: str, faults: Faults, pulse: Pulse, *, pushes: bool) -> None:
        super().__init__(chain, name, faults, pushes=pushes)
        self._pulse = pulse

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """As FakeEndpoint, while alive."""
        await self._pulse.tick(before=True)
        results = await super().batch(calls)
        await self._pulse.tick(before=False)
        return results


@dataclass(eq=False)
class Line:
    """The way to the sources, while alive."""

    sources: Sources
    pulse: Pulse
    deadly: Callable[[int], None]
    """Called when a deadly question is run, with its number."""

    async def send(self, request: HttpRequest) -> HttpReply:
        """As linkpool.jobs.services.Http."""
        await self.pulse.silence()
        number = deadly(request)
        if number is not None and number % 2 == 0:
            self.deadly(number)
            await self.pulse.silence()
        reply = await self.sources.send(request)
        if number is not None and self.pulse.alive:
            self.deadly(number)
        await self.pulse.silence()
        return reply
