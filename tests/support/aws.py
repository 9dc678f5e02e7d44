"""An AWS emulator whose ECS runs real containers (ministack), for one test run.

It lives in an environment of its own (`scripts/setup engines`), since it pins boto's parts.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from linkpool.dev.processes import claim_port
from tests.support.docker import Daemon, NoDocker

PROGRAM = Path(__file__).parents[2] / "build" / "ministack" / "bin" / "ministack"
GATEWAY = "172.17.0.1"
"""Of the daemon's default bridge: containers reach the emulator there."""
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
REGION = "eu-west-1"


@dataclass(frozen=True)
class Cloud:
    """The emulator, and the cluster made in it."""

    endpoint: str
    cluster: str


@contextmanager
def emulator(docker: Daemon, folder: Path) -> Iterator[Cloud]:
    """Start it on a free port beside the daemon; its containers end with the daemon."""
    if not PROGRAM.exists():
        raise NoDocker(f"{PROGRAM} is missing: scripts/setup engines")
    port = claim_port(0, "the emulator", "nothing")
    told = {"BIND_HOST": GATEWAY, "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION}
    told |= {"DOCKER_HOST": f"unix://{docker.socket}", "ECS_REAP_INTERVAL_SECONDS": "1"}
    with (folder / "ministack.log").open("wb") as sink:
        process = subprocess.Popen(
            [PROGRAM], env={**os.environ, **told}, stdout=sink, stderr=sink, cwd=folder
        )
    url = f"http://{GATEWAY}:{port}"
    try:
        _until_up(url, process, folder / "ministack.log")
        yield Cloud(url, "pool")
    finally:
        process.terminate()
        process.wait(20)


def _until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"{url}/_ministack/health").status_code < 500:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.monotonic() > until:
            raise NoDocker(f"the emulator does not start:\n{log.read_text(errors='replace')[-1500:]}")
        time.sleep(0.1)
