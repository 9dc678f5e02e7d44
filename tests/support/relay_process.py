"""A relay as a real process, over upstreams that can fail.

async with relay_process(folder, "one", [first, second], http) as relay:    # RpcProxies
    relay.ws, relay.http                  # give these to whoever asks
    relay.first.faults.silent = True
    await relay.end(); await relay.start()      # on the same port
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.support import health
from tests.support.ports import free_port
from tests.support.rpc_proxy import ProxyFaults, RpcProxy


@dataclass
class RelayProcess:
    """One relay, which may be killed and started again."""

    name: str
    port: int
    ups: Sequence[RpcProxy]
    log: Path
    session: aiohttp.ClientSession
    process: asyncio.subprocess.Process | None = None

    @property
    def ws(self) -> str:
        """For calls and subscriptions."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        """For calls, and what it says of itself."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def first(self) -> RpcProxy:
        """Its first upstream."""
        return self.ups[0]

    async def start(self) -> None:
        """Start its process."""
        urls = [part for up in self.ups for part in ("--upstream", up.ws)]
        command = [*("-m", "linkpool", "relay", "--chain-id", "31337", "--port", str(self.port)), *urls]
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
            )

    async def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        """Signal it and return its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.process.wait()

    def say(self, what: signal.Signals) -> None:
        """Signal it."""
        assert self.process is not None
        self.process.send_signal(what)

    async def ready(self) -> str:
        """What `/ready` says: "ready", or why not; "gone" when nobody answers."""
        return await health.ready(self.session, self.http)

    async def says(self, what: str) -> None:
        """Return once `/ready` says something that begins with `what`."""
        await health.until_says(self.session, self.http, what, self.log)

    async def figure(self, name: str, *labels: str) -> float:
        """The sum of a metric's values, `linkpool_NAME`, over samples that have all these labels."""
        async with self.session.get(f"{self.http}/metrics") as reply:
            families = text_string_to_metric_families(await reply.text())
        samples = [one for family in families for one in family.samples if one.name == f"linkpool_{name}"]
        return sum(one.value for one in samples if set(labels) <= set(one.labels.values()))

    def heal(self) -> None:
        """Nothing is wrong with its upstreams any more."""
        for up in self.ups:
            up.faults = ProxyFaults()


@asynccontextmanager
async def relay_process(
    folder: Path, name: str, ups: Sequence[RpcProxy], session: aiohttp.ClientSession
) -> AsyncIterator[RelayProcess]:
    """A relay over these upstreams, ready when entered; killed at the end."""
    port = free_port()
    relay = RelayProcess(name, port, ups, folder / f"relay-{name}.log", session)
    await relay.start()
    try:
        await relay.says("ready")
        yield relay
    finally:
        await relay.end()
