"""The agent protocol: what a replica and its control plane say to each other on one WebSocket.

A replica dials `{control url}/agent/v1` and sends `Hello`; it gets `Welcome` (its slot and sender key), or
`NotLeader` or `Refused`. From then on heartbeats go up, and roster, catalog, drain, resume and probe come
down, each stamped with (lease epoch, version): a replica ignores any stamp older than the last of its kind
that it took. Every message is one JSON object with a `kind`. Amounts are decimal strings in wei or juels,
keys and hashes 0x-hex.
"""

from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
    TypeAdapter,
)

PROTOCOL = 1
"""Version of this protocol. A control plane refuses a replica that speaks another."""

HEARTBEAT_SECONDS = 0.5
"""A replica speaks this often; the roster drops one that was silent for 2 s."""


class State(StrEnum):
    """Where a replica is in its life (`docs/protocol.md`)."""

    STARTING = "starting"
    CLAIMING = "claiming"
    SYNCING = "syncing"
    SERVING = "serving"
    DRAINING = "draining"
    GONE = "gone"


class Message(BaseModel):
    """Frozen; unknown fields are ignored, so that a newer side may say more than an older one hears."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _reveal(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if info.context == "wire" else str(secret)


Secret = Annotated[SecretStr, PlainSerializer(_reveal, when_used="json")]
"""Shown as stars everywhere but on the socket it was made for (`encode`)."""


class Stamp(NamedTuple):
    """Orders what a control plane says: a new leader's epoch outranks any version of the old one."""

    epoch: int
    version: int


# --- up: replica to control plane -----------------------------------------------------------------


class Remembering(Message):
    """What the last roster said of runs that kill: who leads next learns of them here."""

    avoid: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()


class Hello(Remembering):
    """First message. `slot` is the one already held, when a running replica reconnects."""

    kind: Literal["hello"] = "hello"
    protocol: int = PROTOCOL
    group: str
    task: str
    token: Secret
    slot: int | None = None
    health: str | None = None
    """Base URL of `/live`, `/ready` and `/metrics`, as the control plane can reach it."""


class Heartbeat(Remembering):
    """I am alive, and this is what I see. `head_time` is the block's timestamp in seconds."""

    kind: Literal["heartbeat"] = "heartbeat"
    state: State
    ready: bool
    head: int | None = None
    head_time: int | None = None
    catalog: int = 0
    """Revision of the catalog in use: the acknowledgement of a `Catalog`."""
    registered: bool = False
    """The node's oracle contract exists on chain."""
    open: int = 0
    """Requests seen that still want an answer."""
    answered: int = 0
    """Answers of this replica that reached a block since it started."""
    in_hand: tuple[str, ...] = ()
    """Run ids being worked on, said before they are begun: what is in hand at two deaths is suspected."""
    trying: tuple[str, ...] = ()
    """Suspects that run now; no longer named, its trial is over and it is acquitted."""
    alone: bool = False
    """Nothing else runs in this replica: should it die now, it died of what it tries."""
    pending: int | None = None
    """Nonce after the last transaction sent, so that a sibling sees what may still land."""
    funded: bool = True
    """Its sender can pay for an answer, as far as it knows."""
    drained: bool = False
    """Draining, and nothing is in hand any more: removing this replica now loses nothing."""


class Probed(Message):
    """What the `Probe` of this id found. Not ok: this replica must not become primary."""

    kind: Literal["probed"] = "probed"
    id: str
    ok: bool
    detail: str
    """One line for a person: what was recomputed and simulated, or what failed and why."""
    checked: int = 0
    """How many runs were recomputed; 0 with ok: the node has neither answers to repeat nor job probes."""


class Goodbye(Message):
    """Drained after SIGTERM: nothing is in hand, the process ends now."""

    kind: Literal["goodbye"] = "goodbye"


# --- down: control plane to replica ---------------------------------------------------------------


class Invite(Message):
    """The manager's signed permission for one node to register (DESIGN: EIP-712 `Invite`)."""

    wallet: str
    senders: tuple[str, ...]
    capacity: str
    deadline: int
    nonce: int
    signature: str


class NodeFacts(Message):
    """What does not change in a node's life."""

    chain_id: int
    link: str
    pool: str
    wallet: str
    oracle: str
    """The node's id. May have no code yet: then the replica submits `invite`."""
    invite: Invite | None = None


class Welcome(Message):
    """The slot and its sender key, handed over once and kept in memory only."""

    kind: Literal["welcome"] = "welcome"
    epoch: int
    node: NodeFacts
    slot: int
    sender_key: Secret


class Refused(Message):
    """No. `final`: asking again will not help, the replica exits; else it asks again later."""

    kind: Literal["refused"] = "refused"
    reason: str
    final: bool = False


class NotLeader(Message):
    """This control plane stands by; keep the connection, the welcome follows if it becomes leader."""

    kind: Literal["not_leader"] = "not_leader"


class Stamped(Message):
    """Ordered by (epoch, version); an older one is ignored."""

    epoch: int
    version: int

    @property
    def stamp(self) -> Stamp:
        """The message's place in the order of all messages of its kind."""
        return Stamp(self.epoch, self.version)


class Member(Message):
    """One live replica of the node."""

    task: str
    sender: str
    primary: bool
    """Of the primary colour: asked first."""
    funded: bool = True
    """Its sender can pay; one that cannot is asked after all that can."""


class Leaving(Member):
    """A draining replica: still there for the runs that it has in hand, and for no others."""

    runs: tuple[str, ...]


class Roster(Stamped):
    """Who is alive in this node now. Never empty; a replica always counts itself."""

    kind: Literal["roster"] = "roster"
    members: tuple[Member, ...]
    leaving: tuple[Leaving, ...] = ()
    avoid: tuple[str, ...] = ()
    """Run ids that killed: not run again, rejected."""
    suspects: tuple[str, ...] = ()
    """Run ids in hand at two deaths: tried in this order while a sibling serves, nothing beside them."""
    link_price: str | None = None
    """Wei per LINK, what an answer may cost; none when unknown."""


class Bridge(Message):
    """A named external adapter. URLs are tried by health; the token goes out as a bearer token."""

    name: str
    urls: tuple[str, ...]
    token: Secret | None = None
    timeout: float = 15.0
    concurrency: int = 64


class Catalog(Stamped):
    """All jobs (TOML texts) and bridges that every node serves."""

    kind: Literal["catalog"] = "catalog"
    revision: int
    jobs: tuple[str, ...] = ()
    bridges: tuple[Bridge, ...] = ()


class Webhook(Message):
    """Somebody called a webhook job. `run` is the run's id, the same for every replica."""

    kind: Literal["webhook"] = "webhook"
    job: str
    """The job's external id."""
    run: str
    body: str


class Callback(Message):
    """An asynchronous adapter answered, and was checked; whoever waits for this run and task takes it."""

    kind: Literal["callback"] = "callback"
    run: str
    task: str
    body: str


class Drain(Stamped):
    """Leave duty, take nothing new, finish what is in hand, then stay idle until `Resume` or SIGTERM."""

    kind: Literal["drain"] = "drain"


class Resume(Stamped):
    """Serve again after a drain that was called back."""

    kind: Literal["resume"] = "resume"


class Probe(Stamped):
    """Recompute the node's last three answers, or the jobs' own probes, sending nothing; say `Probed`."""

    kind: Literal["probe"] = "probe"
    id: str
    """Given back in `Probed`. A probe that is asked again by the same id is run once."""


Up = Annotated[Hello | Heartbeat | Probed | Goodbye, Field(discriminator="kind")]
Down = Annotated[
    Welcome | Refused | NotLeader | Roster | Catalog | Webhook | Callback | Drain | Resume | Probe,
    Field(discriminator="kind"),
]
UP: TypeAdapter[Up] = TypeAdapter(Up)
DOWN: TypeAdapter[Down] = TypeAdapter(Down)


def encode(message: Message) -> str:
    """One message as JSON for a text frame, secrets in clear: only for the socket it was made for."""
    return message.model_dump_json(context="wire")
