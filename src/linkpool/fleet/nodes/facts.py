"""A node's addresses, made from the master secret, and what its replicas are told about it."""

from linkpool.chain.keys import Key
from linkpool.fleet.clock import Clock
from linkpool.fleet.pool import Pool
from linkpool.fleet.secrets.keys import SLOTS, Keyring
from linkpool.store import events, nodes
from linkpool.store.database import Database
from linkpool.store.tables import UNREGISTERED, NodeRow
from linkpool.units import Juels, Slot
from linkpool.wire.agent import NodeFacts

INVITE_SECONDS = 7 * 86_400
"""An invite is signed anew at every welcome, so this bounds only how long a leaked one is good."""


class NodeFactory:
    """Makes the keys of wanted nodes, and signs their invites. Any control plane may, leading or not."""

    def __init__(self, database: Database, keys: Keyring, pool: Pool, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._pool = pool
        self._clock = clock

    async def make_keys(self, node: int) -> None:
        """Give a wanted node its wallet, oracle address and senders; doing it again gives the same.

        Raises StoreUnreachable.
        """
        wallet = Key(self._keys.wallet(node)).address
        senders = [Key(self._keys.sender(node, Slot(slot))).address for slot in range(SLOTS)]
        oracle = self._pool.oracle_of(wallet)
        now = self._clock.now()
        async with self._database.write() as session:
            made = await nodes.set_addresses(
                session, node, wallet=wallet, oracle=oracle, senders=senders, now=now
            )
            if made:
                events.add(session, "node_made", oracle, {"index": node, "wallet": wallet}, now)

    async def facts(self, node: NodeRow) -> NodeFacts:
        """What a replica is told; with an invite for as long as the node is not registered."""
        if node.wallet is None or node.oracle is None:
            raise ValueError(f"node {node.index} has no keys yet")
        invite = None
        if node.state in UNREGISTERED:
            async with self._database.read() as session:
                senders = [slot.sender for slot in await nodes.slots(session, node.index)]
            invite = self._pool.invite(
                wallet=node.wallet,
                senders=senders,
                capacity=Juels(int(node.capacity)),
                deadline=int(self._clock.now()) + INVITE_SECONDS,
                nonce=node.index,
            )
        return NodeFacts(
            chain_id=self._pool.facts.chain_id,
            link=self._pool.facts.link,
            pool=self._pool.facts.pool,
            wallet=node.wallet,
            oracle=node.oracle,
            invite=invite,
        )
