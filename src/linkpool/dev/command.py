"""`linkpool dev`: the live table, or the proof. Ctrl-C ends either in order; a second one hurries nothing."""

import asyncio
import json
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import is_address
from rich.console import Console

from linkpool import log as logs
from linkpool.chain.types import checksum
from linkpool.dev.check import Check
from linkpool.dev.folder import Folder, check_room, hold
from linkpool.dev.pool import welcome
from linkpool.dev.processes import CannotStart
from linkpool.dev.screen import Screen
from linkpool.dev.up import Ports, dev_pool, project_root
from linkpool.errors import LinkPoolError

STOPPED = 0
FULL_BYTES = 2**20
"""A disk with less room than this is full."""


@dataclass(frozen=True)
class Options:
    """What the command line said. `requests` is for the proof, `fund` names a visitor's wallet."""

    state: Path
    ports: Ports
    check: bool
    json: bool
    relay: bool
    requests: int
    fund: str | None


def run(options: Options) -> int:
    """Run until Ctrl-C, or until the proof is brought; returns the exit code. Raises LinkPoolError."""
    if options.fund is not None and not is_address(options.fund):
        raise CannotStart(f"--fund {options.fund} is no address: one is 0x and forty hex digits")
    with hold(options.state) as folder:
        try:
            folder.logs.mkdir(mode=0o700, exist_ok=True)
            with (folder.root / "dev.log").open("w") as own_log:
                logs.configure(own_log)
                return asyncio.run(_until_stopped(_main(options, folder)))
        except OSError as error:
            check_room(folder.root, FULL_BYTES)
            raise CannotStart(f"{error.filename or folder.root}: {error.strerror or error}") from error
        except LinkPoolError:
            check_room(folder.root, FULL_BYTES)  # whatever failed on a full disk, failed by it
            raise


async def _until_stopped(work: Coroutine[Any, Any, int]) -> int:
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return STOPPED


async def _main(options: Options, folder: Folder) -> int:
    console = Console(stderr=options.check)

    def say(text: str) -> None:
        console.print(f"[dim]starting:[/dim] {text}")

    relays = int(options.relay)
    async with dev_pool(folder, options.ports, project_root(), say, relays=relays) as pool:
        if options.fund:
            await welcome(pool.rpc, pool.found, checksum(options.fund))
        if not options.check:
            await Screen(pool, console).run()
        proof = await Check(pool, options.requests).run()
    if options.json:
        print(json.dumps(proof.values()))
    else:
        Console().print(proof.values())
    return 0 if proof.holds else 1
