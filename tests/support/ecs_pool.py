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
from urllib.parse import urlsplit

import aiohttp

from linkpool.api.client import until_serving
from linkpool.api.client_catalog import until_in_use
from linkpool.chain.endpoint import connect
from linkpool.chain.endpoints import Endpoints
from linkpool.dev.folder import Folder
from linkpool.dev.job import demo_job
from linkpool.dev.pool import GAS_MONEY, LINK_PRICE, MAX_FEE, stake
from linkpool.dev.processes import claim_port
from linkpool.engines.ecs_spec import Place
from tests.support.anvil import anvil
from tests.support.aws import GATEWAY, Cloud, emulator, ground, kill_container
from tests.support.docker import Daemon
from tests.support.forward import forwarded
from tests.support.pool import BLOCK_GAS, CHAIN_ID, ControlPlane, RealPool, found_pool
from tests.support.source import open_source

POOL = "ecs"
UP_SECONDS = 120.0


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
        folder.root.mkdir()
        await folder.clear()
        chain = stack.enter_context(anvil(gas_limit=BLOCK_GAS))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        endpoint = connect(chain.ws, http)
        stack.push_async_callback(endpoint.close)
        rpc = Endpoints([endpoint], chain_id=CHAIN_ID)
        owner, manager, found = await found_pool(rpc, folder)
        chain.rpc("evm_setIntervalMining", 1)
        source = await stack.enter_async_context(open_source())
        for port in (chain.port, urlsplit(source.url).port or 0):
            await stack.enter_async_context(forwarded(GATEWAY, port))
        source.url = source.url.replace("127.0.0.1", GATEWAY)
        port = claim_port(0, "the control plane", "nothing")
        settings = {
            "port": port,
            "pool": found.deployment.pool,
            "view": found.deployment.view,
            "pool_block": found.deployment.block,
            "rpc_urls": [f"{scheme}://{GATEWAY}:{chain.port}" for scheme in ("ws", "http")],
            "release_image": image,
        }
        _write(folder, settings | _engine(cloud, place))
        plane = ControlPlane(folder, http, port)
        stack.push_async_callback(plane.stop)
        control = await plane.start()
        pool = RealPool(chain, rpc, folder, http, found, owner, manager, source, plane, control)
        status, catalog = await pool.put_jobs(demo_job(source.url))
        assert status == 200, catalog
        made = await control.make_node()
        pool.oracle = (await until_serving(control, made.node.index, UP_SECONDS)).id or ""
        await stake(found, pool.oracle)
        await until_in_use(control, catalog["revision"], UP_SECONDS)
        yield Stage(docker, cloud, place, pool)


def _engine(cloud: Cloud, place: Place) -> Mapping[str, Any]:
    agents = claim_port(0, "the agent socket", "nothing")
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
