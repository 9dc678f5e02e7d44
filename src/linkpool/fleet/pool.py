"""What the fleet needs of the contracts, and no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.contracts import invite as invites
from linkpool.contracts.pool import Offer, Status
from linkpool.contracts.pool import Pool as PoolContract
from linkpool.contracts.view import Summary, View
from linkpool.errors import Permanent
from linkpool.units import Juels
from linkpool.wire.agent import Invite

_PAGE = 100
"""Nodes, or offers, per call of PoolView."""

_NOTHING = Juels(0)


class WrongPool(Permanent):
    """The contracts are not the ones that the configuration or the keys belong to."""


@dataclass(frozen=True)
class PoolFacts:
    """What does not change in a pool's life. Addresses checksummed."""

    chain_id: int
    link: str
    pool: str


@dataclass(frozen=True)
class NodeOnChain:
    """A node as the contracts show it, in juels. accepting: takes requests now.

    escrow: payments of open requests; reserves: their covers.
    """

    wallet: str
    capacity: Juels
    stake: Juels
    earned: Juels
    accepting: bool
    status: Status = Status.ACTIVE
    escrow: Juels = _NOTHING
    reserves: Juels = _NOTHING


class Pool(Protocol):
    """The pool's contracts. Reads raise EndpointTrouble."""

    @property
    def facts(self) -> PoolFacts:
        """What does not change."""
        ...

    @property
    def manager(self) -> str:
        """Who signs our invites: the address of our manager's key."""
        ...

    def oracle_of(self, wallet: str) -> str:
        """Where the oracle of a wallet is, or will be, deployed."""
        ...

    def invite(
        self, *, wallet: str, senders: Sequence[str], capacity: Juels, deadline: int, nonce: int
    ) -> Invite:
        """The manager's signed permission. deadline: Unix seconds."""
        ...

    async def registered(self, oracle: str) -> bool:
        """Whether the node is listed in the pool."""
        ...

    async def nodes(self) -> Mapping[str, NodeOnChain]:
        """Every registered node by its oracle's address."""
        ...

    async def offers(self, jobs: Sequence[bytes]) -> Sequence[Offer]:
        """The offers of these job ids, in their order; closed where there is none."""
        ...

    async def summary(self) -> Summary:
        """Roles, limits, fee and counts."""
        ...


class ContractPool:
    """`Pool` over JSON-RPC; made by `open_pool`."""

    def __init__(self, rpc: Rpc, facts: PoolFacts, view: str, manager: Key) -> None:
        self._rpc = rpc
        self.facts = facts
        self._pool = PoolContract(facts.pool)
        self._view = View(view)
        self._manager = manager
        self._implementation = invites.implementation_address(facts.pool)

    @property
    def manager(self) -> str:
        """Who signs our invites: the address of our manager's key."""
        return self._manager.address

    def oracle_of(self, wallet: str) -> str:
        """Where the oracle of a wallet is, or will be, deployed."""
        return invites.oracle_address(self.facts.pool, wallet, self._implementation)

    def invite(
        self, *, wallet: str, senders: Sequence[str], capacity: Juels, deadline: int, nonce: int
    ) -> Invite:
        """The manager's signed permission. deadline: Unix seconds."""
        invite = invites.Invite(wallet, tuple(senders), capacity, deadline, nonce)
        signature = invite.sign(self.facts.chain_id, self.facts.pool, self._manager.sign_digest)
        return Invite(
            wallet=wallet,
            senders=invite.senders,
            capacity=str(capacity),
            deadline=deadline,
            nonce=nonce,
            signature=f"0x{signature.hex()}",
        )

    async def registered(self, oracle: str) -> bool:
        """Whether the node is listed in the pool. Raises EndpointTrouble."""
        books = await self._pool.node(oracle).ask(self._rpc)
        return books.status is not Status.UNKNOWN

    async def nodes(self) -> Mapping[str, NodeOnChain]:
        """Every registered node by its oracle's address. Raises EndpointTrouble."""
        found: dict[str, NodeOnChain] = {}
        while True:
            rows = await self._view.nodes(self.facts.pool, len(found), _PAGE).ask(self._rpc)
            for row in rows:
                found[row.node] = NodeOnChain(
                    row.wallet,
                    Juels(row.capacity),
                    Juels(row.active),
                    Juels(row.earned),
                    row.accepting,
                    row.status,
                    Juels(row.escrow),
                    Juels(row.reserves),
                )
            if len(rows) < _PAGE:
                return found

    async def offers(self, jobs: Sequence[bytes]) -> Sequence[Offer]:
        """The offers of these job ids, in their order. Raises EndpointTrouble."""
        found: list[Offer] = []
        for first in range(0, len(jobs), _PAGE):
            found += await self._view.offers(self.facts.pool, jobs[first : first + _PAGE]).ask(self._rpc)
        return found

    async def summary(self) -> Summary:
        """Roles, limits, fee and counts. Raises EndpointTrouble."""
        return await self._view.summary(self.facts.pool).ask(self._rpc)


async def open_pool(rpc: Rpc, *, chain_id: int, pool: str, view: str, manager: Key) -> ContractPool:
    """The pool at an address. Raises WrongPool when our manager key is not the pool's, EndpointTrouble."""
    summary = await View(view).summary(pool).ask(rpc)
    if summary.manager != manager.address:
        raise WrongPool(
            f"pool {pool} is managed by {summary.manager}, our keys make {manager.address}; "
            "use the master secret that the pool was made with, or have its owner call set_manager"
        )
    return ContractPool(rpc, PoolFacts(chain_id, summary.link, pool), view, manager)
