"""One look at the money: balances of one block, what is on its way, what was sent today. All in wei."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from linkpool.chain.balances import balances
from linkpool.chain.history import read_head
from linkpool.chain.rpc import Rpc
from linkpool.chain.types import Head
from linkpool.fleet.office import Office
from linkpool.fleet.treasury.terms import DAY, Day, Limits
from linkpool.store import accounts, nodes
from linkpool.store.accounts import GAS, KnownAccount
from linkpool.store.nodes import KnownSlot
from linkpool.store.tables import OUT, OutboxRow
from linkpool.units import Wei

TRANSFER_GAS = 21_000


@dataclass
class Look:
    """Everything that a decision about money rests on. `treasury` is what it could still promise."""

    head: Head
    balances: Mapping[str, Wei]
    treasury: int
    day: Day
    slots: Sequence[KnownSlot]
    known: Mapping[str, KnownAccount]
    landed: Sequence[OutboxRow]
    under_way: Sequence[OutboxRow]

    @cached_property
    def on_its_way(self) -> Set[str]:
        """Addresses that gas money is on its way to."""
        return {row.target for row in self.under_way if row.purpose.startswith(GAS)}

    @cached_property
    def busy(self) -> Set[str]:
        """Addresses whose balance a transaction under way will change."""
        return {row.sender for row in self.under_way} | {row.target for row in self.under_way}

    @cached_property
    def frozen(self) -> Mapping[str, str]:
        """Why, by address."""
        return {a: row.frozen_why or "" for a, row in self.known.items() if row.frozen_at is not None}

    @cached_property
    def revoked(self) -> Set[str]:
        """Addresses that are, or will be, no senders any more."""
        return {slot.sender for slot in self.slots if slot.standing in OUT}

    @cached_property
    def owners(self) -> Mapping[str, int]:
        """The node of each sender."""
        return {slot.sender: slot.node for slot in self.slots}

    def siblings(self, address: str) -> Sequence[str]:
        """All senders of the same node, itself too; none for the manager."""
        return self._by_node[self.owners[address]] if address in self.owners else ()

    @cached_property
    def _by_node(self) -> Mapping[int, Sequence[str]]:
        senders: dict[int, list[str]] = defaultdict(list)
        for slot in self.slots:
            senders[slot.node].append(slot.sender)
        return senders


class Looker:
    """Reads the chain in two calls, however many senders there are, and the rest from the database."""

    def __init__(self, office: Office, rpc: Rpc, treasury: str, limits: Limits) -> None:
        self._rpc = rpc
        self._office = office
        self._treasury = treasury
        self._limits = limits

    async def at(self, wanted: Collection[str], *, known_since: int | None = None) -> Look:
        """These addresses; with `known_since` all that were ever seen, and what landed above that block (of a
        younger account: above its own). Raises EndpointTrouble, Refusal, StoreUnreachable.
        """
        head = await read_head(self._rpc)
        async with self._office.read() as session:
            slots = await nodes.every_slot(session)
            known = await accounts.every(session)
            sent = await accounts.sent_since(session, self._treasury, head.timestamp - DAY)
            under_way = await accounts.under_way(session)
            landed = () if known_since is None else await accounts.landed_after(session, known_since)
        addresses = {self._treasury, *wanted, *(() if known_since is None else known)}
        found = await balances(self._rpc, sorted(addresses), head.number)
        promised = sum(
            int(row.value) + row.gas * int(row.cap or row.max_fee)
            for row in under_way
            if row.sender == self._treasury
        )
        return Look(
            head=head,
            balances=found,
            treasury=found[self._treasury] - promised,
            day=Day(self._limits, sent),
            slots=slots,
            known=known,
            landed=landed,
            under_way=under_way,
        )
