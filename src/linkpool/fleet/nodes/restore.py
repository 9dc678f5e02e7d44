"""A pool's state again, from its master secret and the chain alone.

The chain lists every node with its wallet, and wallets are derived by number: so the numbers are tried in
order until every wallet is found. What only the database knew (catalog, tokens, events) is not brought back.
"""

from collections.abc import Mapping

import structlog

from linkpool.chain.keys import Key
from linkpool.contracts.pool import Status
from linkpool.errors import Permanent
from linkpool.fleet.clock import Clock
from linkpool.fleet.pool import NodeOnChain, Pool
from linkpool.fleet.secrets.keys import SLOTS, Keyring
from linkpool.store import events, nodes, retirements
from linkpool.store.database import Database
from linkpool.store.tables import NodeState
from linkpool.units import Slot

log = structlog.get_logger(__name__)

GAP = 100
"""Numbers in a row without a node after which the search ends: a failed transaction leaves a gap."""
_STATES = {Status.DRAINING: NodeState.DRAINING, Status.RETIRED: NodeState.RETIRED}


class CannotRestore(Permanent):
    """The chain, the keys and the database do not fit together."""


async def restore(database: Database, keys: Keyring, pool: Pool, clock: Clock) -> list[str]:
    """Write every node of the chain into an empty database; their ids, oldest first.

    The nodes come back as registered: the next leader starts their replicas. Those that are being retired go
    on with it, and retired ones stay so. Raises CannotRestore, EndpointTrouble, StoreUnreachable.
    """
    on_chain = await pool.nodes()
    numbers = _numbers(keys, on_chain)
    lost = sorted(on_chain.keys() - numbers.keys())
    if lost:
        raise CannotRestore(f"no key of this master secret is the wallet of {', '.join(lost)}")
    now = clock.now()
    async with database.write() as session:
        if await nodes.every(session):
            raise CannotRestore("the database has nodes already; restore into an empty one")
        for oracle, number in sorted(numbers.items(), key=lambda item: item[1]):
            capacity = on_chain[oracle].capacity
            await nodes.want(session, capacity, now, number=number)
            await nodes.set_addresses(
                session,
                number,
                wallet=on_chain[oracle].wallet,
                oracle=oracle,
                senders=[Key(keys.sender(number, Slot(slot))).address for slot in range(SLOTS)],
                now=now,
            )
            state = _STATES.get(on_chain[oracle].status, NodeState.REGISTERED)
            await nodes.set_state(session, number, state, now)
            if state is NodeState.DRAINING:
                await retirements.begin(session, number, now)
            events.add(session, "node_restored", oracle, {"index": number}, now)
        await nodes.continue_numbers(session)
    log.info("nodes restored", nodes=len(numbers))
    return sorted(numbers, key=numbers.__getitem__)


def _numbers(keys: Keyring, on_chain: Mapping[str, NodeOnChain]) -> dict[str, int]:
    """The place in the derivation of each node whose wallet is ours."""
    wanted = {node.wallet: oracle for oracle, node in on_chain.items()}
    found: dict[str, int] = {}
    number = last = 0
    while len(found) < len(wanted) and number - last < GAP:
        number += 1
        oracle = wanted.get(Key(keys.wallet(number)).address)
        if oracle is not None:
            found[oracle] = last = number
    return found
