"""A Docker daemon that lives for one test run: its own folder, socket and swarm; root only."""

import io
import os
import secrets
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

BUSYBOX = Path("/bin/busybox")
APPLETS = ("sh", "sleep", "env", "cat", "wget", "httpd", "kill", "ls", "id", "touch")


class NoDocker(Exception):
    """A container engine cannot run here; the text says what is missing."""


@dataclass(frozen=True)
class Daemon:
    """A manager of its own swarm. network: an overlay for tasks; shell: an image, by ID."""

    socket: Path
    network: str
    shell: str

    def http(self) -> httpx.Client:
        """The Engine API."""
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://docker/v1.41", timeout=120
        )


@contextmanager
def daemon() -> Iterator[Daemon]:
    """Start one, make it a swarm, give it an image with a shell; all of it is gone afterwards."""
    for program in ("dockerd", "docker", "iptables"):
        if shutil.which(program) is None:
            raise NoDocker(f"{program} is missing: apt-get install docker.io iptables")
    if os.geteuid() != 0:
        raise NoDocker("dockerd needs root")
    with tempfile.TemporaryDirectory(prefix="lp-docker-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        process = _start(folder)
        try:
            socket = folder / "docker.sock"
            until_up(socket, process, folder / "log")
            docker = _docker(socket)
            own = f"127.{os.getpid() % 200 + 20}.{secrets.randbelow(256)}.1"  # another swarm may be here
            docker("swarm", "init", "--advertise-addr", own, "--listen-addr", f"{own}:2377")
            docker("network", "create", "--driver", "overlay", "--attachable", "tests")
            yield Daemon(socket, "tests", _shell(socket))
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            _unmount(folder)


def _start(folder: Path) -> "subprocess.Popen[bytes]":
    command = ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    command += ["--host", f"unix://{folder}/docker.sock", "--pidfile", f"{folder}/pid"]
    with (folder / "log").open("wb") as sink:
        return subprocess.Popen(command, stdout=sink, stderr=sink)


def until_up(socket: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 200
    while True:
        if socket.exists():
            try:
                with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket))) as http:
                    if http.get("http://docker/_ping").status_code == 200:
                        return
            except httpx.HTTPError:
                pass
        if process.poll() is not None or time.monotonic() > until:
            raise NoDocker(f"dockerd does not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _docker(socket: Path):
    def run(*arguments: str, stdin: bytes | None = None) -> str:
        command = ["docker", "--host", f"unix://{socket}", *arguments]
        ended = subprocess.run(command, input=stdin, capture_output=True, check=False)
        if ended.returncode != 0:
            raise NoDocker(f"docker {arguments[0]} failed: {ended.stderr.decode()[-800:]}")
        return ended.stdout.decode().strip()

    return run


def _shell(socket: Path) -> str:
    """An image of one file: a shell with a dozen commands. Its ID."""
    if not BUSYBOX.exists():
        raise NoDocker("busybox is missing: apt-get install busybox-static")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return _docker(socket)("import", "--change", "ENV PATH=/bin", "-", stdin=packed.getvalue())


def _unmount(folder: Path) -> None:
    """Whatever the daemon left mounted in its folder."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((each for each in mounts if each.startswith(str(folder))), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
