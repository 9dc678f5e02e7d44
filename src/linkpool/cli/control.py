"""`linkpool control`: one control plane until it is told to end.

Its loop is uvloop's: thousands of lines with TLS cost half of what they cost asyncio's own, and less memory.
What it holds is looked through for cycles seldom: with thousands of lines that takes half a second each time.
"""

import asyncio
import gc
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import uvloop

from linkpool import log as logs
from linkpool.api import control
from linkpool.api.settings import Settings
from linkpool.engines.protocol import Engine

COLLECT_AFTER = 50_000
"""Objects more than before (`docs/decisions/0208-cycles-are-looked-for-seldom.md`)."""


def run(config: Path | None) -> int:
    """Serve until SIGTERM or Ctrl-C; returns 0. Raises LinkPoolError when it cannot start or go on."""
    logs.configure()
    serve(Settings.load(config))
    return 0


def serve(
    settings: Settings, engine: Callable[[], AbstractAsyncContextManager[Engine]] | None = None
) -> None:
    """One control plane in this process until SIGTERM or Ctrl-C. engine: in place of what the settings name.

    Raises what `linkpool.api.control.run` raises.
    """
    gc.set_threshold(COLLECT_AFTER)
    uvloop.run(_until_told(settings, engine))


async def _until_told(
    settings: Settings, engine: Callable[[], AbstractAsyncContextManager[Engine]] | None
) -> None:
    task = asyncio.create_task(control.run(settings, engine=engine))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
