"""A line between a replica and a control plane in memory: the fleet's `Link` at one end."""

import asyncio

from linkpool.fleet.agents.sessions import LinkClosed
from linkpool.wire.agent import DOWN, UP, Down, Message, Up, encode


class Line:
    """Everything said goes through the wire format, as on a socket."""

    def __init__(self) -> None:
        self._up: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._down: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = False

    # the control plane's end

    async def send(self, message: Message) -> None:
        if self.closed:
            raise LinkClosed("the line is cut")
        self._down.put_nowait(encode(message))

    async def receive(self) -> Up:
        raw = await self._up.get()
        if raw is None:
            raise LinkClosed("the line is cut")
        return UP.validate_json(raw)

    async def close(self) -> None:
        self.closed = True
        self._down.put_nowait(None)

    # the replica's end

    def say(self, message: Message) -> None:
        """To the control plane."""
        self._up.put_nowait(encode(message))

    def cut(self) -> None:
        """The process was killed: its sockets are closed."""
        self.closed = True
        self._up.put_nowait(None)

    @property
    def unread(self) -> bool:
        """The control plane has not taken in all that was said."""
        return not self._up.empty()

    async def hear(self, within: float = 60.0) -> Down | None:
        """The next word; None when the control plane hung up."""
        async with asyncio.timeout(within):
            raw = await self._down.get()
        return None if raw is None else DOWN.validate_json(raw)

    async def hear_kind(self, kind: str, within: float = 60.0) -> Down:
        """The next word of that kind; others are passed over."""
        while True:
            message = await self.hear(within)
            assert message is not None, f"hung up before a {kind}"
            if message.kind == kind:
                return message

    @property
    def silent(self) -> bool:
        """Nothing more was said."""
        return self._down.empty()
