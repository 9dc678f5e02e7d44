"""The images as anybody builds them, and one archive of them to carry to other machines."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.docker import NoDocker

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Images:
    """By ID. archive: of `docker save`."""

    linkpool: str
    postgres: str
    adapter: str
    """The example's."""
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
    """LinkPool's image, PostgreSQL's and the example adapter's, saved together."""
    linkpool = build(socket)
    postgres = build(socket, "scripts/postgres-image")
    docker = ["docker", "--host", f"unix://{socket}"]
    adapter = _adapter(docker, linkpool)
    archive = folder / "images.tar"
    command = [*docker, "save", "--output", str(archive), linkpool, postgres, adapter]
    subprocess.run(command, check=True, capture_output=True)
    return Images(linkpool, postgres, adapter, archive)


def _adapter(docker: Sequence[str], base: str) -> str:
    """On a base that is there already, since no registry may be within reach."""
    asked = ["build", "--quiet", "--build-arg", f"BASE={base}", str(PROJECT / "examples" / "adapters")]
    told = {**os.environ, "DOCKER_BUILDKIT": "0"}
    ended = subprocess.run([*docker, *asked], env=told, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise NoDocker(f"the adapter's image: {ended.stderr[-1500:]}")
    return ended.stdout.split()[-1]
