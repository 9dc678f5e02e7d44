"""The images as anybody builds them, and one archive of both to carry to other machines."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.docker import NoDocker

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Images:
    """By ID. archive: of `docker save`."""

    linkpool: str
    postgres: str
    archive: Path


def build(socket: Path, script: str = "scripts/image", **environment: str) -> str:
    """Run a script of ours against a daemon; the image's ID, which it prints last."""
    told: Mapping[str, str] = {**os.environ, "DOCKER_HOST": f"unix://{socket}", **environment}
    ended = subprocess.run(
        [PROJECT / script], cwd=PROJECT, env=told, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise NoDocker(f"{script}: {ended.stderr[-1500:]}")
    return ended.stdout.split()[-1]


def build_all(socket: Path, folder: Path) -> Images:
    """LinkPool's image and PostgreSQL's, saved together."""
    linkpool = build(socket)
    postgres = build(socket, "scripts/postgres-image")
    archive = folder / "images.tar"
    command = ["docker", "--host", f"unix://{socket}", "save", "--output", str(archive), linkpool, postgres]
    subprocess.run(command, check=True, capture_output=True)
    return Images(linkpool, postgres, archive)
