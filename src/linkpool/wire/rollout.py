"""Releases and rollouts over HTTP.

    GET  /api/v1/releases                      ReleaseList
    PUT  /api/v1/releases/{name}               PutRelease   -> ReleaseView      (admin)
    GET  /api/v1/rollouts                      RolloutList                      newest first
    POST /api/v1/rollouts                      StartRollout -> RolloutStarted   (202, Idempotency-Key)
    GET  /api/v1/rollouts/{id}                 RolloutView
    POST /api/v1/rollouts/{id}/pause           -> RolloutView     begins no further node
    POST /api/v1/rollouts/{id}/resume          -> RolloutView     also after it stopped itself
    POST /api/v1/rollouts/{id}/abort           -> RolloutView     what is in flight returns

A release is code that runs on the engine's hosts: hence admin. An abort leaves alone what has moved.

Events: `rollout_state` {rollout, state, detail}, `move_state` {rollout, bridge, release, state, detail}.
409: a node is part of another rollout that runs; a release's name stands for something else; a rollout that
is over cannot be changed.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from linkpool.wire.api import Asked, OperationView, View

ReleaseName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
"""Name of an environment variable."""
Text = Annotated[str, Field(max_length=4_096)]
NodeId = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]

RolloutStateName = Literal["running", "paused", "stopped", "aborting", "aborted", "done", "failed"]
MoveStateName = Literal[
    "waiting",
    "starting",
    "proving",
    "switching",
    "primary",
    "draining",
    "removing",
    "done",
    "returning",
    "returned",
    "skipped",
]
"""In order; a move that is not yet `removing` can go to returning -> returned."""


class PutRelease(Asked):
    """What replicas shall run: a command (local) or an image (swarm, ecs), and the environment it gets.

    Settings are shown to whoever may read: secrets do not belong there.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"command": {"minItems": 1}}, "required": ["command"]},
                {"properties": {"image": {"type": "string"}}, "required": ["image"]},
            ]
        }
    )

    command: list[Text] = Field(default_factory=list, max_length=100)
    image: Annotated[str, Field(pattern=r"^[!-~]{1,500}$")] | None = None
    settings: dict[Variable, Text] = Field(
        default_factory=dict, max_length=100, json_schema_extra={"additionalProperties": False}
    )

    @model_validator(mode="after")
    def _something_to_run(self) -> Self:
        if not self.command and self.image is None:
            raise ValueError("a release needs a command or an image")
        return self


class ReleaseView(View):
    """A release. current: what new nodes run; nodes: how many have it as their primary colour."""

    name: str
    command: list[str]
    image: str | None
    settings: dict[str, str]
    made_at: datetime
    current: bool
    nodes: int


class ReleaseList(View):
    """All releases, oldest first."""

    releases: list[ReleaseView]


class StartRollout(Asked):
    """Move nodes to a release: those named, or all. Nodes that run it already, or do not serve, are skipped.

    wave: nodes at once after the first, which goes alone; within: seconds the new replicas of a node have to
    serve, be synced and funded, and pass the probe.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {"all": {"const": True}, "nodes": {"maxItems": 0}}, "required": ["all"]},
                {"properties": {"all": {"const": False}, "nodes": {"minItems": 1}}, "required": ["nodes"]},
            ]
        }
    )

    release: ReleaseName
    nodes: list[NodeId] = Field(
        default_factory=list, max_length=1_000, json_schema_extra={"uniqueItems": True}
    )
    all: bool = False
    wave: Annotated[int, Field(ge=1, le=100)] = 4
    within: Annotated[float, Field(ge=5, le=3_600)] = 180.0

    @model_validator(mode="after")
    def _some_nodes(self) -> Self:
        if self.all == bool(self.nodes):
            raise ValueError("name the nodes, or say all: one of the two")
        return self


class MoveView(View):
    """How far one node is. colour: the one it moves to; seconds: spent in each state it has left."""

    node: str | None
    index: int | None
    state: MoveStateName
    colour: str
    wave: int
    detail: str
    seconds: dict[MoveStateName, float]


class RolloutView(View):
    """A rollout. detail: why it waits, stopped or ended as it did."""

    id: str
    operation: str
    release: str
    all: bool
    wave: int
    within: float
    state: RolloutStateName
    detail: str
    made_at: datetime
    changed_at: datetime
    moves: list[MoveView]


class RolloutList(View):
    """Rollouts, newest first."""

    rollouts: list[RolloutView]


class RolloutStarted(View):
    """A new rollout and the operation that follows it."""

    rollout: RolloutView
    operation: OperationView
