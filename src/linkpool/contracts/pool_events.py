"""Every event of StakingPool. Amounts are juels, times Unix seconds, fees basis points.

`assets` are the node's after the act, so that a reader of the log alone knows every balance
(`docs/contracts.md`, "State from logs").
"""

from dataclasses import dataclass

from linkpool.contracts.abi import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEvent(Event):
    """An event of StakingPool."""

    contract = "StakingPool"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRegistered(PoolEvent):
    """A node joined; its id is the address of its NodeOracle."""

    node: str
    wallet: str
    senders: tuple[str, ...]
    capacity: int
    fee_bps: int
    nonce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDraining(PoolEvent):
    """No new stake, no new requests."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReopened(PoolEvent):
    """A drain or a retirement was undone."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRetired(PoolEvent):
    """No open request is covered any more: stake may move at once."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityChanged(PoolEvent):
    """How much active stake the node may take."""

    node: str
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderAdded(PoolEvent):
    """Authorized after registration; the first ones are in NodeRegistered."""

    node: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRemoved(PoolEvent):
    """Its authority ended, for good."""

    node: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsChanged(PoolEvent):
    """What invites may do."""

    max_nodes: int
    max_capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Staked(PoolEvent):
    """`payer` put stake behind a node for `account`."""

    node: str
    account: str
    payer: str
    amount: int
    shares: int
    assets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnstakeRequested(PoolEvent):
    """Shares stopped earning and wait in a ticket; `value` is theirs now."""

    node: str
    account: str
    ticket: int
    shares: int
    value: int
    ready_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(PoolEvent):
    """A ticket was paid."""

    node: str
    account: str
    ticket: int
    shares: int
    amount: int
    assets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(PoolEvent):
    """Stake went from a retired node to another without waiting."""

    from_node: str
    to_node: str
    account: str
    amount: int
    from_shares: int
    from_assets: int
    to_shares: int
    to_assets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalized(PoolEvent):
    """A cover was paid to a requester."""

    node: str
    requester: str
    request_id: bytes
    amount: int
    assets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvested(PoolEvent):
    """A node's income came to the pool; `fee` of what it has divided became payable."""

    node: str
    amount: int
    fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(PoolEvent):
    """An account took its income of one node."""

    node: str
    account: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeesPaid(PoolEvent):
    """Maker fees went to the fee account."""

    account: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeAnnounced(PoolEvent):
    """A rise, in force from `effective_at` once applied."""

    fee_bps: int
    effective_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeChanged(PoolEvent):
    """In force; nodes adopt it when they divide income next."""

    fee_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipTransferred(PoolEvent):
    """The owner is another."""

    previous: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerChanged(PoolEvent):
    """Zero: there is none."""

    manager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardianChanged(PoolEvent):
    """Zero: there is none."""

    guardian: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeAccountChanged(PoolEvent):
    """Where maker fees go."""

    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipTransferStarted(PoolEvent):
    """The owner offered the pool to `pending`."""

    owner: str
    pending: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(PoolEvent):
    """No staking and no new requests until then."""

    by: str
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaused(PoolEvent):
    """The pause ended early."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteRevoked(PoolEvent):
    """That manager's invite of that nonce is void."""

    manager: str
    nonce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferChanged(PoolEvent):
    """Price and penalty of one job id for requests from here on."""

    job: bytes
    payment: int
    penalty: int
    base_fee_ceiling: int
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeSynced(PoolEvent):
    """Income was divided: `net` to active shares, `fee` to the operator; `carry` too is in 2**-80 juels."""

    node: str
    earned: int
    fee: int
    net: int
    accumulator: int
    carry: int
    next_fee_bps: int


EVENTS: tuple[type[Event], ...] = (
    NodeRegistered,
    NodeDraining,
    NodeReopened,
    NodeRetired,
    CapacityChanged,
    SenderAdded,
    SenderRemoved,
    LimitsChanged,
    Staked,
    UnstakeRequested,
    Withdrawn,
    Moved,
    Penalized,
    Harvested,
    Claimed,
    FeesPaid,
    FeeAnnounced,
    FeeChanged,
    OwnershipTransferred,
    ManagerChanged,
    GuardianChanged,
    FeeAccountChanged,
    OwnershipTransferStarted,
    Paused,
    Unpaused,
    InviteRevoked,
    OfferChanged,
    IncomeSynced,
)
