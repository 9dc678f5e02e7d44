"""The process of one relay, and its composition root: what starts here stops here, in reverse."""

import asyncio
import random
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from linkpool import log as logs
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.chain.types import unhex
from linkpool.errors import Permanent
from linkpool.names import lasting_session
from linkpool.open_files import KEPT, room_for_connections
from linkpool.relay.checking import EVERY_SECONDS
from linkpool.relay.core import Core
from linkpool.relay.observed import Link, Observed
from linkpool.relay.server import MAX_POSTS, Server
from linkpool.relay.settings import Settings

log = structlog.get_logger(__name__)


class CannotListen(Permanent):
    """The address or port is not to be had."""


def main(config: Path | None, environ: Mapping[str, str], said: Mapping[str, Any]) -> int:
    """Run one relay until SIGTERM or Ctrl-C; returns 0. Raises LinkPoolError when it cannot start."""
    logs.configure()
    settings = Settings.load(config, environ, said)
    asyncio.run(_until_told(settings))
    return 0


async def _until_told(settings: Settings) -> None:
    task = asyncio.create_task(run(settings))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


async def run(settings: Settings, *, listening: Callable[[int], None] | None = None) -> None:
    """Run one relay until cancelled. `listening` hears its port. Raises SettingsRefused, CannotListen."""
    token, tls = settings.token(), settings.tls()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(lasting_session())
        links: list[Link] = []
        for url in settings.upstreams:
            links.append(connect(url, session))
            stack.push_async_callback(links[-1].close)
        genesis = unhex(settings.genesis) if settings.genesis else None
        endpoints = Endpoints(links, chain_id=settings.chain_id, genesis=genesis)
        offset = random.uniform(0, EVERY_SECONDS)  # noqa: S311 - spreads the relays' reads
        core = Core(endpoints, chain_id=settings.chain_id, window=settings.window, offset=offset)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Observed(links, core))
        token = logs.hide(token) if token else None
        clients = _clients(settings.max_clients)
        server = Server(core, registry, token=token, max_clients=clients)
        try:
            port = await stack.enter_async_context(server.listening(settings.host, settings.port, tls))
        except OSError as error:
            raise CannotListen(
                f"{settings.host}:{settings.port}: {error.strerror}; choose another port"
            ) from error
        log.info("relay listens", host=settings.host, port=port, clients_at_most=clients)
        if listening:
            listening(port)
        await core.run()


def _clients(wanted: int | None) -> int:
    """How many at most: as many as were asked for, if this process may have so many files."""
    room = room_for_connections(KEPT + MAX_POSTS)
    if wanted is not None and wanted > room:
        why = "its limit of open files: raise it (`ulimit -n`, LimitNOFILE, the container's nofile)"
        log.warning("fewer clients than max_clients", clients_at_most=room, max_clients=wanted, why=why)
    return min(wanted or room, room)
