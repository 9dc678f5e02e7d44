"""Deployment on a real dev chain: refused where it should be, resumed from any stop, read back whole."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from eth_utils.address import to_checksum_address
from yarl import URL

from linkpool.chain.http import HttpEndpoint
from linkpool.chain.keys import Key
from linkpool.contracts.deploy import LINK, CannotDeploy, Deployment, Settings, deploy, plan, show, steps
from tests.support.anvil import KEYS, Anvil, anvil

DEPLOYER, OTHER = Key(KEYS[0]), Key(KEYS[1])


class Stopped(Exception):
    """The test pulls the plug."""


class Cut:
    """An RPC that dies before its n-th transaction, or right after sending it."""

    def __init__(self, rpc: HttpEndpoint, sends: int, after: bool) -> None:
        self.rpc, self.left, self.after = rpc, sends, after

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction":
            self.left -= 1
            if self.left < 0 and not self.after:
                raise Stopped
        result = await self.rpc.call(method, *params)
        if method == "eth_sendRawTransaction" and self.left < 0:
            raise Stopped
        return result


@pytest.fixture
def chain() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture
async def rpc(chain: Anvil) -> AsyncIterator[HttpEndpoint]:
    async with aiohttp.ClientSession() as session:
        yield HttpEndpoint(URL(chain.http), session, 10.0)


def settings(**changes: Any) -> Settings:
    who = DEPLOYER.address
    values: dict[str, Any] = {"chain_id": 31337, "owner": who, "manager": OTHER.address, "guardian": who}
    return Settings(**{**values, "fee_account": who, **changes})


async def test_a_plan_sends_nothing_and_its_file_reads_back(rpc: HttpEndpoint, tmp_path: Path) -> None:
    made = await plan(rpc, settings(), DEPLOYER.address)
    assert await rpc.call("eth_getTransactionCount", DEPLOYER.address, "latest") == "0x0"
    names = ["DevLink", "NodeOracle blueprint", "StakingPool", "PoolView"]
    assert [step.name for step in steps(made)] == names
    made.save(tmp_path / "pool.json")
    assert Deployment.read(tmp_path / "pool.json") == made
    with pytest.raises(CannotDeploy, match="the deployment did not finish, resume it"):
        await show(rpc, made)


@pytest.mark.parametrize("text", ["", "{}", '{"settings": {}}', "[1]"])
def test_a_file_that_is_no_deployment_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pool.json").write_text(text)
    with pytest.raises(CannotDeploy, match="is not a deployment file"):
        Deployment.read(tmp_path / "pool.json")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("sends", [0, 1, 2, 3])
async def test_a_stopped_deployment_resumes(rpc: HttpEndpoint, sends: int, after: bool) -> None:
    made = await plan(rpc, settings(), DEPLOYER.address)
    with pytest.raises(Stopped):
        await deploy(Cut(rpc, sends, after), made, DEPLOYER)
    await deploy(rpc, made, DEPLOYER)
    await deploy(rpc, made, DEPLOYER)
    assert await rpc.call("eth_getTransactionCount", DEPLOYER.address, "latest") == "0x4"
    state = await show(rpc, made)
    summary = state.summary
    assert (summary.owner, summary.manager, summary.link) == (DEPLOYER.address, OTHER.address, made.link)
    assert (summary.unbonding, summary.fee_bps, summary.max_nodes) == (7 * 86_400, 1_000, 110)
    assert state.nodes == ()


async def test_what_a_stopped_deployment_left_pending_is_waited_for() -> None:
    with anvil(mining=False) as chain:
        async with aiohttp.ClientSession() as session:
            rpc = HttpEndpoint(URL(chain.http), session, 10.0)
            made = await plan(rpc, settings(), DEPLOYER.address)
            with pytest.raises(Stopped):
                await deploy(Cut(rpc, 0, True), made, DEPLOYER)
            resumed = asyncio.create_task(deploy(rpc, made, DEPLOYER))
            while not resumed.done():
                await asyncio.sleep(0.05)
                chain.mine()
            await resumed
            assert (await show(rpc, made)).nodes == ()


async def test_another_chain_is_refused(rpc: HttpEndpoint) -> None:
    with pytest.raises(CannotDeploy, match="this is chain 31337, the settings are for chain 1"):
        await plan(rpc, settings(chain_id=1), DEPLOYER.address)
    made = await plan(rpc, settings(), DEPLOYER.address)
    with anvil(chain_id=1) as other:
        async with aiohttp.ClientSession() as session:
            wrong = HttpEndpoint(URL(other.http), session, 10.0)
            for act in (deploy(wrong, made, DEPLOYER), show(wrong, made)):
                with pytest.raises(CannotDeploy, match="this is chain 1"):
                    await act


async def test_a_link_without_transfer_and_call_is_refused(rpc: HttpEndpoint, chain: Anvil) -> None:
    token = "0x" + "77" * 20
    for code in ("0x", "0x5f5ffd", "0x60015f5260205ff3fe", "0x5f5f5260205ff3"):
        chain.rpc("anvil_setCode", token, code)
        if code.startswith("0x60015f"):
            await plan(rpc, settings(link=token), DEPLOYER.address)
        else:
            with pytest.raises(CannotDeploy, match="it is not a LINK to use"):
                await plan(rpc, settings(link=token), DEPLOYER.address)


async def test_an_unknown_chain_needs_its_link_named(chain: Anvil) -> None:
    with anvil(chain_id=5_000) as other:
        async with aiohttp.ClientSession() as session:
            rpc = HttpEndpoint(URL(other.http), session, 10.0)
            with pytest.raises(CannotDeploy, match="no LINK is known on chain 5000"):
                await plan(rpc, settings(chain_id=5_000), DEPLOYER.address)


async def test_a_nonce_used_elsewhere_and_another_key_are_refused(rpc: HttpEndpoint) -> None:
    made = await plan(rpc, settings(), DEPLOYER.address)
    with pytest.raises(CannotDeploy, match="the plan is for deployer"):
        await deploy(rpc, made, OTHER)
    sent = await rpc.call("eth_sendTransaction", {"from": DEPLOYER.address, "to": OTHER.address})
    while await rpc.call("eth_getTransactionReceipt", sent) is None:
        pass
    with pytest.raises(CannotDeploy, match="make a new plan"):
        await deploy(rpc, made, DEPLOYER)


async def test_a_plan_made_later_counts_on_from_the_deployers_nonce(rpc: HttpEndpoint) -> None:
    """RLP of a nonce changes its length at 128: addresses must still be right."""
    await rpc.call("anvil_setNonce", DEPLOYER.address, hex(126))
    made = await plan(rpc, settings(), DEPLOYER.address)
    await deploy(rpc, made, DEPLOYER)
    assert (await show(rpc, made)).summary.link == made.link


@pytest.mark.parametrize("chain_id", LINK)
def test_known_link_addresses_are_checksummed(chain_id: int) -> None:
    assert to_checksum_address(LINK[chain_id].lower()) == LINK[chain_id]
