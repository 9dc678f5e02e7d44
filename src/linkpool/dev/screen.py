"""The terminal of `make dev`: a requester that asks every 2 s, and a table that shows what became of it."""

import asyncio
import os
import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console, RenderableType
from rich.live import Live

from linkpool.api.client import ControlTrouble
from linkpool.chain.rpc import EndpointTrouble
from linkpool.cli.where import DEFAULT_URL
from linkpool.dev.account import NotDone
from linkpool.dev.job import SPEC_ID, demo_parameters
from linkpool.dev.pool import PAYMENT, stake
from linkpool.dev.table import NodeRow, Snapshot, node_row, render
from linkpool.dev.tally import Tally
from linkpool.dev.up import DevPool
from linkpool.wire.api import NodeView

ASK_SECONDS = 2.0
REFRESH_SECONDS = 0.25


class Screen:
    """Keeps a `Snapshot` of the pool true and on the terminal."""

    def __init__(self, pool: DevPool, console: Console) -> None:
        self._pool, self._console = pool, console
        self._tallies: dict[str, Tally] = {}
        self._nodes: list[NodeView] = [pool.node]
        self._block: int | None = None
        self._block_at = 0.0
        self._trouble: str | None = None

    async def run(self) -> NoReturn:
        """Ask and show until cancelled."""
        await stake(self._pool.found, self._pool.oracle)
        with Live(self._view(), console=self._console, auto_refresh=False, screen=False) as live:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ask())
                while True:
                    await self._look()
                    live.update(self._view(), refresh=True)
                    await asyncio.sleep(REFRESH_SECONDS)

    async def _ask(self) -> NoReturn:
        found = self._pool.found
        while True:
            try:
                await found.requester.send(
                    found.consumer.ask(self._pool.oracle, SPEC_ID, PAYMENT, demo_parameters())
                )
            except (NotDone, EndpointTrouble) as error:
                self._trouble = f"the demo requester could not ask: {error}"
            await asyncio.sleep(ASK_SECONDS)

    async def _look(self) -> None:
        try:
            self._nodes = await self._pool.control.nodes()
            await self._count()
            self._trouble = None
        except ControlTrouble as error:
            self._trouble = f"{error} (replicas serve on without it)"
        except EndpointTrouble as error:
            self._trouble = f"the dev chain does not answer: {error}"

    async def _count(self) -> None:
        for node in self._nodes:
            if node.id is not None:
                tally = self._tallies.setdefault(
                    node.id, Tally(self._pool.rpc, node.id, self._pool.found.deployment.block)
                )
                head = await tally.update()
                if head != self._block:
                    self._block, self._block_at = head, asyncio.get_running_loop().time()

    def _view(self) -> RenderableType:
        age = asyncio.get_running_loop().time() - self._block_at
        rows = [self._row(node) for node in self._nodes]
        return render(Snapshot(self._block, age, rows, self._hints(), self._trouble))

    def _row(self, node: NodeView) -> NodeRow:
        tally = self._tallies.get(node.id or "")
        if tally is None:
            return node_row(node)
        return node_row(node, answered=tally.answered, open_now=tally.open, delay=tally.median_delay)

    def _hints(self) -> list[str]:
        folder = Path(os.path.relpath(self._pool.folder.root))
        victim = next((r.pid for node in self._nodes for r in node.replicas if r.pid), None)
        kill = f"  kill -9 {victim}{'':<14}# watch the other one answer, and a copy come"
        command = os.path.relpath(Path(sys.executable).with_name("linkpool"))
        return [
            "",
            f"The pages: {self._pool.control.url}",
            "Try next, in another terminal:",
            *([kill] if victim else []),
            f"  {command} node add{self._options(folder)}  # one call makes a node",
            f"  tail -f {folder}/logs/*.log {folder}/control/engine/logs/*.log",
            "Ctrl-C stops everything.",
        ]

    def _options(self, folder: Path) -> str:
        """What a command needs to find this pool, where it is not at the usual place."""
        url = "" if self._pool.control.url == DEFAULT_URL else f" --url {self._pool.control.url}"
        usual = folder == Path(".linkpool")
        return url + ("" if usual else f" --token-file {folder}/control/admin.token")
