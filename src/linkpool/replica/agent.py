"""The replica's side of the agent socket: one WebSocket to every control plane, held open for life.

What comes down lands in `inbox`, in order; heartbeats go up on every socket, at once when something
changed. A lost socket is dialled again after a pause spread over 2 s, so that a whole fleet does not return
in one moment.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import structlog
from pydantic import ValidationError

from linkpool.replica.trust import Trust, WrongAuthority
from linkpool.wire.agent import DOWN, HEARTBEAT_SECONDS, Down, Goodbye, Heartbeat, Hello, Message, encode
from linkpool.wire.trust import SERVER_NAME

log = structlog.get_logger(__name__)

SPREAD_SECONDS = 2.0
TOLD_SECONDS = 0.2
"""A control plane that does not read is waited for no longer than this."""
PATH = "/agent/v1"


class Agent:
    """Speaks for one replica. `hello` and `beat` say what is true now, each time they are called.

    With `trust`, lines are TLS to control planes of that authority, and nothing is said on any other.
    """

    def __init__(
        self,
        urls: tuple[str, ...],
        http: aiohttp.ClientSession,
        hello: Callable[[], Hello],
        beat: Callable[[], Heartbeat],
        dice: random.Random,
        trust: Trust | None = None,
    ) -> None:
        self._urls, self._http, self._hello, self._beat, self._dice = urls, http, hello, beat, dice
        self._trust = trust
        self._open: set[aiohttp.ClientWebSocketResponse] = set()
        self._due = asyncio.Event()
        self._said = asyncio.Event()
        """Set after the heartbeat that comes next."""
        self.inbox: asyncio.Queue[Down] = asyncio.Queue()

    @property
    def connected(self) -> int:
        """Control planes this replica can hear."""
        return len(self._open)

    def nudge(self) -> None:
        """Send a heartbeat now: something the control plane waits for has changed."""
        self._due.set()

    async def told(self) -> None:
        """Return when a heartbeat with what is true now is on its way, or nobody listens."""
        if self._open:
            said = self._said
            self.nudge()
            with suppress(TimeoutError):
                async with asyncio.timeout(TOLD_SECONDS):
                    await said.wait()

    async def run(self) -> None:
        """Hold all sockets until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._heartbeats())
            for url in self._urls:
                tasks.create_task(self._hold(url.rstrip("/")))

    async def goodbye(self) -> None:
        """Say that nothing is in hand any more, and close."""
        await self.say(Goodbye())
        for socket in list(self._open):
            await socket.close()

    async def _hold(self, url: str) -> None:
        trouble: str | None = None
        while True:
            try:
                await self._converse(url)
                trouble = None
            except (aiohttp.ClientError, TimeoutError, OSError, WrongAuthority) as error:
                if trouble != type(error).__name__:  # told once, until it is another one
                    log.warning(
                        "control plane out of reach, serving on with what is known", url=url, error=str(error)
                    )
                trouble = type(error).__name__
            await asyncio.sleep(self._dice.uniform(0.05, SPREAD_SECONDS))

    async def _converse(self, url: str) -> None:
        believed = await self._trust.context(url) if self._trust else True
        name = SERVER_NAME if self._trust else None
        dialled = self._http.ws_connect(
            url + PATH, heartbeat=10, max_msg_size=16 * 2**20, ssl=believed, server_hostname=name
        )
        async with dialled as socket:
            await socket.send_str(encode(self._hello()))
            self._open.add(socket)
            try:
                async for frame in socket:
                    if frame.type is aiohttp.WSMsgType.TEXT:
                        self._take(frame.data, url)
            finally:
                self._open.discard(socket)

    def _take(self, data: str, url: str) -> None:
        try:
            self.inbox.put_nowait(DOWN.validate_json(data))
        except ValidationError as error:
            log.warning("control plane said something unknown, ignored", url=url, error=str(error)[:300])

    async def _heartbeats(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._due.wait()
            self._due.clear()
            said, self._said = self._said, asyncio.Event()
            await self.say(self._beat())
            said.set()

    async def say(self, message: Message) -> None:
        """Send it to every control plane that listens now."""
        data = encode(message)
        for socket in list(self._open):
            with suppress(ConnectionError, aiohttp.ClientError):
                await socket.send_str(data)
