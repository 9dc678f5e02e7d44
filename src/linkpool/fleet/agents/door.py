"""Where replicas knock, whether this control plane leads or stands by.

A standby says so and keeps the line; when it becomes the leader, the welcome follows on the same line. When a
term ends every line is closed, and the replicas knock again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog

from linkpool.errors import Temporary
from linkpool.fleet.adapters.adapters import Adapters
from linkpool.fleet.agents.claims import Claims
from linkpool.fleet.agents.hub import Facts, Hub
from linkpool.fleet.agents.sessions import Link, LinkClosed
from linkpool.fleet.running.tasks import Tasks
from linkpool.units import Wei
from linkpool.wire.agent import Hello, NotLeader, Refused

log = structlog.get_logger(__name__)

HELLO_WITHIN = 10.0


@dataclass(frozen=True)
class Desk:
    """What a leader lets replicas in with, and shows of them, for one term."""

    epoch: int
    hub: Hub
    claims: Claims
    facts: Facts
    tasks: Tasks
    balances: Mapping[str, Wei]
    """Wei of each sender, as last seen."""
    room: Callable[[], Awaitable[int | None]] | None = None
    """The engine's room for more tasks."""
    adapters: Adapters | None = None
    """Those that the pool runs."""


class Door:
    """One per process; a leader opens it for its term."""

    def __init__(self) -> None:
        self._desk: Desk | None = None
        self._opened = asyncio.Event()

    @property
    def desk(self) -> Desk | None:
        """The leader's desk; None while standing by."""
        return self._desk

    def open(self, desk: Desk) -> None:
        """This control plane leads."""
        self._desk = desk
        self._opened.set()

    def close(self) -> None:
        """It leads no more."""
        if self._desk is not None:
            self._desk.hub.close()
        self._desk = None
        self._opened.clear()

    async def serve(self, link: Link) -> None:
        """One line from the first word to the last; never raises for what the other side does."""
        try:
            async with asyncio.timeout(HELLO_WITHIN):
                hello = await link.receive()
            if not isinstance(hello, Hello):
                await link.send(Refused(reason="the first message must be a hello", final=True))
                return
            desk = self._desk or await self._wait(link)
            await desk.hub.serve(hello, link, desk.claims, desk.facts)
        except TimeoutError:
            log.info("a line without a hello was closed")
        except LinkClosed:
            pass
        except Temporary as error:  # database or engine: the replica asks again
            log.warning("replica could not be let in", error=str(error))
            with suppress(LinkClosed):
                await link.send(Refused(reason="the control plane cannot decide now; ask again"))
        finally:
            await link.close()

    async def _wait(self, link: Link) -> Desk:
        """The desk, once there is one. Raises LinkClosed when the replica leaves first."""
        await link.send(NotLeader())
        while True:
            opened = asyncio.ensure_future(self._opened.wait())
            said = asyncio.ensure_future(link.receive())
            try:
                await asyncio.wait((opened, said), return_when=asyncio.FIRST_COMPLETED)
            finally:
                opened.cancel()
                said.cancel()
                with suppress(asyncio.CancelledError):
                    await said
            if self._desk is not None:
                return self._desk
