"""The OpenAPI document is kept: schemathesis sends what it promises and what it forbids, with every check on.

Event streams are left out because they never end (test_events.py reads them), and `/leads`, whose 503 is an
answer.
"""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from linkpool.api.server import listen, serve
from tests.support.api_house import api_house
from tests.support.databases import in_memory

__all__ = ["in_memory"]

ROOT = str(Path(__file__).parents[3])


@pytest.mark.timeout(900)
async def test_schemathesis_finds_nothing(tmp_path: Path, in_memory: Path) -> None:
    async with api_house(in_memory) as house:
        bound = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        serving = asyncio.create_task(serve(house.app, bound))
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/v1/openapi.json"),
                *("--header", f"Authorization: {house.headers('admin')['Authorization']}"),
                *("--exclude-path", "/api/v1/events"),
                *("--exclude-path", "/api/v1/public/events"),
                *("--exclude-path", "/leads"),
                *("--checks", "all", "--max-examples", "5", "--seed", "1", "--no-color"),
                *("--request-timeout", "120"),
                cwd=tmp_path,
                env={
                    **os.environ,
                    "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
                    "PYTHONPATH": ROOT,
                },
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
        assert process.returncode == 0, output.decode()[-8000:]
