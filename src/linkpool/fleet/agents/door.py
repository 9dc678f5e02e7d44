"""Where replicas knock, whether this control plane leads or stands by.

A standby says so and keeps the line of whoever shows a group's token; when it becomes the leader, the welcome
follows on the same line. When a term ends every line is closed, and the replicas knock again. Lines on which
nothing was proved yet are few: of more, the one that has been silent the longest is closed.
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
from linkpool.wire.agent import Heartbeat, Hello, NotLeader, Refused, Up

log = structlog.get_logger(__name__)

HELLO_WITHIN = 10.0
SILENT_LINES = 256
"""Lines without a hello at a time: a replica says it at once, so strangers can only push out each other."""

Refusal = Callable[[Hello], Awaitable[Refused | None]]
"""Why who says this may not even wait; none when it may. Raises StoreUnreachable."""


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

    def __init__(self, refusal: Refusal, most: int | None = None) -> None:
        """refusal: what is asked while standing by; a leader's desk asks itself. most: lines that fit."""
        self._refusal = refusal
        self._most = most
        self._lines = 0
        self._silent: dict[asyncio.Timeout, None] = {}
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
        self._lines += 1
        try:
            if self._most is not None and self._lines > self._most:
                await self._no_room(link)
                return
            hello = await self._hello(link)
            if not isinstance(hello, Hello):
                await link.send(Refused(reason="the first message must be a hello", final=True))
                return
            if self._desk is None and (refused := await self._refusal(hello)) is not None:
                await link.send(refused)
                return
            desk = self._desk
            if desk is None:
                desk, hello = await self._wait(link, hello)
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
            self._lines -= 1
            await link.close()

    async def _no_room(self, link: Link) -> None:
        """Say so while there are files left to say it with. Raises LinkClosed."""
        reason = (
            f"this control plane has {self._most} lines, all that its limit of open files leaves room for: "
            "raise it (`ulimit -n`, LimitNOFILE, the container's nofile) and restart"
        )
        log.error("a replica was sent away", reason=reason)
        await link.send(Refused(reason=reason))

    async def _hello(self, link: Link) -> Up:
        """The first word. Raises TimeoutError when it is late, or too many lines are silent; LinkClosed."""
        async with asyncio.timeout(HELLO_WITHIN) as patience:
            self._silent[patience] = None
            if len(self._silent) > SILENT_LINES:
                self._end_oldest()
            try:
                return await link.receive()
            finally:
                self._silent.pop(patience, None)

    def _end_oldest(self) -> None:
        oldest = next(iter(self._silent))
        del self._silent[oldest]
        if not oldest.expired():
            oldest.reschedule(asyncio.get_running_loop().time())

    async def _wait(self, link: Link, hello: Hello) -> tuple[Desk, Hello]:
        """The desk, once there is one, and the hello with what the replica was told of runs that kill until
        then. Raises LinkClosed when it leaves first.
        """
        heard = _Heard()
        await link.send(NotLeader())
        while True:
            opened = asyncio.ensure_future(self._opened.wait())
            hearing = asyncio.ensure_future(_hear(link, heard))  # one for all: they are thousands
            try:
                await asyncio.wait((opened, hearing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                opened.cancel()
                hearing.cancel()
                with suppress(asyncio.CancelledError):
                    await hearing
            if self._desk is not None:
                beat = heard.beat or hello
                known = {"avoid": beat.avoid, "suspects": beat.suspects}
                return self._desk, hello.model_copy(update=known)


@dataclass
class _Heard:
    """The last that a replica said to who stands by."""

    beat: Heartbeat | None = None


async def _hear(link: Link, heard: _Heard) -> None:
    """Take in what a replica says, for ever. Raises LinkClosed."""
    while True:
        said = await link.receive()
        if isinstance(said, Heartbeat):
            heard.beat = said
