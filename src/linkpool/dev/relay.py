"""Relays of `linkpool dev`: real processes between the dev chain and whoever asks it."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from linkpool.dev.processes import CannotStart, child, claim_port, last_words

START_SECONDS = 20.0


@dataclass(frozen=True)
class DevRelay:
    """One relay that runs."""

    port: int
    process: Process

    @property
    def ws(self) -> str:
        """What replicas are given."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        """Where it says how it is."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def dev_relays(
    count: int,
    upstreams: Sequence[str],
    chain_id: int,
    logs: Path,
    http: aiohttp.ClientSession,
    *,
    seconds: float = START_SECONDS,
) -> AsyncIterator[list[DevRelay]]:
    """That many relays over these upstreams, ready within `seconds` when entered. Raises CannotStart."""
    async with AsyncExitStack() as stack:
        relays = []
        for number in range(1, count + 1):
            log = logs / f"relay-{number}.log"
            relays.append(await stack.enter_async_context(_relay(upstreams, chain_id, log)))
            await _ready(relays[-1], http, log, seconds)
        yield relays


@asynccontextmanager
async def _relay(upstreams: Sequence[str], chain_id: int, log: Path) -> AsyncIterator[DevRelay]:
    port = claim_port(0, "a relay", "nothing")
    command = [sys.executable, "-m", "linkpool", "relay", "--chain-id", str(chain_id), "--port", str(port)]
    command += [part for url in upstreams for part in ("--upstream", url)]
    async with child(command, log) as process:
        yield DevRelay(port, process)


async def _ready(relay: DevRelay, http: aiohttp.ClientSession, log: Path, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while relay.process.returncode is None:
                try:
                    async with http.get(f"{relay.http}/ready") as reply:
                        if reply.status == 200:
                            return
                except aiohttp.ClientError:
                    pass  # it does not listen yet
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise CannotStart(f"a relay did not start: {last_words(log)}")
