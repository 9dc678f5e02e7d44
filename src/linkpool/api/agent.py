"""The agent socket: replicas dial `/agent/v1` and hold one WebSocket (`linkpool.wire.agent`).

On loopback it is part of the API's own listener; over a network it has a listener to itself, which speaks TLS
and shows the pool's authority (`linkpool.wire.trust`).
"""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, FastAPI, Response, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from linkpool.fleet.agents.door import Door
from linkpool.fleet.agents.sessions import LinkClosed
from linkpool.wire.agent import UP, Message, Up, encode
from linkpool.wire.trust import CA_PATH

SEND_WITHIN = 5.0
"""Seconds a replica may take to accept one message."""


class SocketLink:
    """One accepted WebSocket as the fleet's `Link`."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def send(self, message: Message) -> None:
        """Raises LinkClosed."""
        try:
            async with asyncio.timeout(SEND_WITHIN):
                await self._socket.send_text(encode(message))
        except (WebSocketDisconnect, RuntimeError, OSError, TimeoutError) as error:
            raise LinkClosed("the replica does not listen any more") from error

    async def receive(self) -> Up:
        """The next message. Raises LinkClosed."""
        try:
            return UP.validate_json(await self._socket.receive_text())
        except (WebSocketDisconnect, RuntimeError, KeyError) as error:
            raise LinkClosed("the replica hung up") from error
        except ValidationError as error:
            raise LinkClosed("the replica said something that is no message") from error

    async def close(self) -> None:
        """Hang up; never raises."""
        with suppress(WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
            async with asyncio.timeout(SEND_WITHIN):
                await self._socket.close()


def agent_routes(door: Door) -> APIRouter:
    """The one socket."""
    routes = APIRouter()

    @routes.websocket("/agent/v1")
    async def agent(socket: WebSocket) -> None:
        await socket.accept()
        await door.serve(SocketLink(socket))

    return routes


def build_agent_app(door: Door, authority: bytes) -> FastAPI:
    """What the TLS listener serves: the socket, and the authority's certificate (DER), which is public."""
    app = FastAPI(openapi_url=None)
    app.include_router(agent_routes(door))

    @app.get(CA_PATH)
    async def show_authority() -> Response:
        """How a replica gets to know what its fingerprint stands for."""
        return Response(authority, media_type="application/pkix-cert")

    return app
