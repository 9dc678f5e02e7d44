"""A pool on ECS: the control plane on this machine, replicas as tasks of an emulated cluster, from the image.

async with ecs_pool(folder, docker, image) as stage:
    victim = (await stage.pool.replicas())[0]
    stage.kill(victim.task)
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkpool.api.client import until_serving
from linkpool.api.client_catalog import until_in_use
from linkpool.dev.folder import Folder
from linkpool.dev.job import demo_job
from linkpool.dev.pool import GAS_MONEY, LINK_PRICE, MAX_FEE, stake
from linkpool.engines.ecs_spec import Place
from tests.support.aws import GATEWAY, Cloud, emulator, ground, kill_container
from tests.support.docker import Daemon
from tests.support.pool import ControlPlane, RealPool
from tests.support.ports import free_port
from tests.support.site import CHAIN_ID, site

POOL = "ecs"
UP_SECONDS = 300.0


@dataclass
class Stage:
    """The emulated region, and the first node of the pool in it, staked on and serving the demo job."""

    docker: Daemon
    cloud: Cloud
    place: Place
    pool: RealPool

    def kill(self, task: str) -> None:
        """SIGKILL to what a task runs in."""
        kill_container(self.docker, self.cloud, task)


@asynccontextmanager
async def ecs_pool(root: Path, docker: Daemon, image: str) -> AsyncIterator[Stage]:
    """Start everything, stop everything. image: LinkPool's, by ID."""
    async with AsyncExitStack() as stack:
        root.mkdir(exist_ok=True)
        cloud = stack.enter_context(emulator(docker, root))
        place = await ground(cloud, POOL)
        folder = Folder(root / "pool")
        here = await stack.enter_async_context(site(folder, seen_at=GATEWAY))
        deployment = here.found.deployment
        port = free_port()
        settings = {
            "port": port,
            "pool": deployment.pool,
            "view": deployment.view,
            "pool_block": deployment.block,
            "rpc_urls": [f"{scheme}://{GATEWAY}:{here.chain.port}" for scheme in ("ws", "http")],
            "release_image": image,
        }
        _write(folder, settings | _engine(cloud, place))
        plane = ControlPlane(folder, here.http, port)
        stack.push_async_callback(plane.stop)
        control = await plane.start()
        pool = RealPool.on(here, folder, plane, control)
        status, catalog = await pool.put_jobs(demo_job(here.source.url))
        assert status == 200, catalog
        made = await control.make_node()
        pool.oracle = (await until_serving(control, made.node.index, UP_SECONDS)).id or ""
        await stake(here.found, pool.oracle)
        await until_in_use(control, catalog["revision"], UP_SECONDS)
        yield Stage(docker, cloud, place, pool)


def _engine(cloud: Cloud, place: Place) -> Mapping[str, Any]:
    agents = free_port()
    return {
        "engine": "ecs",
        "aws_region": place.region,
        "aws_endpoint": cloud.endpoint,
        "ecs_cluster": place.cluster,
        "ecs_subnets": place.subnets,
        "ecs_capacity_provider": place.capacity_provider,
        "ecs_execution_role": place.execution_role,
        "ecs_log_group": place.log_group,
        "agent_host": GATEWAY,
        "agent_port": agents,
        "control_urls": [f"https://{GATEWAY}:{agents}"],
    }


def _write(folder: Folder, settings: Mapping[str, Any]) -> None:
    """The control plane's settings; JSON's values are TOML's too."""
    values = {
        "state": str(folder.control),
        "pool_name": POOL,
        "chain_id": CHAIN_ID,
        "keys_file": str(folder.keys),
        "passphrase_file": str(folder.passphrase),
        "link_price": LINK_PRICE,
        "replica_max_fee": MAX_FEE,
        "gas_pool_daily": GAS_MONEY,
        **settings,
    }
    folder.config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
