"""A node adds itself: its replica submits the manager's invite, and no admin key is near it.

Anyone may submit an invite, and "already registered" is success, so both replicas may try: the second waits a
few blocks to let the first one's transaction land, and finds nothing left to do.
"""

import asyncio

import structlog

from linkpool.chain.intent import Intent, Mined
from linkpool.chain.rpc import EndpointTrouble, Rpc
from linkpool.contracts import invite as invites
from linkpool.contracts.pool import Pool
from linkpool.replica.core import Core
from linkpool.units import Wei
from linkpool.wire.agent import Invite, NodeFacts

log = structlog.get_logger(__name__)

GAS = 1_500_000
"""Gas limit of `register`: a minimal proxy, six senders, the node's books."""

TRY_SECONDS = 600.0
"""A submission that has not landed by then is given up, and the contract looked at again."""

POLL_SECONDS = 0.5
WAIT_BLOCKS = 3
"""Blocks that each following replica leaves to the ones before it."""


async def exists(rpc: Rpc, address: str) -> bool:
    """There is code at `address`. Raises EndpointTrouble."""
    return len(await rpc.call("eth_getCode", address, "latest")) > 2


async def register(core: Core, node: NodeFacts, *, max_fee: Wei) -> None:
    """Return when the node's oracle contract exists. The lowest slot submits at once, each next one later.

    Without an invite it only waits. What does not land (no gas money yet, a late block) is submitted again.
    """
    patience = core.who.order * WAIT_BLOCKS
    while not await _exists(core.endpoints, node.oracle):
        if node.invite is None or patience > 0:
            patience -= 1
            await core.heads.next()
            continue
        outcome = await core.stream.submit(_intent(node, node.invite, core.clock.now(), max_fee))
        if isinstance(outcome, Mined) and outcome.succeeded:
            log.info("registered", node=node.oracle, tx="0x" + outcome.tx_hash.hex())
        else:
            log.warning("registration did not land, trying again", node=node.oracle, outcome=str(outcome))
            await core.heads.next()


def _intent(node: NodeFacts, invite: Invite, now: float, max_fee: Wei) -> Intent:
    terms = invites.Invite(invite.wallet, invite.senders, int(invite.capacity), invite.deadline, invite.nonce)
    call = Pool(node.pool).register(terms, bytes.fromhex(invite.signature.removeprefix("0x")))
    return Intent(
        to=call.to,
        data=call.data,
        gas_limit=GAS,
        max_fee=lambda _now: max_fee,
        wanted=lambda: True,
        deadline=min(invite.deadline, now + TRY_SECONDS),
        label="register",
    )


async def _exists(rpc: Rpc, address: str) -> bool:
    """Whether it is there; without an endpoint nobody knows, and nothing is submitted meanwhile."""
    while True:
        try:
            return await exists(rpc, address)
        except EndpointTrouble as error:
            log.warning("cannot tell whether the node is on chain", node=address, error=str(error))
            await asyncio.sleep(POLL_SECONDS)
