"""Tables of growing and shrinking: retirements, policies, samples, decisions, the guard, the waiting list."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from linkpool.store.chain_tables import Amount
from linkpool.store.prose import Prose
from linkpool.store.tables import Base


class RetirementRow(Base):
    """A node that shall go. closed_at: the chain's time when it was first seen to be closed to new things."""

    __tablename__ = "retirements"
    node: Mapped[int] = mapped_column(ForeignKey("nodes.index"), primary_key=True, autoincrement=False)
    asked_at: Mapped[float] = mapped_column(Float)
    closed_at: Mapped[int | None] = mapped_column(BigInteger)


class PolicyRow(Base):
    """What auto-scaling may do, as `wire.scaling.ScalingPolicy`; the latest row is in force, null is off."""

    __tablename__ = "scaling_policies"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    policy: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    token: Mapped[str] = mapped_column(ForeignKey("tokens.id"))
    at: Mapped[float] = mapped_column(Float)


class SampleRow(Base):
    """What was seen at one moment, of nodes that take stake. capacity, stake, waiting: juels.

    requests: ever made; empty: nodes without stake; guard: how many more nodes it allowed, null for any.
    """

    __tablename__ = "scaling_samples"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float, index=True)
    nodes: Mapped[int] = mapped_column(Integer)
    empty: Mapped[int] = mapped_column(Integer)
    capacity: Mapped[int] = mapped_column(Amount)
    stake: Mapped[int] = mapped_column(Amount)
    waiting: Mapped[int] = mapped_column(Amount)
    requests: Mapped[int] = mapped_column(BigInteger)
    guard: Mapped[int | None] = mapped_column(Integer)


class DecisionRow(Base):
    """A decision that changes something, or a new reason for holding. cost: wei that it may take.

    node: which is to go; ended_at: null while it is carried out.
    """

    __tablename__ = "scaling_decisions"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float, index=True)
    action: Mapped[str] = mapped_column(String(10))
    count: Mapped[int] = mapped_column(Integer)
    node: Mapped[int | None] = mapped_column(ForeignKey("nodes.index"))
    reasons: Mapped[list[str]]
    cost: Mapped[int] = mapped_column(Amount)
    state: Mapped[str] = mapped_column(String(10))
    ended_at: Mapped[float | None] = mapped_column(Float)


class GuardRow(Base):
    """The guard: one row. settings: `wire.guard.GuardSettings`, null is off; nodes: the last good reading.

    blocked: latched between the two marks.
    """

    __tablename__ = "guard"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    settings: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    nodes: Mapped[int | None] = mapped_column(BigInteger)
    read_at: Mapped[float | None] = mapped_column(Float)
    trouble: Mapped[str | None] = mapped_column(Prose)
    blocked: Mapped[bool] = mapped_column(Boolean)


class OverrideRow(Base):
    """Who let auto-scaling grow in spite of the guard; the latest that has not ended counts."""

    __tablename__ = "guard_overrides"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    reason: Mapped[str] = mapped_column(Prose)
    token: Mapped[str] = mapped_column(ForeignKey("tokens.id"))
    at: Mapped[float] = mapped_column(Float)
    until: Mapped[float] = mapped_column(Float)


class WaitingRow(Base):
    """A wallet's last statement. amount 0: it left, and the row only remembers the nonce until `kept_until`.

    counted: juels of LINK it really has, at most amount; room_since: since when there is room for it.
    """

    __tablename__ = "waiting"
    __table_args__ = (Index("ix_waiting_made_at", "made_at"),)
    wallet: Mapped[str] = mapped_column(String(42), primary_key=True)
    amount: Mapped[int] = mapped_column(Amount)
    counted: Mapped[int] = mapped_column(Amount)
    nonce: Mapped[int] = mapped_column(Amount)
    deadline: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[float] = mapped_column(Float)
    kept_until: Mapped[float] = mapped_column(Float)
    checked_at: Mapped[float] = mapped_column(Float)
    room_since: Mapped[float | None] = mapped_column(Float)
