"""What `linkpool pool` does: deploy with a dry run first, and read everything back."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from linkpool.chain.endpoint import connect
from linkpool.chain.keys import Key
from linkpool.contracts import deploy as deployment
from linkpool.contracts.deploy import Deployment, PoolState
from linkpool.errors import Permanent
from linkpool.units import show


class NoKey(Permanent):
    """The deployer's key cannot be read."""


def deploy_pool(
    rpc_url: str, key_file: Path, settings: deployment.Settings, file: Path, *, send: bool
) -> None:
    """Print the steps; with `send`, take them. Raises NoKey, CannotDeploy, NotMined."""
    asyncio.run(_deploy(rpc_url, _key(key_file), settings, file, send=send))


def show_pool(rpc_url: str, file: Path, *, as_json: bool) -> None:
    """Print roles, limits, fee and nodes as the chain has them. Raises CannotDeploy."""
    state = asyncio.run(_read(rpc_url, Deployment.read(file)))
    if as_json:
        print(json.dumps(asdict(state)))
    else:
        _print(state)


async def _deploy(rpc_url: str, key: Key, settings: deployment.Settings, file: Path, *, send: bool) -> None:
    async with aiohttp.ClientSession() as http:
        rpc = connect(rpc_url, http)
        try:
            planned = _started(file) or await deployment.plan(rpc, settings, key.address)
            if planned.settings != settings:
                raise deployment.CannotDeploy(
                    f"{file} is of a deployment with other settings: name another file"
                )
            for step in deployment.steps(planned):
                print(f"{step.name:22} {step.address}  at most {step.gas:,} gas")
            if not send:
                print(f"Nothing was sent. The same with --send deploys, and writes {file}.")
                return
            planned.save(file)
            await deployment.deploy(rpc, planned, key)
            print(f"Deployed: {planned.pool} ({file})")
        finally:
            await rpc.close()


def _started(file: Path) -> Deployment | None:
    """What an earlier run planned, and perhaps began."""
    return Deployment.read(file) if file.exists() else None


def _key(path: Path) -> Key:
    try:
        return Key(path.read_text().strip())
    except OSError as error:
        raise NoKey(f"cannot read the deployer's key from {path}: {error.strerror}") from error


async def _read(rpc_url: str, where: Deployment) -> PoolState:
    async with aiohttp.ClientSession() as http:
        rpc = connect(rpc_url, http)
        try:
            return await deployment.show(rpc, where)
        finally:
            await rpc.close()


def _print(state: PoolState) -> None:
    console = Console()
    facts = Table(show_header=False, box=None)
    for name, value in asdict(state.summary).items():
        facts.add_row(name.replace("_", " "), str(value))
    console.print(facts)
    nodes = Table("node", "status", "stake (LINK)", "capacity", "earned", "open covers", "rejections")
    for node in state.nodes:
        nodes.add_row(
            node.node,
            node.status.name.lower(),
            show(node.active),
            show(node.capacity, 0),
            show(node.earned),
            show(node.reserves),
            str(node.rejections),
        )
    console.print(nodes)
