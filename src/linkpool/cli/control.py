"""`linkpool control`: one control plane until it is told to end.

Its loop is uvloop's: thousands of lines with TLS cost half of what they cost asyncio's own, and less memory.
"""

import asyncio
import os
import signal
from pathlib import Path

import uvloop

from linkpool import log as logs
from linkpool.api import control
from linkpool.api.settings import Settings
from linkpool.cli.given import unpack


def run(config: Path | None) -> int:
    """Serve until SIGTERM or Ctrl-C; returns 0. Raises LinkPoolError when it cannot start or go on."""
    logs.configure()
    given = unpack(os.environ)
    settings = Settings.load(config or (Path(given) if given else None))
    uvloop.run(_until_told(settings))
    return 0


async def _until_told(settings: Settings) -> None:
    task = asyncio.create_task(control.run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
