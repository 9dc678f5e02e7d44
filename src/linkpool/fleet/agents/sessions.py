"""One replica on the line: what it said last, and what it has yet to be told.

Words wait in a mailbox that keeps only the newest of each kind, so a slow replica costs no memory and
holds up nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from linkpool.errors import Temporary
from linkpool.fleet.agents.roster import Seat
from linkpool.store.tables import Colour
from linkpool.units import Slot
from linkpool.wire.agent import Drain, Heartbeat, Message, Probe, Probed, Resume, State, Up


class LinkClosed(Temporary):
    """The other side is gone, or said something that is no message."""


class Link(Protocol):
    """A two-way line to one replica; the API's WebSocket implements it."""

    async def send(self, message: Message) -> None:
        """Raises LinkClosed."""

    async def receive(self) -> Up:
        """The next message. Raises LinkClosed."""
        ...

    async def close(self) -> None:
        """Hang up; never raises."""


class Session:
    """A replica that was let in. heard_at: monotonic seconds."""

    def __init__(self, link: Link, *, node: int, group: str, task: str, colour: Colour) -> None:
        self._link = link
        self.node = node
        self.group = group
        self.task = task
        self.colour = colour
        self.slot = Slot(-1)
        self.sender = ""
        self.heard_at = 0.0
        self.beat: Heartbeat | None = None
        self.health: str | None = None
        self.told: Drain | Resume | None = None
        """The last order of this leader, as far as there was one."""
        self.asked: Probe | None = None
        self.asked_at = 0.0
        self.probed: Probed | None = None
        """What its latest probe found."""
        self._mail: dict[str, Message] = {}
        self._posted = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def state(self) -> State:
        """As it says itself."""
        return self.beat.state if self.beat else State.CLAIMING

    @property
    def seat(self) -> Seat:
        """How the roster sees it."""
        holds = self.beat.in_hand if self.beat and self.state is State.DRAINING else ()
        serving = self.state is State.SERVING
        funded = self.beat.funded if self.beat else True
        return Seat(self.task, self.sender, self.colour, serving, self.heard_at, holds, funded)

    def post(self, kind: str, message: Message) -> None:
        """Say something as soon as the line takes it, in place of an unsaid word of that kind."""
        self._mail.pop(kind, None)
        self._mail[kind] = message
        self._posted.set()

    def end(self) -> None:
        """Hang up and say nothing more."""
        self._mail.clear()
        self._ended.set()

    async def write(self, speaks: Callable[[], Awaitable[None]]) -> None:
        """Send what is posted, for ever. Raises LinkClosed.

        speaks: returns as soon as anything may be said.
        """
        while True:
            await self._posted.wait()
            self._posted.clear()
            while self._mail:
                await speaks()
                kind = next(iter(self._mail), None)
                if kind is not None:  # else it was told to end meanwhile
                    await self._link.send(self._mail.pop(kind))

    async def ended(self) -> None:
        """Return when it was told to end."""
        await self._ended.wait()

    async def receive(self) -> Up:
        """The replica's next message. Raises LinkClosed."""
        return await self._link.receive()

    async def hang_up(self) -> None:
        """Close the line."""
        await self._link.close()
