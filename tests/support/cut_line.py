"""What lies between an engine's client and its engine: a line that can be cut, be slow, or lose an answer.

async with cut_line(Path("docker.sock"), Path("line.sock")) as line:   # or ("127.0.0.1", port)
    with line.cut(): ...             # nobody gets through
    with line.slow(): ...            # every answer takes its time
    with line.lost(b"CreateService"): ...   # the first such call is done, and nobody hears that it is
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

SLOW_SECONDS = 0.15
At = Path | tuple[str, int]
"""A socket file, or an address with its port."""


class CutLine:
    """Passes bytes on both ways, as long as nothing is wrong with it."""

    def __init__(self, to: At) -> None:
        self._to = to
        self._cut = False
        self._pause = 0.0
        self._losing: bytes | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self.port = 0

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Whoever talks is interrupted, whoever comes is turned away."""
        self._cut = True
        self._hang_up()
        try:
            yield
        finally:
            self._cut = False

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Answers come later."""
        self._pause = SLOW_SECONDS
        try:
            yield
        finally:
            self._pause = 0.0

    @contextmanager
    def lost(self, call: bytes) -> Iterator[None]:
        """The answer to the first call with these words is lost, though the engine gave it."""
        self._losing = call
        yield
        assert self._losing is None, f"nobody called {call!r}"

    def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody calls."""
        call = asyncio.create_task(self._pass_on(reader, writer))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end closes it."""
        ends = [writer]
        self._ends.add(writer)
        try:
            if not self._cut:
                inner_reader, inner = await _connect(self._to)
                ends.append(inner)
                self._ends.add(inner)
                deaf = asyncio.Event()
                await asyncio.gather(self._up(reader, inner, deaf), self._down(inner_reader, writer, deaf))
        except OSError:
            pass  # one of the ends is gone: the other is told below
        finally:
            for end in ends:
                self._ends.discard(end)
                end.transport.abort()

    async def _up(
        self, reader: asyncio.StreamReader, inner: asyncio.StreamWriter, deaf: asyncio.Event
    ) -> None:
        while piece := await reader.read(65_536):
            if self._losing is not None and self._losing in piece:
                self._losing = None
                deaf.set()
            inner.write(piece)
            await inner.drain()
        inner.close()

    async def _down(
        self, inner: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event
    ) -> None:
        while piece := await inner.read(65_536):
            if deaf.is_set():  # the engine has done it: its answer ends here
                writer.transport.abort()
                return
            await asyncio.sleep(self._pause)
            writer.write(piece)
            await writer.drain()
        writer.close()

    def _hang_up(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def close(self) -> None:
        """Hang up on everybody, for good."""
        self._hang_up()
        await asyncio.gather(*self._calls)


async def _connect(to: At) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(to, Path):
        return await asyncio.open_unix_connection(to)
    return await asyncio.open_connection(*to)


@asynccontextmanager
async def cut_line(to: At, at: At = ("127.0.0.1", 0)) -> AsyncIterator[CutLine]:
    """A line to an engine; clients find it `at` a socket file, or at the port that the line says."""
    line = CutLine(to)
    if isinstance(at, Path):
        server = await asyncio.start_unix_server(line.answer, at)
    else:
        server = await asyncio.start_server(line.answer, *at)
        line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.close()
