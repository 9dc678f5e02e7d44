"""A pool on three machines, put there as docs/swarm.md says: the image, the stack, and nodes by call.

async with swarm_pool(folder) as stage:
    first, second = stage.nodes              # each a RealPool, asked by itself
    stage.cluster.hosts[2].die()
"""

import asyncio
import json
import os
import secrets
import subprocess
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from linkpool.api.client import Client, until_serving
from linkpool.api.client_catalog import until_in_use
from linkpool.dev.folder import Folder
from linkpool.dev.job import demo_job
from linkpool.dev.pool import LINK_PRICE, stake
from linkpool.files import write_private
from tests.support.docker import NoDocker
from tests.support.images import Images
from tests.support.machines import Cluster, Host, machines
from tests.support.pool import RealPool
from tests.support.site import CHAIN_ID, site
from tests.support.until import until

PROJECT = Path(__file__).parents[2]
STACK = PROJECT / "deploy" / "swarm"
API_PORT = 8700
UP_SECONDS = 300.0


@dataclass
class Stage:
    """The machines, and every node of the pool on them."""

    cluster: Cluster
    images: Images
    http: aiohttp.ClientSession
    token: str
    nodes: list[RealPool]

    async def leader(self) -> Client:
        """The control plane that leads now; nodes are looked at through it from now on."""

        async def one() -> Client | None:
            for host in self.cluster.hosts[:2]:
                client = Client(self.http, f"http://{host.address}:{API_PORT}", self.token)
                if await _leads(client):
                    return client
            return None

        try:
            found = await until(one, "a control plane leads", UP_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{await asyncio.to_thread(self.story)}") from None
        for node in self.nodes:
            node.control = found
        return found

    async def leading(self) -> Host:
        """The machine whose control plane leads now."""
        address = urlsplit((await self.leader()).url).hostname
        return next(host for host in self.cluster.hosts if host.address == address)

    def control(self, host: Host) -> str:
        """The container of a machine's control plane."""
        return host.docker("ps", "--quiet", "--filter", "name=linkpool_control")

    async def whole(self) -> bool:
        """All machines are there and can decide."""
        return await asyncio.to_thread(self.cluster.whole)

    def story(self) -> str:
        """What the swarm says of its services, for a test that failed."""
        first = self.cluster.hosts[0]
        names = first.docker("service", "ls", "--format", "{{.Name}}").split()
        tellings = [first.docker("service", "ps", "--no-trunc", name) for name in names]
        # a lost machine's logs are lost, and docker then fails after it has told the others'
        tellings += [first.docker("service", "logs", "--tail", "15", name, check=False) for name in names]
        return "\n".join(tellings)

    def container(self, task: str) -> tuple[Host, str]:
        """Where a task's container is."""
        wanted = f"label=com.docker.swarm.task.id={task}"
        for host in self.cluster.hosts:
            if host.alive and (found := host.docker("ps", "--quiet", "--filter", wanted)):
                return host, found
        raise LookupError(f"no container of task {task}")


async def _leads(client: Client) -> bool:
    try:
        async with asyncio.timeout(2):
            return await client.ready()
    except TimeoutError:
        return False


@asynccontextmanager
async def swarm_pool(root: Path, images: Images, nodes: int = 2) -> AsyncIterator[Stage]:
    """Load, deploy, and make the nodes; each is staked on and serves the demo job."""
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(machines(3))
        await asyncio.to_thread(cluster.load, images.archive)
        folder = Folder(root)
        here = await stack.enter_async_context(site(folder, seen_at=cluster.outside))
        deployment = here.found.deployment
        token = secrets.token_urlsafe(24)
        write_private(folder.token, token)
        settings = {
            "chain_id": CHAIN_ID,
            "pool": deployment.pool,
            "view": deployment.view,
            "pool_block": deployment.block,
            "rpc_urls": [f"{scheme}://{cluster.outside}:{here.chain.port}" for scheme in ("ws", "http")],
            "link_price": LINK_PRICE,
            "release_image": images.linkpool,
        }
        await asyncio.to_thread(_deploy, cluster, folder, settings, images)
        stage = Stage(cluster, images, here.http, token, [])
        control = await stage.leader()
        plane: Any = None
        pool = RealPool.on(here, folder, plane, control)
        status, catalog = await pool.put_jobs(demo_job(here.source.url))
        assert status == 200, catalog
        made = [(await control.make_node()).node.index for _ in range(nodes)]
        for index in made:
            node = await until_serving(control, index, UP_SECONDS)
            stage.nodes.append(replace(pool, oracle=node.id or ""))
        for each in stage.nodes:
            await stake(here.found, each.oracle)
        await until_in_use(control, catalog["revision"], UP_SECONDS)
        yield stage


def _deploy(cluster: Cluster, folder: Folder, settings: Mapping[str, Any], images: Images) -> None:
    """The stack of deploy/swarm, with this pool's settings and secrets beside it."""
    first = cluster.hosts[0]
    labels = {0: ("control=a", "database=true"), 1: ("control=b",)}
    for number, wanted in labels.items():
        for label in wanted:
            first.docker("node", "update", "--label-add", label, cluster.hosts[number].name)
    first.docker("network", "create", "--driver", "overlay", "--attachable", "linkpool")
    values = tomllib.loads((STACK / "control.toml").read_text()) | settings
    password = secrets.token_urlsafe(24)
    here = folder.root / "stack"
    here.mkdir()
    files = {
        "stack.yml": (STACK / "stack.yml").read_text(),
        "control.toml": "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()),
        "master.json": folder.keys.read_text(),
        "passphrase": folder.passphrase.read_text(),
        "admin.token": folder.token.read_text(),
        "pgpass": f"database:5432:linkpool:linkpool:{password}\n",
        "pgpassword": password,
    }
    for name, text in files.items():
        write_private(here / name, text)
    environment = {
        "LINKPOOL_IMAGE": images.linkpool,
        "POSTGRES_IMAGE": images.postgres,
        "DOCKER_GROUP": str(first.socket.stat().st_gid),
    }
    command = ["docker", "--host", f"unix://{first.socket}", "stack", "deploy", "--resolve-image", "never"]
    ended = subprocess.run(
        [*command, "--compose-file", "stack.yml", "linkpool"],
        cwd=here,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise NoDocker(f"docker stack deploy: {ended.stderr[-1500:]}")
