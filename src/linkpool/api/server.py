"""An HTTP server that listens before it is told what to serve, and that leaves signals to its owner."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI

from linkpool.api.ending import Ending
from linkpool.errors import Permanent

IDLE_WITHIN = 75
"""Seconds an idle connection stays: longer than proxies keep theirs, so that it is the client who ends it."""
CLOSE_WITHIN = 2
"""Seconds open requests get at a stop."""


class PortTaken(Permanent):
    """The address cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises PortTaken."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise PortTaken(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from error


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process's owner handles signals, by cancelling."""
        yield


async def serve(app: FastAPI, bound: socket.socket, tls: ssl.SSLContext | None = None) -> None:
    """Serve until cancelled, then close every connection. With `tls` nothing else is spoken."""
    ending = Ending(app)
    config = uvicorn.Config(
        ending,
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        ws_ping_interval=None,  # heartbeats come every half second
        ws_per_message_deflate=False,  # small messages, and nobody shall send us what unpacks to more
        timeout_keep_alive=IDLE_WITHIN,
        timeout_graceful_shutdown=CLOSE_WITHIN,
        lifespan="off",
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[bound]))
    try:
        await asyncio.shield(serving)
    finally:
        ending.stop()
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
