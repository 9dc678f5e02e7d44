"""Put a pool on a chain: plan it, deploy it, stop anywhere and resume, read it back.

Every contract's address follows from the deployer and its nonce, so the deployment file is written once,
before anything is sent: a resumed run looks which of the planned addresses have code and goes on from there.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from linkpool.chain.keys import Key
from linkpool.chain.rpc import AlreadyKnown, NonceTooLow, Underpriced
from linkpool.chain.types import checksum, quantity, unhex
from linkpool.contracts.abi import Asks, load, load_code
from linkpool.contracts.invite import implementation_address
from linkpool.contracts.link import Link
from linkpool.contracts.view import NodeRow, Summary, View
from linkpool.errors import Permanent, Temporary

LINK = {
    1: "0x514910771AF9Ca656af840dff83E8264EcF986CA",  # Ethereum
    10: "0x350a791Bfc2C21F9Ed5d10980Dad2e2638ffa7f6",  # Optimism
    56: "0x404460C6A5EdE2D891e8297795264fDe62ADBB75",  # BNB Chain, the ERC-677 one
    100: "0xE2e73A1c69ecF83F464EFCE6A5be353a37cA09b2",  # Gnosis
    137: "0xb0897686c545045aFc77CF20eC7A532E3120E0F1",  # Polygon, the ERC-677 one
    8453: "0x88Fb150BDc53A65fe94Dea0c9BA0a6dAf8C6e196",  # Base
    42161: "0xf97f4df75117a78c1A5a0DBb814Af92458539FB4",  # Arbitrum
    43114: "0x5947BB275c521040051D82396192181b413227A3",  # Avalanche
    84532: "0xE4aB69C077896252FAFBD49EFD26B5D171A32410",  # Base Sepolia
    421614: "0xb1D4538B4571d411F07960EF2838Ce337FE1E80E",  # Arbitrum Sepolia
    11155111: "0x779877A7B0D9E8603169DdbD7836e478b4624789",  # Sepolia
}
"""LINK with `transferAndCall`, by chain id."""

DEV_CHAINS = frozenset({1337, 31337})
"""Chains where a pool may be deployed with a DevLink of its own."""

DAY = 86_400
RECEIPT_SECONDS = 300


class CannotDeploy(Permanent):
    """The plan does not fit this chain, or the chain no longer fits the plan."""


class NotMined(Temporary):
    """A deployment transaction is not in a block yet: run the same command again to resume."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a pool is made with, in juels, seconds, basis points.

    `link` none means the one known for the chain, and a new DevLink on a dev chain.
    """

    chain_id: int
    owner: str
    manager: str
    guardian: str
    fee_account: str
    link: str | None = None
    fee_bps: int = 1_000
    unbonding: int = 7 * DAY
    max_nodes: int = 110
    max_capacity: int = 100_000 * 10**18


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment file: settings, where each contract is or will be, and the block to read logs from."""

    settings: Settings
    deployer: str
    first_nonce: int
    block: int
    link: str
    pool: str
    view: str
    oracle_blueprint: str
    implementation: str

    def save(self, path: Path) -> None:
        """Write the file, replacing it in one step."""
        draft = path.with_suffix(path.suffix + ".new")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Deployment":
        """Read a file. Raises CannotDeploy when it is none."""
        try:
            values = json.loads(path.read_text())
            return cls(**{**values, "settings": Settings(**values["settings"])})
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise CannotDeploy(f"{path} is not a deployment file: {problem}") from problem


@dataclass(frozen=True, slots=True)
class Step:
    """One contract to create: its creation code holds its arguments, `gas` is what it takes at most."""

    name: str
    address: str
    code: bytes
    gas: int


async def plan(rpc: Asks, settings: Settings, deployer: str) -> Deployment:
    """Check chain and LINK and work out every address; sends nothing. Raises CannotDeploy."""
    await _check_chain(rpc, settings.chain_id)
    nonce = quantity(await rpc.call("eth_getTransactionCount", deployer, "latest"))
    at = [_created(deployer, nonce + i) for i in range(4)]
    known = settings.link or LINK.get(settings.chain_id)
    if known is None and settings.chain_id not in DEV_CHAINS:
        raise CannotDeploy(f"no LINK is known on chain {settings.chain_id}: name it in the settings")
    if known is not None:
        await _check_link(rpc, known)
    blueprint, pool, view = at[:3] if known else at[1:]
    return Deployment(
        settings=settings,
        deployer=checksum(deployer),
        first_nonce=nonce,
        block=quantity(await rpc.call("eth_blockNumber")),
        link=checksum(known) if known else at[0],
        pool=pool,
        view=view,
        oracle_blueprint=blueprint,
        implementation=implementation_address(pool),
    )


def steps(deployment: Deployment) -> Iterator[Step]:
    """What is created, in the order of the deployer's nonces."""
    s = deployment.settings
    if deployment.link == _created(deployment.deployer, deployment.first_nonce):
        yield _step("DevLink", deployment.link, load_code("DevLink").creation)
    yield _step("NodeOracle blueprint", deployment.oracle_blueprint, load_code("NodeOracle").blueprint)
    arguments = (
        deployment.link,
        deployment.oracle_blueprint,
        s.owner,
        s.manager,
        s.guardian,
        s.fee_account,
        s.fee_bps,
        s.unbonding,
        s.max_nodes,
        s.max_capacity,
    )
    tail = encode(load("StakingPool").constructor, arguments)
    yield _step("StakingPool", deployment.pool, load_code("StakingPool").creation + tail)
    yield _step("PoolView", deployment.view, load_code("PoolView").creation)


async def deploy(rpc: Asks, deployment: Deployment, key: Key) -> Deployment:
    """Create what is not there yet; run again after any stop. Raises CannotDeploy, NotMined.

    Save `deployment` before the first call: it is all that a resumed run needs.
    """
    await _check_chain(rpc, deployment.settings.chain_id)
    if key.address != deployment.deployer:
        raise CannotDeploy(f"the plan is for deployer {deployment.deployer}, the key is {key.address}'s")
    for number, step in enumerate(steps(deployment)):
        if not await _is_made(rpc, key.address, deployment.first_nonce + number, step):
            await _create(rpc, key, deployment.first_nonce + number, step)
    return deployment


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool read back."""

    summary: Summary
    nodes: tuple[NodeRow, ...]


async def show(rpc: Asks, deployment: Deployment) -> PoolState:
    """Roles, limits, fee and all nodes. Raises CannotDeploy when the pool is not there or is another one."""
    await _check_chain(rpc, deployment.settings.chain_id)
    for name, address in (("StakingPool", deployment.pool), ("PoolView", deployment.view)):
        if not await _has_code(rpc, address):
            raise CannotDeploy(f"no {name} at {address}: the deployment did not finish, resume it")
    view = View(deployment.view)
    summary = await view.summary(deployment.pool).ask(rpc)
    if (summary.link, summary.implementation) != (deployment.link, deployment.implementation):
        raise CannotDeploy(f"the pool at {deployment.pool} is not the one of this deployment file")
    nodes: list[NodeRow] = []
    while len(nodes) < summary.node_count:
        nodes += await view.nodes(deployment.pool, len(nodes)).ask(rpc)
    return PoolState(summary, tuple(nodes))


async def _check_chain(rpc: Asks, chain_id: int) -> None:
    found = quantity(await rpc.call("eth_chainId"))
    if found != chain_id:
        raise CannotDeploy(f"this is chain {found}, the settings are for chain {chain_id}")


async def _check_link(rpc: Asks, link: str) -> None:
    # Sending nothing to nobody in particular succeeds on every ERC-677 LINK, whoever asks.
    probe = Link(link).transfer_and_call("0x000000000000000000000000000000000000dEaD", 0, b"")
    try:
        works = await probe.ask(rpc)
    except Permanent as problem:
        raise CannotDeploy(
            f"{link} has no working transferAndCall, it is not a LINK to use: {problem}"
        ) from problem
    if not works:
        raise CannotDeploy(f"{link} refuses transferAndCall, it is not a LINK to use")


async def _has_code(rpc: Asks, address: str) -> bool:
    return len(unhex(await rpc.call("eth_getCode", address, "latest"))) > 0


async def _is_made(rpc: Asks, deployer: str, nonce: int, step: Step) -> bool:
    """The contract is there. Raises CannotDeploy when it never can be.

    The nonce is asked first: a creation that an earlier run sent may be mined at any moment.
    """
    used = quantity(await rpc.call("eth_getTransactionCount", deployer, "latest")) > nonce
    if await _has_code(rpc, step.address):
        return True
    if used:
        raise CannotDeploy(
            f"nonce {nonce} of {deployer} was used for something else, so {step.name} cannot be at"
            f" {step.address}: make a new plan, and leave the deployer's key alone meanwhile"
        )
    return False


async def _create(rpc: Asks, key: Key, nonce: int, step: Step) -> None:
    transaction: dict[str, Any] = {
        "chainId": quantity(await rpc.call("eth_chainId")),
        "nonce": nonce,
        "data": "0x" + step.code.hex(),
        "value": 0,
        **await _fees(rpc),
    }
    estimate = {"from": key.address, "data": transaction["data"]}
    transaction["gas"] = quantity(await rpc.call("eth_estimateGas", estimate)) * 11 // 10
    raw, transaction_hash = key.sign(transaction)
    with suppress(AlreadyKnown, NonceTooLow, Underpriced):  # what an earlier run sent is there before it
        await rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
    loop = asyncio.get_running_loop()
    until = loop.time() + RECEIPT_SECONDS
    while (receipt := await rpc.call("eth_getTransactionReceipt", "0x" + transaction_hash.hex())) is None:
        if await _is_made(rpc, key.address, nonce, step):
            return
        if loop.time() > until:
            raise NotMined(
                f"{step.name} (0x{transaction_hash.hex()}) is in no block after {RECEIPT_SECONDS} s"
            )
        await asyncio.sleep(0.2)
    if quantity(receipt["status"]) != 1 or checksum(receipt["contractAddress"]) != step.address:
        raise CannotDeploy(f"creating {step.name} at {step.address} failed: see 0x{transaction_hash.hex()}")


async def _fees(rpc: Asks) -> dict[str, int]:
    base = (await rpc.call("eth_getBlockByNumber", "latest", False)).get("baseFeePerGas")
    if base is None:
        return {"gasPrice": quantity(await rpc.call("eth_gasPrice"))}
    tip = quantity(await rpc.call("eth_maxPriorityFeePerGas"))
    return {"maxPriorityFeePerGas": tip, "maxFeePerGas": 2 * quantity(base) + tip}


def _step(name: str, address: str, code: bytes) -> Step:
    # Creation, calldata, 200 gas for each byte of code, and what constructors do.
    return Step(name, address, code, 500_000 + (16 + 200) * len(code))


def _created(deployer: str, nonce: int) -> str:
    """The address of a contract created by a transaction: keccak of rlp([deployer, nonce])."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    tail = number if nonce and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(deployer[2:]) + tail
    return checksum("0x" + keccak(bytes([0xC0 + len(body)]) + body)[12:].hex())
