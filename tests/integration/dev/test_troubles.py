"""What `linkpool dev` and set-up say when something is missing, taken or full: one line, exit code 1."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.small_disk import fill, small_disk

REPOSITORY = Path(__file__).parents[3]
STARTED = "starting: "


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **changes}


def dev(state: Path, *options: str, cwd: Path | None = None, **env: str) -> tuple[int, list[str]]:
    """Run it; exit code, and what it said besides its steps."""
    command = [sys.executable, "-m", "linkpool", "dev", "--check", "--state", str(state)]
    ports = [] if "--port" in options else ["--port", "0"]
    ports += [] if "--chain-port" in options else ["--chain-port", "0"]
    done = subprocess.run(
        [*command, *ports, *options],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=cwd,
        env=environment(**env),
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith(STARTED)]
    return done.returncode, said


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("option", ["--chain-port", "--port"])
def test_a_busy_port(tmp_path: Path, taken: int, option: str) -> None:
    code, said = dev(tmp_path / "state", option, str(taken))
    what = {"--chain-port": "the dev chain", "--port": "the control plane"}[option]
    todo = f"stop what uses it, or choose another with {option}"
    assert (code, said) == (1, [f"linkpool: port {taken}, for {what}, is in use: {todo}"])


def test_a_port_that_is_none(tmp_path: Path) -> None:
    code, (said,) = dev(tmp_path / "state", "--port", "70000")
    assert code == 1
    assert "port 70000, for the control plane, cannot be used" in said


def test_a_wallet_that_is_none(tmp_path: Path) -> None:
    code, (said,) = dev(tmp_path / "state", "--fund", "vitalik.eth")
    assert code == 1
    assert said == "linkpool: --fund vitalik.eth is no address: one is 0x and forty hex digits"
    assert not (tmp_path / "state").exists()


def test_an_anvil_that_is_not_there(tmp_path: Path) -> None:
    code, (said,) = dev(tmp_path / "state", LINKPOOL_ANVIL="/nowhere/anvil")
    assert code == 1
    assert "LINKPOOL_ANVIL names /nowhere/anvil, which is no program" in said


def test_an_anvil_that_does_not_start(tmp_path: Path) -> None:
    code, (said,) = dev(tmp_path / "state", LINKPOOL_ANVIL=str(shutil.which("false")))
    assert code == 1
    assert f"did not start: its log, {tmp_path}/state/logs/chain.log, is empty" in said


def test_no_anvil_at_all(tmp_path: Path) -> None:
    """A checkout in which `npm ci` was never run."""
    shutil.copytree(REPOSITORY / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    code, (said,) = dev(
        tmp_path / "state", cwd=tmp_path, PYTHONPATH=str(tmp_path / "src"), PATH="/usr/bin:/bin"
    )
    assert code == 1
    assert said.startswith("linkpool: anvil, the dev chain, is missing: run `npm ci`")


def test_a_folder_that_is_somebody_else_s(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "precious").touch()
    code, (said,) = dev(tmp_path)
    assert code == 1
    assert "holds other files" in said
    assert (tmp_path / "logs" / "precious").exists()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, (said,) = dev(tmp_path / "file")
    assert code == 1
    assert f"cannot write {tmp_path}/file: File exists; choose another with --state" in said


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of that many MiB."""
    with small_disk(tmp_path / "disk", request.param) as folder:
        yield folder


@pytest.mark.parametrize("disk", [1], indirect=True)
def test_a_disk_that_is_full(disk: Path) -> None:
    code, (said,) = dev(disk)
    assert code == 1
    assert f"the disk of {disk} is full: 1 MiB free, 200 needed; make room, or choose another" in said


@pytest.mark.parametrize("disk", [210], indirect=True)
async def test_a_disk_that_fills_up_on_the_way(disk: Path) -> None:
    command = ["-m", "linkpool", "dev", "--state", str(disk), "--chain-port", "0", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while (await process.stdout.readline()).decode() != f"{STARTED}contracts\n":
        pass
    fill(disk)
    _, said = await process.communicate()
    assert process.returncode == 1
    (line,) = said.decode().splitlines()
    assert f"the disk of {disk} is full: 0 MiB free" in line


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (None, "Node 20 or newer with npm is needed: install it, then run this again"),
        ("v18.20.1", "Node 20 or newer is needed, this is v18.20.1"),
    ],
)
def test_set_up_without_a_node_that_will_do(tmp_path: Path, node: str | None, said: str) -> None:
    """On a machine with little else than Python, in a fresh clone."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts" / "setup", tmp_path / "scripts")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "env", "dirname", "id", "sed", "rm"):
        (programs / name).symlink_to(str(shutil.which(name)))
    (programs / "python3").symlink_to(sys.executable)
    if node:
        for name, answer in (("node", node), ("npm", "10.0.0")):
            (programs / name).write_text(f"#!{shutil.which('bash')}\necho {answer}\n")
            (programs / name).chmod(0o755)
    done = subprocess.run(
        [tmp_path / "scripts" / "setup", "dev"],
        capture_output=True,
        text=True,
        env={"PATH": str(programs)},
        timeout=200,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, f"setup: {said}\n")
    assert not (tmp_path / ".venv").exists(), "it says so before it does any work"
