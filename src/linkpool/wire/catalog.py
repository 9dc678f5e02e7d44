"""The catalog over HTTP: what is asked for, what would change, and how far each part of it is.

    GET    /api/v1/catalog                    CatalogView
    POST   /api/v1/catalog                    PutCatalog -> CatalogChange   (the whole; `dry_run` only says)
    PUT    /api/v1/catalog/jobs/{id}          PutJob     -> CatalogChange
    DELETE /api/v1/catalog/jobs/{id}                     -> CatalogChange
    PUT    /api/v1/catalog/jobs/{id}/offer    Terms      -> CatalogChange
    DELETE /api/v1/catalog/jobs/{id}/offer               -> CatalogChange
    PUT    /api/v1/catalog/bridges/{name}     PutBridge  -> CatalogChange
    DELETE /api/v1/catalog/bridges/{name}                -> CatalogChange

Asking twice changes nothing, so none of these needs an Idempotency-Key. A change is in force when every
serving replica acknowledged its revision; offers on chain follow (`JobView.state`).
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, StrictInt, model_validator
from pydantic.config import JsonDict, JsonValue

from linkpool.wire.agent import Secret
from linkpool.wire.api import Amount, Asked, View

JobText = Annotated[str, Field(max_length=65_536, json_schema_extra={"format": "linkpool-job"})]
"""A job spec as TOML."""
BridgeName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
"""Name of an environment variable."""
Word = Annotated[str, Field(min_length=1)]
_HOST = r"[a-zA-Z0-9._~-]+(:[0-9]{1,5})?"
Url = Annotated[str, Field(pattern=rf"^https?://{_HOST}([/?#][!-~]*)?$", max_length=2_048)]
"""Without a user or password: URLs are shown, tokens are not."""


def _keyed(most: int) -> Any:
    """A mapping of at most so many; keys that do not fit are refused, and the OpenAPI document says so."""
    return Field(max_length=most, json_schema_extra={"additionalProperties": False})


def _either(one: JsonDict, other: JsonDict) -> ConfigDict:
    """One of two shapes, by its first field, for the OpenAPI document; a validator holds it."""
    shapes: list[JsonValue] = [{"required": [next(iter(each))], "properties": each} for each in (one, other)]
    return ConfigDict(json_schema_extra={"oneOf": shapes})


_COMMAND: JsonDict = {"command": {"minItems": 1}, "image": {"type": "null"}}
_IMAGE: JsonDict = {"image": {"type": "string"}}
_URLS: JsonDict = {"urls": {"minItems": 1}, "program": {"type": "null"}}
_PROGRAM: JsonDict = {"program": {"type": "object"}, "urls": {"maxItems": 0}, "token": {"type": "null"}}

JobState = Literal["adding", "served", "open", "closing", "leaving"]
"""adding: not every serving replica has it, or its offer is on its way to the chain · served: without an
offer · open: can be bought at the offer's terms · closing: its offer is on its way out · leaving: its offer
is closed, and replicas keep it until the last request made under it has ended."""

AdapterState = Literal["starting", "serving", "upgrading", "kept_old", "leaving"]
"""kept_old: a new program never became well, so the one before it serves."""


class Terms(Asked):
    """A job's offer. payment, penalty: juels, the latter whole gwei-LINK; base_fee_ceiling: wei."""

    payment: Amount
    penalty: Amount = "0"
    base_fee_ceiling: Amount


class PutJob(Asked):
    """A job, and its offer: without one it is served, and nobody can buy it."""

    text: JobText
    offer: Terms | None = None


class Program(Asked):
    """An adapter that the pool runs: two tasks of a command (local), or of an image (swarm, ecs) with the
    command as its arguments, listening on `PORT`.

    settings and secrets are its environment; secrets are sealed at rest and never shown. sample: a request
    body (JSON) that a new program must answer well before it takes over.
    """

    model_config = _either(_COMMAND, _IMAGE)
    command: Annotated[list[Word], Field(max_length=100)] = Field(default_factory=list)
    image: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    settings: Annotated[dict[Variable, str], _keyed(200)] = Field(default_factory=dict)
    secrets: Annotated[dict[Variable, Secret], _keyed(50)] = Field(default_factory=dict)
    sample: Annotated[str, Field(max_length=32_768)] | None = None

    @model_validator(mode="after")
    def _something_to_run(self) -> Self:
        if not self.command and self.image is None:
            raise ValueError("a program needs a command or an image")
        return self


class PutBridge(Asked):
    """A bridge: URLs, or a program. `token` goes out as a bearer token; `incoming_token` must come with what
    it answers later. keep_secrets: tokens and secrets it has stay where none are given.
    """

    model_config = _either(_URLS, _PROGRAM)
    urls: Annotated[list[Url], Field(max_length=16)] = Field(default_factory=list)
    program: Program | None = None
    token: Secret | None = None
    incoming_token: Annotated[Secret, Field(min_length=16)] | None = None
    keep_secrets: StrictBool = False
    timeout: Annotated[float, Field(gt=0, le=300)] = 15.0
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 64

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.urls) == (self.program is not None):
            raise ValueError("a bridge has urls or a program, one of both")
        if self.program and self.token:
            raise ValueError("the pool makes the token of a program itself; leave it out")
        return self


class PutCatalog(Asked):
    """The whole catalog. if_revision: refuse (409) when another one is in force by now."""

    jobs: Annotated[list[PutJob], Field(max_length=1_000)]
    bridges: Annotated[dict[BridgeName, PutBridge], _keyed(1_000)] = Field(default_factory=dict)
    dry_run: StrictBool = False
    if_revision: StrictInt | None = None


class Change(View):
    """One difference. `name` is for people, `id` the job's external id or the bridge's name."""

    kind: Literal["job", "offer", "bridge"]
    what: Literal["added", "changed", "removed"]
    id: str
    name: str
    detail: str


class CatalogChange(View):
    """What changed, or would. on_chain: what follows on chain, in order, in words."""

    revision: int
    applied: bool
    changes: list[Change]
    on_chain: list[str]


class JobView(View):
    """A job as it is served. leaves_at: when replicas drop it, once its offer is closed."""

    id: str
    name: str
    type: str
    text: str
    offer: Terms | None
    leaving: bool
    state: JobState
    detail: str
    leaves_at: datetime | None


class AdapterTask(View):
    """One running task of an adapter."""

    task: str
    colour: str
    address: str | None
    pid: int | None
    healthy: bool
    detail: str


class AdapterView(View):
    """A program that the pool runs. secrets: only their names."""

    command: list[str]
    image: str | None
    settings: dict[str, str]
    secrets: list[str]
    sample: str | None
    release: str
    state: AdapterState
    detail: str
    tasks: list[AdapterTask]


class BridgeView(View):
    """A bridge without its tokens. urls: those that replicas are told now; leaving: in no job that stays."""

    name: str
    urls: list[str]
    program: AdapterView | None
    has_token: bool
    has_incoming_token: bool
    timeout: float
    concurrency: int
    leaving: bool


class CatalogView(View):
    """The catalog in force. acknowledged: the lowest revision in use by a serving replica; null when none
    serves, or on a control plane that stands by.
    """

    revision: int
    acknowledged: int | None
    jobs: list[JobView]
    bridges: list[BridgeView]
