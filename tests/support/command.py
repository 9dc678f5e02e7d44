"""The `linkpool` command as people run it against a pool."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.support.pool import RealPool

SECONDS = 240.0


async def linkpool(pool: RealPool, *arguments: str | Path) -> str:
    """What the command prints. Raises AssertionError with what it complained of."""
    told = {"LINKPOOL_URL": pool.control.url, "LINKPOOL_API_TOKEN_FILE": str(pool.folder.token)}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "linkpool", *map(str, arguments)],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
