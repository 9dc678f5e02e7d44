"""Founding a development pool: contracts on a fresh chain, money where it is needed."""

import secrets
from dataclasses import dataclass

from eth_abi.abi import encode

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.chain.types import quantity
from linkpool.contracts.abi import load_code
from linkpool.contracts.consumer import DemoConsumer
from linkpool.contracts.deploy import Deployment, Settings, deploy, plan
from linkpool.contracts.link import Link
from linkpool.contracts.pool import stake_data
from linkpool.dev.account import COINS, Account
from linkpool.dev.folder import Folder
from linkpool.files import write_private
from linkpool.fleet.secrets.keys import Keyring, new_master, seal
from linkpool.units import Juels, Wei, link
from linkpool.wire.catalog import Terms

PAYMENT = link("0.1")
PENALTY = link("0.5")
BASE_FEE_CEILING = 1_000 * 10**9
TERMS = Terms(payment=str(PAYMENT), penalty=str(PENALTY), base_fee_ceiling=str(BASE_FEE_CEILING))
"""The demo job's offer."""
STAKE = link(1_000)
WEALTH = link(1_000_000)
GIFT = link(10_000)
"""For a visitor's wallet."""
GAS_MONEY = Wei(100 * 10**18)
MAX_FEE = Wei(50 * 10**9)
"""Wei per gas that replicas pay at most here: with it a node takes half a coin, and a hundred fit."""
LINK_PRICE = 5 * 10**15
"""Wei per LINK on the dev chain: 0.005 coin."""


@dataclass(frozen=True)
class Found:
    """A pool that stands, and who plays on it."""

    deployment: Deployment
    staker: Account
    requester: Account
    consumer: DemoConsumer


async def found(rpc: Rpc, folder: Folder) -> Found:
    """Deploy everything and write keys and deployment file into `folder`. Raises CannotDeploy, NotDone."""
    chain_id = quantity(await rpc.call("eth_chainId"))
    keys = _new_keys(folder)
    owner = Account(rpc, chain_id)
    manager = Account(rpc, chain_id, keys.manager())
    staker, requester = Account(rpc, chain_id), Account(rpc, chain_id)
    for account in (owner, manager, staker, requester):
        await account.fund()
    treasury = Key(keys.treasury()).address
    await rpc.call("anvil_setBalance", treasury, hex(GAS_MONEY))
    settings = Settings(
        chain_id=chain_id,
        owner=owner.address,
        manager=manager.address,
        guardian=owner.address,
        fee_account=owner.address,
    )
    deployment = await plan(rpc, settings, owner.address)
    deployment.save(folder.deployment)
    await deploy(rpc, deployment, owner.key)
    code = load_code("DemoConsumer").creation + encode(("address",), (deployment.link,))
    consumer = DemoConsumer(await requester.deploy(code))
    token = Link(deployment.link)
    for rich in (staker.address, consumer.address):
        await owner.send(token.mint(rich, WEALTH))
    return Found(deployment, staker, requester, consumer)


def _new_keys(folder: Folder) -> Keyring:
    passphrase = secrets.token_urlsafe(24)
    write_private(folder.passphrase, passphrase + "\n")
    master = new_master()
    seal(master, passphrase, folder.keys)
    return Keyring(master)


async def welcome(rpc: Rpc, found_pool: Found, visitor: str) -> None:
    """Give a visitor's own wallet LINK to stake and coins for gas. Raises NotDone."""
    await rpc.call("anvil_setBalance", visitor, hex(COINS))
    await found_pool.staker.send(Link(found_pool.deployment.link).mint(visitor, GIFT))


async def stake(found_pool: Found, node: str, amount: Juels = STAKE) -> None:
    """The demo staker stakes on a node, in one transaction. Raises NotDone."""
    token, pool = Link(found_pool.deployment.link), found_pool.deployment.pool
    data = stake_data(node, found_pool.staker.address)
    await found_pool.staker.send(token.transfer_and_call(pool, amount, data))
