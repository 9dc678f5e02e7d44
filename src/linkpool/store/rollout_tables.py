"""Tables of rollouts: what was asked for, and how far each thing is from one colour to the other."""

from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Integer,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from linkpool.store.prose import Prose
from linkpool.store.tables import Base, unique_among


class RolloutState(StrEnum):
    """How far a rollout is. Paused and stopped ones begin no further node; a stopped one stopped itself.

    failed: it came to its end, and not every node moved.
    """

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    ABORTING = "aborting"
    ABORTED = "aborted"
    DONE = "done"
    FAILED = "failed"


class MoveState(StrEnum):
    """How far a thing is: what is written is done, again after a crash. Until `removing` it can return."""

    WAITING = "waiting"
    """Its wave has not come."""
    STARTING = "starting"
    """The other colour is asked for."""
    PROVING = "proving"
    """It runs, and must show within its time that it is well."""
    SWITCHING = "switching"
    """It was well: it becomes primary."""
    PRIMARY = "primary"
    """It is primary, the old colour still serves."""
    DRAINING = "draining"
    """The old colour finishes what it has in hand."""
    REMOVING = "removing"
    """The old colour goes. From here there is no way back."""
    DONE = "done"
    RETURNING = "returning"
    """The old colour is primary again, the new one goes."""
    RETURNED = "returned"
    SKIPPED = "skipped"
    """It was never begun."""


OVER = frozenset({RolloutState.ABORTED, RolloutState.DONE, RolloutState.FAILED})
ENDED = frozenset({MoveState.DONE, MoveState.RETURNED, MoveState.SKIPPED})
IN_FLIGHT = frozenset(MoveState) - ENDED - {MoveState.WAITING}


class RolloutRow(Base):
    """A release for some nodes, or for all. wave: nodes at once; within: seconds a new colour has.

    Somebody who lets it go on has seen what was wrong: misses count from `counts_from` on (seconds of the
    chain), and as many returns as there were then are `forgiven`.
    """

    __tablename__ = "rollouts"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    operation: Mapped[str] = mapped_column(ForeignKey("operations.id"))
    release: Mapped[str] = mapped_column(ForeignKey("releases.name"))
    everything: Mapped[bool]
    wave: Mapped[int] = mapped_column(Integer)
    within: Mapped[float] = mapped_column(Float)
    state: Mapped[str] = mapped_column(String(20), index=True)
    detail: Mapped[str] = mapped_column(Prose)
    counts_from: Mapped[int] = mapped_column(BigInteger)
    forgiven: Mapped[int] = mapped_column(Integer)
    made_at: Mapped[float] = mapped_column(Float)
    changed_at: Mapped[float] = mapped_column(Float)


class MoveRow(Base):
    """A node or a bridge on its way to `release` in `colour`; `rollout` is none when nothing larger moves it.

    times: Unix seconds at which each state began; switched_at: seconds of the chain, of the block at which it
    became primary. A thing has one open move at most.
    """

    __tablename__ = "moves"
    __table_args__ = (CheckConstraint("(node IS NULL) <> (bridge IS NULL)", name="ck_moves_of_one_thing"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    rollout: Mapped[str | None] = mapped_column(ForeignKey("rollouts.id"), index=True)
    node: Mapped[int | None] = mapped_column(ForeignKey("nodes.index"))
    bridge: Mapped[str | None] = mapped_column(String(64))
    release: Mapped[str] = mapped_column(ForeignKey("releases.name"))
    colour: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(20))
    wave: Mapped[int] = mapped_column(Integer)
    within: Mapped[float] = mapped_column(Float)
    detail: Mapped[str] = mapped_column(Prose)
    times: Mapped[dict[str, float]] = mapped_column(JSON)
    switched_at: Mapped[int | None] = mapped_column(BigInteger)
    made_at: Mapped[float] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float)


for _thing in (MoveRow.node, MoveRow.bridge):
    unique_among(MoveRow.ended_at.is_(None), f"uq_moves_open_{_thing.key}", _thing)
