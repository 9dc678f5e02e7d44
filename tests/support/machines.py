"""Several machines in one: a Docker daemon in each of several network namespaces, joined to one swarm.

    with machines(3) as cluster:
        cluster.load(image)                  # an archive of `docker save`
        cluster.hosts[2].die()               # power off
        with cluster.hosts[1].cut_off(): ... # nobody hears it, and it goes on

Each machine has its own daemon, files, control groups and address; containers reach this process through
`cluster.outside`. Root only.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.docker import NoDocker, until_up

BOOT = """
hostname {name}
mount --make-rprivate / && mount --bind {folder}/run /run
umount -l /sys/fs/cgroup 2>/dev/null; mount -t tmpfs none /sys/fs/cgroup; cd /sys/fs/cgroup
for c in $(awk 'NR>1{{print $1}}' /proc/cgroups); do
  mkdir -p $c; mount -t cgroup -o $c none $c 2>/dev/null || rmdir $c
done
{{ mkdir -p cpu/{name} && echo 20000 >cpu/{name}/cpu.shares; }} 2>/dev/null || true
cd {folder}; exec dockerd --data-root data --exec-root {folder}/exec --pidfile pid --cgroup-parent /{name} \
  --host unix://{folder}/docker.sock --host unix:///var/run/docker.sock
"""
"""A machine's own /run and control groups, then its daemon, which containers find at the usual place.

Its shares of the processors make up for all its containers being one group among this machine's processes.
"""


def run(*command: str, check: bool = True) -> str:
    """Run a program; what it printed. Raises NoDocker with what it complained of."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and ended.returncode != 0:
        raise NoDocker(f"{' '.join(command)}: {ended.stderr.strip()[-800:]}")
    return ended.stdout.strip() or ended.stderr.strip()


@dataclass
class Host:
    """One machine."""

    name: str
    address: str
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    alive: bool = True

    @property
    def socket(self) -> Path:
        """Its daemon's."""
        return self.folder / "docker.sock"

    def docker(self, *arguments: str, check: bool = True) -> str:
        """The docker command line on this machine."""
        return run("docker", "--host", f"unix://{self.socket}", *arguments, check=check)

    def die(self) -> None:
        """Power off: the daemon, its containers and their shims end at once."""
        self.alive = False
        for file in Path("/sys/fs/cgroup/freezer").glob(f"{self.name}/*/freezer.state"):
            file.write_text("THAWED")  # what is frozen hears no signal at all
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(20)

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Its cable is out while the context is open; everything on it goes on."""
        run("ip", "link", "set", f"{self.name}o", "down")
        try:
            yield
        finally:
            run("ip", "link", "set", f"{self.name}o", "up")

    def _pids(self) -> list[int]:
        """Of all that runs there: in its control groups, or in its network."""
        found = {int(pid) for pid in run("ip", "netns", "pids", self.name, check=False).split()}
        for file in Path("/sys/fs/cgroup").glob(f"*/{self.name}/**/cgroup.procs"):
            with suppress(OSError):
                found |= {int(pid) for pid in file.read_text().split()}
        shims = run("pgrep", "-f", f"{self.folder}/", check=False).split()
        return sorted(found | {int(pid) for pid in shims if int(pid) != os.getpid()})


@dataclass
class Cluster:
    """All machines, managers of one swarm; the first one leads."""

    hosts: list[Host]
    outside: str
    """Address at which machines and containers reach this process."""
    _stack: ExitStack = field(default_factory=ExitStack)

    def whole(self) -> bool:
        """All see each other and can decide together: after a cut, managers dial again ever more rarely."""
        told = self.hosts[0].docker("node", "ls", "--format", "{{.Status}} {{.ManagerStatus}}").splitlines()
        return sorted(told) == ["Ready Leader", *["Ready Reachable"] * (len(self.hosts) - 1)]

    def load(self, archive: Path) -> None:
        """Give every machine the images of an archive."""
        loading = [
            subprocess.Popen(
                ["docker", "--host", f"unix://{host.socket}", "load", "--quiet", "--input", str(archive)],
                stdout=subprocess.DEVNULL,
            )
            for host in self.hosts
        ]
        if any(each.wait(120) for each in loading):
            raise NoDocker(f"a machine could not load {archive}")


@contextmanager
def machines(count: int) -> Iterator[Cluster]:
    """Boot them and join them; all of it is gone afterwards."""
    for program in ("dockerd", "docker", "ip", "iptables", "nsenter", "unshare"):
        if shutil.which(program) is None:
            raise NoDocker(f"{program} is missing: apt-get install docker.io iptables iproute2 util-linux")
    if os.geteuid() != 0:
        raise NoDocker("machines of network namespaces need root")
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="lpm-", ignore_cleanup_errors=True))
        )
        tag, net = f"lp{os.getpid() % 100_000}", f"10.231.{os.getpid() % 200 + 20}"
        _bridge(stack, f"{tag}b", f"{net}.1")
        hosts = [Host(f"{tag}m{n}", f"{net}.{10 + n}", folder / f"m{n}") for n in range(count)]
        for host in hosts:
            _boot(stack, host, f"{tag}b", f"{net}.1")
        for host in hosts:
            assert host.process is not None
            until_up(host.socket, host.process, host.folder / "log")
        _join(hosts)
        yield Cluster(hosts, f"{net}.1")


def _bridge(stack: ExitStack, name: str, address: str) -> None:
    run("ip", "link", "add", name, "type", "bridge")
    stack.callback(run, "ip", "link", "del", name, check=False)
    run("ip", "addr", "add", f"{address}/24", "dev", name)
    run("ip", "link", "set", name, "up")
    rule = ("FORWARD", "-i", name, "-o", name, "-j", "ACCEPT")
    run("iptables", "-I", *rule)
    stack.callback(run, "iptables", "-D", *rule, check=False)


def _boot(stack: ExitStack, host: Host, bridge: str, router: str) -> None:
    for part in ("run", "data", "exec"):
        (host.folder / part).mkdir(parents=True)
    run("ip", "netns", "add", host.name)
    stack.callback(run, "ip", "netns", "del", host.name, check=False)
    stack.callback(_clean, host)
    outer = f"{host.name}o"
    run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    run("ip", "link", "set", outer, "master", bridge, "up")
    inside = ("ip", "-n", host.name)
    run(*inside, "addr", "add", f"{host.address}/24", "dev", "eth0")
    for link in ("lo", "eth0"):
        run(*inside, "link", "set", link, "up")
    run(*inside, "route", "add", "default", "via", router)
    script = BOOT.format(name=host.name, folder=host.folder)
    enter = ["nsenter", f"--net=/var/run/netns/{host.name}", "unshare", "-m", "-u", "sh", "-ec", script]
    with (host.folder / "log").open("wb") as sink:
        host.process = subprocess.Popen(enter, stdout=sink, stderr=sink)


def _join(hosts: list[Host]) -> None:
    first, *others = hosts
    first.docker("swarm", "init", "--advertise-addr", first.address, "--data-path-port", "4790")
    token = first.docker("swarm", "join-token", "--quiet", "manager")
    for host in others:
        host.docker(
            "swarm", "join", "--token", token, "--advertise-addr", host.address, f"{first.address}:2377"
        )
    first.docker("swarm", "update", "--dispatcher-heartbeat", "1s")
    for number, host in enumerate(hosts):
        first.docker("node", "update", "--label-add", f"zone=z{number}", host.name)


def _clean(host: Host) -> None:
    """End whatever still runs, and unmount what the daemon left."""
    host.die()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        left = sorted((each for each in mounts if each.startswith(str(host.folder))), reverse=True)
        if not left:
            return
        for mount in left:
            run("umount", "-l", mount, check=False)
