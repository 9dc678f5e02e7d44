"""Tables of what the chain told: blocks, events, and what follows from them.

Two kinds undo a re-org differently. Books, positions and the pool's state are kept as they were at the end of
every block that changed them: rows of gone blocks are deleted, and the last one left is true again. Requests
and tickets begin in one block and end in another: gone beginnings are deleted, gone ends are cleared.

The columns of the states are the fields of `chain_state`.
"""

from dataclasses import fields
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    and_,
    or_,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from linkpool.store.chain_state import Books, PoolBooks, Position
from linkpool.store.tables import Base


class Amount(TypeDecorator[int]):
    """A whole number below 2**256 as decimal text: no database of ours counts so far."""

    impl = String(78)
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> str | None:
        """Into the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> int | None:
        """Out of it."""
        return None if value is None else int(value)


ADDRESS, WORD = String(42), String(66)


def _state(kind: type) -> list[Column[Any]]:
    return [Column(field.name, Amount, nullable=False) for field in fields(kind)]


blocks = Table(
    "chain_blocks",
    Base.metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", WORD, nullable=False),
    Column("time", BigInteger, nullable=False),
)
"""The last blocks by their hashes. The highest is how far the tables go."""

check = Table(
    "chain_check",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("block", BigInteger, nullable=False),
    Column("hash", WORD, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("checks", BigInteger, nullable=False),
    Column("differences", BigInteger, nullable=False),
)
"""One row: the last block at which tables and contracts agreed; comparisons and differences ever."""

events = Table(
    "chain_events",
    Base.metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("block", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("tx", WORD, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("node", ADDRESS),
    Column("to_node", ADDRESS),
    Column("account", ADDRESS),
    Column("data", JSON, nullable=False),
    Index("ix_chain_events_node", "node", "position"),
    Index("ix_chain_events_to_node", "to_node", "position"),
    Index("ix_chain_events_account", "account", "position"),
    Index("ix_chain_events_kind", "kind", "position"),
)

nodes = Table(
    "chain_nodes",
    Base.metadata,
    Column("node", ADDRESS, primary_key=True),
    Column("wallet", ADDRESS, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
)

books = Table(
    "chain_books",
    Base.metadata,
    Column("node", ForeignKey("chain_nodes.node"), primary_key=True),
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    *_state(Books),
    Index("ix_chain_books_time", "node", "time", "block"),
    Index("ix_chain_books_block", "block"),
)

positions = Table(
    "chain_positions",
    Base.metadata,
    Column("account", ADDRESS, primary_key=True),
    Column("node", ForeignKey("chain_nodes.node"), primary_key=True),
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    *_state(Position),
    Index("ix_chain_positions_block", "block"),
)

pool = Table(
    "chain_pool",
    Base.metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    *_state(PoolBooks),
)

requests = Table(
    "chain_requests",
    Base.metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("node", ForeignKey("chain_nodes.node"), nullable=False),
    Column("id", WORD, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("expiration", BigInteger, nullable=False),
    Column("requester", ADDRESS, nullable=False),
    Column("job", WORD, nullable=False),
    Column("payment", Amount, nullable=False),
    Column("cover", Amount, nullable=False),
    Column("penalty", Amount, nullable=False),
    Column("ended", String(10)),
    Column("ended_block", BigInteger),
    Column("ended_time", BigInteger),
    Column("rejected_block", BigInteger),
    Column("rejected_time", BigInteger),
    Column("reason", Integer),
    Column("lapsed_block", BigInteger),
    Index("ix_chain_requests_id", "id"),
    Index("ix_chain_requests_expiration", "node", "expiration"),
    Index("ix_chain_requests_delays", "node", "ended", "ended_time", "ended_block", "block"),
    Index("ix_chain_requests_ended_block", "ended_block"),
    Index("ix_chain_requests_rejected_block", "rejected_block"),
    Index("ix_chain_requests_lapsed_block", "lapsed_block"),
)

unanswered = and_(
    requests.c.rejected_block.is_(None),
    or_(requests.c.ended_time.is_(None), requests.c.ended_time >= requests.c.expiration),
)
"""Missed, or still to be answered: neither rejected nor over before its window ended."""

Index(
    "ix_chain_requests_missed",
    requests.c.node,
    requests.c.expiration,
    sqlite_where=unanswered,
    postgresql_where=unanswered,
)

tickets = Table(
    "chain_tickets",
    Base.metadata,
    Column("id", Amount, primary_key=True),
    Column("account", ADDRESS, nullable=False),
    Column("node", ForeignKey("chain_nodes.node"), nullable=False),
    Column("shares", Amount, nullable=False),
    Column("value", Amount, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("ready_at", BigInteger, nullable=False),
    Column("paid", Amount, nullable=False),
    Column("paid_block", BigInteger),
    Column("paid_time", BigInteger),
    Index("ix_chain_tickets_account", "account"),
    Index("ix_chain_tickets_block", "block"),
    Index("ix_chain_tickets_paid_block", "paid_block"),
)
