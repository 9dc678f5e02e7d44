"""The guard as the API takes and shows it: the pool's share of the network's nodes, and its two marks."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from linkpool.wire.api import Asked, View
from linkpool.wire.numbers import NoTruth

GuardState = Literal["off", "open", "blocked", "overridden"]
"""off: no source is set; open: auto-scaling may grow; blocked: it may not; overridden: a person lets it."""


class NumberSource(Asked):
    """A person says how many nodes the network has, ours included."""

    kind: Literal["number"]
    nodes: Annotated[int, Field(ge=1, le=10**9), NoTruth]


class UrlSource(Asked):
    """A document says it. path: into its JSON, names and places joined by dots (`data.nodes.0.count`)."""

    kind: Literal["url"]
    url: Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=2_048)]
    path: Annotated[str, Field(max_length=500)] = ""
    allow_private: StrictBool = False


class ContractSource(Asked):
    """A contract on the pool's chain says it: a view without arguments that returns one uint."""

    kind: Literal["contract"]
    address: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
    function: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}\(\)$")]


Source = Annotated[NumberSource | UrlSource | ContractSource, Field(discriminator="kind")]


class GuardSettings(Asked):
    """Where the number of nodes comes from; a share above `upper` blocks, one below `lower` frees again."""

    source: Source
    upper: Annotated[float, Field(gt=0, le=1), NoTruth]
    lower: Annotated[float, Field(gt=0, le=1), NoTruth]

    def contradiction(self) -> str | None:
        """What in it cannot be meant; None when it fits together."""
        return "lower must not be above upper" if self.lower > self.upper else None


class PutGuard(Asked):
    """The guard from now on; null takes it off."""

    guard: GuardSettings | None


class PutOverride(Asked):
    """Let auto-scaling grow in spite of the guard, for a while."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]
    expires_in_seconds: Annotated[int, Field(ge=1, le=30 * 86_400), NoTruth]


class OverrideView(View):
    """Who let auto-scaling grow in spite of the guard. by: the token's id."""

    reason: str
    by: str
    made_at: datetime
    until: datetime


class PublicGuard(View):
    """The pool's share as anybody may see it. nodes: of the network, as of `read_at`; ours: of this pool."""

    state: GuardState
    why: str
    ours: int
    nodes: int | None
    share: float | None
    upper: float | None
    lower: float | None
    read_at: datetime | None


class GuardView(PublicGuard):
    """The guard, its source, and what was said against it. trouble: why the last reading failed."""

    settings: GuardSettings | None
    trouble: str | None
    override: OverrideView | None
