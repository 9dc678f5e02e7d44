"""What the pages are told: where the pool is, what it serves, and what changes. For anybody's eyes."""

from datetime import datetime

from linkpool.wire.api import Amount, View


class PageConfig(View):
    """Where a page's wallet finds the pool. explorer: URL of a block explorer, for links; rpc_url: what pages
    may read the chain from without a wallet; links: title to URL; docs: where the folder docs/ can be read.
    """

    chain_id: int
    chain_name: str
    coin: str
    pool: str
    link: str
    view: str
    explorer: str | None
    rpc_url: str | None
    links: dict[str, str]
    docs: str | None


class PoolTerms(View):
    """Roles and limits in force, as the contract says. Roles: zero address when nobody holds it."""

    pool: str
    link: str
    view: str
    implementation: str
    owner: str
    pending_owner: str
    manager: str
    guardian: str
    fee_account: str
    paused_until: datetime | None
    fee_bps: int
    unbonding_seconds: int
    fee_delay_seconds: int
    max_nodes: int
    max_capacity: Amount
    live_nodes: int


class JobOffer(View):
    """Price and penalty of one job id. job: the id as requests name it, 0x-hex; base_fee_ceiling: wei."""

    job: str
    payment: Amount
    penalty: Amount
    base_fee_ceiling: Amount
    open: bool


class ServedJob(View):
    """A job every node serves; its offers, one for each way to write its id."""

    id: str
    name: str
    type: str
    offers: list[JobOffer]


class ServedJobs(View):
    """The catalog in force."""

    revision: int
    jobs: list[ServedJob]


class PublicReplica(View):
    """One replica as anybody may see it. head: the block it is up to."""

    colour: str
    primary: bool
    slot: int | None
    sender: str | None
    state: str
    ready: bool
    in_roster: bool
    head: int | None
    answered: int


class PublicEvent(View):
    """Something that happened to a node or its replicas."""

    at: datetime
    kind: str
    node: str | None


class PublicUpgrade(View):
    """A node's replicas on their way to another release. state: as a rollout's steps are called (MoveState);
    began_at: when its turn came; ended_at: null while it is under way.
    """

    release: str
    state: str
    began_at: datetime
    ended_at: datetime | None


class NodeReplicas(View):
    """Who answers for a node, its last upgrades, and what else changed last; newest first."""

    replicas: list[PublicReplica]
    upgrades: list[PublicUpgrade]
    events: list[PublicEvent]


class Pulse(View):
    """How far the figures are. head: the chain's own latest block, null while it is out of reach."""

    block: int | None
    time: datetime | None
    head: int | None
