"""The HTTP API's models. Amounts are strings in juels or wei, times RFC 3339, addresses checksummed."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SecretStr,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

Amount = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,77})$", examples=["100000000000000000000000"])]
"""A whole number of juels or wei below 2**256, as a string."""


def moment(unix: float) -> datetime:
    """Unix seconds as a point in time that JSON shows in UTC."""
    return datetime.fromtimestamp(unix, UTC)


class View(BaseModel):
    """Something shown."""

    model_config = ConfigDict(frozen=True)


class Asked(BaseModel):
    """Something asked for; unknown fields are refused, and texts that PostgreSQL cannot keep or a command
    cannot be given: those with U+0000.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*")
    @classmethod
    def _whole_texts(cls, value: object) -> object:
        if _has_nul(value):
            raise ValueError("the character U+0000 is in it, which cannot be kept; leave it out")
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        shape = handler(core)
        _forbid_nul(handler.resolve_ref_schema(shape).get("properties", {}))
        return shape


def _has_nul(value: object) -> bool:
    """In a text, or in texts of a collection; nested models have looked for themselves."""
    match value:
        case str():
            return "\0" in value
        case SecretStr():
            return "\0" in value.get_secret_value()
        case dict():
            return any(_has_nul(each) for pair in value.items() for each in pair)
        case list() | tuple() | set() | frozenset():
            return any(_has_nul(each) for each in value)
    return False


def _forbid_nul(shape: object) -> None:
    """Say it in the schema too, of every text that has no shape of its own."""
    if isinstance(shape, dict):
        if shape.get("type") == "string" and not shape.keys() & {"pattern", "format", "enum", "const"}:
            shape["pattern"] = r"^[^\x00]*$"
        for part in shape.values():
            _forbid_nul(part)
    elif isinstance(shape, list):
        for part in shape:
            _forbid_nul(part)


class ReplicaView(View):
    """One replica: what the engine runs, and what it says itself when it is on the line."""

    task: str
    colour: str
    release: str
    slot: int | None
    sender: str | None
    state: str
    ready: bool
    in_roster: bool
    head: int | None
    catalog: int
    open: int
    answered: int
    balance: Amount | None
    """Wei of its sender, as last seen."""
    pid: int | None
    health: str | None
    heard_seconds_ago: float | None


class NodeView(View):
    """One node. `stake` and `earned` (juels) are none until it is registered."""

    id: str | None
    index: int
    wallet: str | None
    state: str
    capacity: Amount
    stake: Amount | None
    earned: Amount | None
    accepting: bool
    primary: str
    made_at: datetime
    changed_at: datetime
    replicas: list[ReplicaView]


class NodeList(View):
    """All nodes, oldest first."""

    nodes: list[NodeView]


class OperationView(View):
    """How far something asked for is: running, done or failed."""

    id: str
    kind: str
    node: str | None
    state: str
    detail: str
    made_at: datetime
    changed_at: datetime


class MakeNode(Asked):
    """A node is wanted. capacity: juels of active stake; the pool's default when left out."""

    capacity: Amount | None = None


class NodeMade(View):
    """The new node and the operation that brings it to serving."""

    node: NodeView
    operation: OperationView


class RunView(View):
    """A run that was handed to the replicas."""

    run: str


class EventView(View):
    """Something that happened; `number` only grows."""

    number: int
    at: datetime
    kind: str
    node: str | None
    data: dict[str, Any]


class PublicNode(View):
    """A registered node as anybody may see it. serving: replicas that answer now."""

    id: str
    wallet: str
    state: str
    capacity: Amount
    stake: Amount
    earned: Amount
    accepting: bool
    serving: int


class MakeToken(Asked):
    """A token is wanted: read, operate (runs the fleet) or admin (makes tokens); each has those before."""

    name: Annotated[str, Field(pattern=r"^[ -~]{1,100}$")]
    scope: Literal["read", "operate", "admin"]
    expires_in_seconds: Annotated[int, Field(ge=1, le=10 * 365 * 86_400)] | None = None


class TokenView(View):
    """A token without its secret."""

    id: str
    name: str
    scope: str
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenMade(TokenView):
    """A new token, shown this once."""

    token: str


class TokenList(View):
    """All tokens, oldest first."""

    tokens: list[TokenView]


class AuditView(View):
    """Who asked for what. token: the token's id; status: none when the request was cut off."""

    number: int
    at: datetime
    token: str
    method: str
    path: str
    client: str | None
    status: int | None


class AuditList(View):
    """A page of the audit log, oldest first."""

    entries: list[AuditView]


class Unfit(View):
    """A field of the request that will not do. field: names and places joined by dots (`policy.floor`)."""

    field: str
    message: str


class Problem(View):
    """An error (RFC 9457, application/problem+json). errors: the fields that will not do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Unfit] = Field(default_factory=list)
