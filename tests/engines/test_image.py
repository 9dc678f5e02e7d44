"""The image: small, nobody's, read-only, the same twice, and it ends when it is told to."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from linkpool.aws.template import template_text
from linkpool.fleet.secrets.keys import new_master, seal
from tests.support.docker import Daemon
from tests.support.formation import Formation
from tests.support.images import Images, build

pytestmark = pytest.mark.timeout(900)

MEGABYTE = 10**6
POOL = """
state = "elsewhere"
chain_id = 1
pool = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
view = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
rpc_urls = ["https://one.example.org/key"]
"""


def docker_cli(daemon: Daemon, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["docker", "--host", f"unix://{daemon.socket}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def inspect(daemon: Daemon, image: str) -> dict[str, object]:
    return dict(json.loads(docker_cli(daemon, "image", "inspect", image).stdout)[0])


def test_it_is_small_and_nobodys_and_says_when_it_is_well(docker: Daemon, images: Images) -> None:
    seen = inspect(docker, images.linkpool)
    config = seen["Config"]
    assert isinstance(config, dict)
    assert isinstance(seen["Size"], int)
    assert seen["Size"] < 200 * MEGABYTE
    assert config["User"] == "65532:65532"
    assert config["StopSignal"] == "SIGTERM"
    assert "/opt/linkpool/healthy.py" in config["Healthcheck"]["Test"]


def test_the_same_commit_gives_the_same_layers(docker: Daemon, images: Images) -> None:
    again = build(docker.socket, TAG="linkpool:again")
    assert inspect(docker, again)["RootFS"] == inspect(docker, images.linkpool)["RootFS"]


def test_every_process_starts_on_a_read_only_root_without_rights(docker: Daemon, images: Images) -> None:
    bare = ("run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none", images.linkpool)
    assert "stake on" in docker_cli(docker, *bare).stdout
    told = docker_cli(docker, *bare, "replica")
    assert told.returncode != 0
    assert "LINKPOOL_TOKEN_FILE is not set" in told.stdout + told.stderr
    assert "Traceback" not in told.stdout + told.stderr
    modules = "import linkpool.api.control, linkpool.replica.main, linkpool.cli, boto3, asyncpg, ssl;"
    modules += "assert ssl.create_default_context().get_ca_certs()"
    whole = docker_cli(docker, *bare[:-1], "--entrypoint", "python", images.linkpool, "-c", modules)
    assert whole.returncode == 0, whole.stderr


def test_a_control_plane_of_the_stack_on_aws_needs_nothing_but_its_environment(
    docker: Daemon, images: Images, tmp_path: Path
) -> None:
    """As its task definition runs it, up to the database, which is not there."""
    passphrase = "a-passphrase-of-some-length"
    seal(new_master(), passphrase, tmp_path / "master.json", cost=2**10)
    given = {"DatabaseUrl": "postgresql://linkpool@127.0.0.1:9/linkpool", "Image": "it", "Domain": "here"}
    task = Formation(json.loads(template_text()), given).resources()["ControlATask"]["Properties"]
    (container,) = task["ContainerDefinitions"]
    told = {one["Name"]: one["Value"] for one in container["Environment"]}
    told |= {
        "LINKPOOL_KEYS": (tmp_path / "master.json").read_text(),
        "LINKPOOL_ADMIN_TOKEN": "a-token-of-24-characters",
        "LINKPOOL_CONFIG": POOL,
        "LINKPOOL_PASSPHRASE_FILE": "/etc/hostname",  # in place of KMS
    }
    environment = [part for name, value in told.items() for part in ("--env", f"{name}={value}")]
    assert container["ReadonlyRootFilesystem"] is True
    bare = ("run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none", "--hostname", passphrase)
    ended = docker_cli(
        docker, *bare, "--user", container["User"], *environment, images.linkpool, *container["Command"]
    )
    assert ended.returncode == 75, ended.stderr
    assert "the database did not do it" in ended.stderr


def test_a_replica_ends_in_order_when_it_is_told_to(docker: Daemon, images: Images) -> None:
    """One that finds neither chain nor control plane keeps trying; SIGTERM ends it, exit code 0."""
    told = {
        "LINKPOOL_GROUP": "n1-blue-1",
        "LINKPOOL_TASK": "lonely",
        "LINKPOOL_TOKEN_FILE": "/etc/passwd",
        "LINKPOOL_CONTROL_URLS": "http://127.0.0.1:9",
        "LINKPOOL_RPC_URLS": "http://127.0.0.1:9",
    }
    environment = [part for name, value in told.items() for part in ("--env", f"{name}={value}")]
    container = docker_cli(
        docker,
        "run",
        "--detach",
        "--read-only",
        "--network",
        "none",
        *environment,
        images.linkpool,
        "replica",
    ).stdout.strip()
    until = time.monotonic() + 200
    while "claiming" not in (said := _said(docker, container)):
        assert time.monotonic() < until, said
        time.sleep(0.1)
    docker_cli(docker, "stop", "--time", "20", container)
    state = json.loads(docker_cli(docker, "inspect", "--format", "{{json .State}}", container).stdout)
    said = _said(docker, container)
    docker_cli(docker, "rm", "--force", container)
    assert state["ExitCode"] == 0, said
    assert "Traceback" not in said


def _said(daemon: Daemon, container: str) -> str:
    """All that it printed, on either stream."""
    logs = docker_cli(daemon, "logs", container)
    return logs.stdout + logs.stderr
