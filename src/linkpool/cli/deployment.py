"""What `linkpool pool` does: deploy with a dry run first, and read everything back."""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from linkpool.api.settings import Settings
from linkpool.chain.endpoint import connect
from linkpool.chain.keys import Key
from linkpool.cli.output import print_json
from linkpool.contracts import deploy as deployment
from linkpool.contracts.deploy import Deployment, PoolState
from linkpool.errors import Permanent
from linkpool.files import write_private
from linkpool.units import show


class NoKey(Permanent):
    """The deployer's key cannot be read."""


@dataclass(frozen=True)
class Wanted:
    """The files a deployment writes, and what the settings among them shall say."""

    deployment: Path
    config: Path
    state: Path
    keys_file: Path
    passphrase_file: Path | None


def deploy_pool(
    rpc_url: str,
    key_file: Path,
    settings: deployment.Settings,
    wanted: Wanted,
    *,
    send: bool,
    as_json: bool,
) -> None:
    """Print the steps; with `send`, take them and write the files. Raises NoKey, CannotDeploy, NotMined."""
    planned = asyncio.run(_deploy(rpc_url, _key(key_file), settings, wanted.deployment, send=send))
    steps = list(deployment.steps(planned))
    config = write_config(rpc_url, planned, wanted) if send else None
    if as_json:
        shown = [{"name": step.name, "address": step.address, "gas": step.gas} for step in steps]
        files = {"file": str(wanted.deployment), "config": None if config is None else str(config)}
        print_json({"sent": send, "steps": shown, "deployment": asdict(planned), **files})
        return
    for step in steps:
        print(f"{step.name:22} {step.address}  at most {step.gas:,} gas")
    if send:
        print(f"Settings: {config}; next: linkpool control --config {config}")
        print(f"Deployed: {planned.pool} ({wanted.deployment})")
    else:
        print(f"Nothing was sent. The same with --send deploys, and writes {wanted.deployment}.")


def write_config(rpc_url: str, planned: Deployment, wanted: Wanted) -> Path:
    """Settings that `linkpool control --config` takes as they are; a file that is there is left alone."""
    if wanted.config.exists():
        return wanted.config
    values = {
        "state": str(wanted.state.absolute()),
        "chain_id": planned.settings.chain_id,
        "pool": planned.pool,
        "view": planned.view,
        "pool_block": planned.block,
        "rpc_urls": [rpc_url],
        "keys_file": str(wanted.keys_file.absolute()),
        "capacity": planned.settings.max_capacity,
    }
    if wanted.passphrase_file is not None:
        values["passphrase_file"] = str(wanted.passphrase_file.absolute())
    # JSON's strings, numbers and lists are TOML's too. An endpoint's URL may hold its key.
    write_private(wanted.config, "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    Settings.load(wanted.config)
    return wanted.config


def show_pool(rpc_url: str, file: Path, *, as_json: bool) -> None:
    """Print roles, limits, fee and nodes as the chain has them. Raises CannotDeploy."""
    state = asyncio.run(_read(rpc_url, Deployment.read(file)))
    if as_json:
        print(json.dumps(asdict(state)))
    else:
        _print(state)


async def _deploy(
    rpc_url: str, key: Key, settings: deployment.Settings, file: Path, *, send: bool
) -> Deployment:
    async with aiohttp.ClientSession() as http:
        rpc = connect(rpc_url, http)
        try:
            planned = _started(file) or await deployment.plan(rpc, settings, key.address)
            if planned.settings != settings:
                raise deployment.CannotDeploy(
                    f"{file} is of a deployment with other settings: name another file"
                )
            if send:
                planned.save(file)
                await deployment.deploy(rpc, planned, key)
            return planned
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
