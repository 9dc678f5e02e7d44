"""The tables: what a control plane must still know after it was killed.

Times are Unix seconds, amounts decimal strings (juels or wei), addresses checksummed. What the chain or
the engine knows is not repeated here, and no secret is stored in clear.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column

from linkpool.store.prose import Prose


class NodeState(StrEnum):
    """The life of a node, in order; `failed` is one whose making ended for good before it was registered."""

    WANTED = "wanted"
    KEYS_MADE = "keys_made"
    FUNDED = "funded"
    STARTED = "started"
    REGISTERED = "registered"
    SERVING = "serving"
    DRAINING = "draining"
    RETIRED = "retired"
    FAILED = "failed"


UNREGISTERED = frozenset({NodeState.WANTED, NodeState.KEYS_MADE, NodeState.FUNDED, NodeState.STARTED})
"""On the way, and not in the pool yet."""
AT_REST = frozenset({NodeState.RETIRED, NodeState.FAILED})
"""Nothing runs for these any more, and nothing will."""


class Colour(StrEnum):
    """The two sets of replicas of a node."""

    BLUE = "blue"
    GREEN = "green"


class Standing(StrEnum):
    """Whether a slot may be held: its sender is being authorized, may send, or is being or was removed."""

    COMING = "coming"
    GOOD = "good"
    REVOKING = "revoking"
    REVOKED = "revoked"


OUT = frozenset({Standing.REVOKING, Standing.REVOKED})
"""Somebody else may have these senders' keys: they are given neither to a replica nor any gas."""


class OperationState(StrEnum):
    """How far something asked for is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012 - read once, by SQLAlchemy


def unique_among(where: ColumnElement[bool], name: str, *columns: InstrumentedAttribute[Any]) -> Index:
    """An index that holds these columns unique, among the rows for which `where` is true."""
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


class LeaseRow(Base):
    """Who leads. One row, made by the first migration; `beat` moves with every renewal."""

    __tablename__ = "lease"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    holder: Mapped[str | None] = mapped_column(String(200))
    epoch: Mapped[int] = mapped_column(BigInteger)
    beat: Mapped[int] = mapped_column(BigInteger)


class PoolRow(Base):
    """Which pool this database is about: one row, written at the first start, compared at every later one."""

    __tablename__ = "pool"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    chain_id: Mapped[int] = mapped_column(BigInteger)
    address: Mapped[str] = mapped_column(String(42))


class ReleaseRow(Base):
    """What replicas run, or the tasks of an adapter (`bridge`). secrets: more environment, sealed."""

    __tablename__ = "releases"
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    command: Mapped[list[str]]
    image: Mapped[str | None] = mapped_column(String(500))
    settings: Mapped[dict[str, Any]]
    made_at: Mapped[float] = mapped_column(Float)
    bridge: Mapped[str | None] = mapped_column(String(64))
    secrets: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class NodeRow(Base):
    """A node; `index` is its place in the derivation of keys. Addresses are there from `keys_made` on."""

    __tablename__ = "nodes"
    index: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    state: Mapped[str] = mapped_column(String(20), index=True)
    wallet: Mapped[str | None] = mapped_column(String(42), unique=True)
    oracle: Mapped[str | None] = mapped_column(String(42), unique=True)
    capacity: Mapped[str] = mapped_column(String(78))
    primary: Mapped[str] = mapped_column(String(10))
    made_at: Mapped[float] = mapped_column(Float)
    changed_at: Mapped[float] = mapped_column(Float)


class SlotRow(Base):
    """A sender of a node, and the task that holds it, if any does."""

    __tablename__ = "slots"
    node: Mapped[int] = mapped_column(ForeignKey("nodes.index"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    sender: Mapped[str] = mapped_column(String(42), unique=True)
    task: Mapped[str | None] = mapped_column(String(200), unique=True)
    claimed_at: Mapped[float | None] = mapped_column(Float)
    heard_at: Mapped[float | None] = mapped_column(Float)
    standing: Mapped[str] = mapped_column(String(10), default=Standing.GOOD, server_default=Standing.GOOD)


class GroupRow(Base):
    """Tasks of a node, or of an adapter that the pool runs (`bridge`), in one colour; one of each lives.

    A recorded removal is what allows an engine to remove it. `serial` counts the groups of that thing, so
    that a name is used once and dies with its token; nothing reads anything into it.
    """

    __tablename__ = "groups"
    __table_args__ = (CheckConstraint("(node IS NULL) <> (bridge IS NULL)", name="ck_groups_of_one_thing"),)
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    node: Mapped[int | None] = mapped_column(ForeignKey("nodes.index"), index=True)
    bridge: Mapped[str | None] = mapped_column(String(64))
    serial: Mapped[int] = mapped_column(Integer)
    colour: Mapped[str] = mapped_column(String(10))
    release: Mapped[str] = mapped_column(ForeignKey("releases.name"))
    token_hash: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[float] = mapped_column(Float)
    removed_at: Mapped[float | None] = mapped_column(Float)


for _thing in (GroupRow.node, GroupRow.bridge):
    unique_among(GroupRow.removed_at.is_(None), f"uq_groups_living_{_thing.key}", _thing, GroupRow.colour)


class CatalogRow(Base):
    """One revision of the jobs, their offers and the bridges; the highest is in force.

    jobs: TOML texts, those on their way out included; offers: `wire.catalog.Terms` by external job id;
    leaving: ids of the jobs on their way out; bridges: `fleet.catalog_document.Bridge`.
    """

    __tablename__ = "catalog"
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    jobs: Mapped[list[str]]
    offers: Mapped[dict[str, Any]]
    leaving: Mapped[list[str]]
    bridges: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    made_at: Mapped[float] = mapped_column(Float)


class TokenRow(Base):
    """A bearer token of the API, by its SHA-256."""

    __tablename__ = "tokens"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]]
    made_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float | None] = mapped_column(Float)
    revoked_at: Mapped[float | None] = mapped_column(Float)


class SessionRow(Base):
    """A session of the console, by the SHA-256 of its cookie. It can do what its token can."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    token: Mapped[str] = mapped_column(ForeignKey("tokens.id"))
    made_at: Mapped[float] = mapped_column(Float)
    seen_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)


class AuditRow(Base):
    """Who asked for what. Written before it is done; `status` follows, and is missing if the process died."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float)
    token: Mapped[str] = mapped_column(ForeignKey("tokens.id"))
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(500))
    client: Mapped[str | None] = mapped_column(String(100))
    status: Mapped[int | None] = mapped_column(Integer)


class OperationRow(Base):
    """Something asked for that takes a while. `key` is the caller's Idempotency-Key with its token."""

    __tablename__ = "operations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    node: Mapped[int | None] = mapped_column(ForeignKey("nodes.index"), index=True)
    state: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Prose)
    key: Mapped[str | None] = mapped_column(String(300), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[float] = mapped_column(Float)
    changed_at: Mapped[float] = mapped_column(Float)


class OutboxRow(Base):
    """A transaction of the control plane, signed and stored before it is sent, so that twice is once.

    A new leader sends the same bytes. Attempts of one nonce differ in fees only. `block` is where it
    landed; `failed` says it reverted there. `asked_at` is the chain's time when the first attempt was signed,
    `cap` the most it may ever offer per gas, `gas_paid` what its gas cost in the end (wei).
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("sender", "nonce", "attempt", name="uq_outbox_sender_nonce_attempt"),
        Index("ix_outbox_open", "sender", "block"),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    purpose: Mapped[str] = mapped_column(String(200), index=True)
    sender: Mapped[str] = mapped_column(String(42))
    nonce: Mapped[int] = mapped_column(BigInteger)
    attempt: Mapped[int] = mapped_column(Integer)
    target: Mapped[str] = mapped_column(String(42))
    value: Mapped[str] = mapped_column(String(78))
    data: Mapped[str] = mapped_column(Text)
    gas: Mapped[int] = mapped_column(BigInteger)
    max_fee: Mapped[str] = mapped_column(String(78))
    tip: Mapped[str | None] = mapped_column(String(78))
    raw: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(66), unique=True)
    epoch: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[float] = mapped_column(Float)
    asked_at: Mapped[int | None] = mapped_column(BigInteger)
    cap: Mapped[str | None] = mapped_column(String(78))
    block: Mapped[int | None] = mapped_column(BigInteger)
    failed: Mapped[bool]
    gas_paid: Mapped[str | None] = mapped_column(String(78))


class EventRow(Base):
    """Something that happened, in order, for people and pages that follow along."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float)
    kind: Mapped[str] = mapped_column(String(40))
    node: Mapped[str | None] = mapped_column(String(42))
    data: Mapped[dict[str, Any]]
