"""What listens on loopback, reachable at another address of this machine too: for what runs in containers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def forwarded(address: str, port: int) -> AsyncIterator[int]:
    """Pass connections to `address` on to the same port of loopback, as long as the context is open."""
    lines: set[asyncio.StreamWriter] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(writer)
        with suppress(OSError):
            inner_reader, inner = await asyncio.open_connection("127.0.0.1", port)
            lines.add(inner)
            await asyncio.gather(_pump(reader, inner), _pump(inner_reader, writer))
            lines.discard(inner)
        lines.discard(writer)
        writer.close()

    server = await asyncio.start_server(pass_on, address, port)
    try:
        yield port
    finally:
        server.close()
        for line in lines:
            line.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
