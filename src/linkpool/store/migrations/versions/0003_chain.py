"""What the chain told: blocks, events and what follows from them. It can all be read again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MISSED = sa.text("rejected_block IS NULL AND (ended_time IS NULL OR ended_time >= expiration)")


def upgrade() -> None:
    op.create_table(
        "chain_blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_chain_blocks")),
    )
    op.create_table(
        "chain_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("checks", sa.BigInteger(), nullable=False),
        sa.Column("differences", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_check")),
    )
    op.create_table(
        "chain_events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("tx", sa.String(length=66), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("node", sa.String(length=42), nullable=True),
        sa.Column("to_node", sa.String(length=42), nullable=True),
        sa.Column("account", sa.String(length=42), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_chain_events")),
    )
    op.create_index("ix_chain_events_account", "chain_events", ["account", "position"], unique=False)
    op.create_index("ix_chain_events_kind", "chain_events", ["kind", "position"], unique=False)
    op.create_index("ix_chain_events_node", "chain_events", ["node", "position"], unique=False)
    op.create_index("ix_chain_events_to_node", "chain_events", ["to_node", "position"], unique=False)
    op.create_table(
        "chain_nodes",
        sa.Column("node", sa.String(length=42), nullable=False),
        sa.Column("wallet", sa.String(length=42), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_chain_nodes")),
    )
    op.create_table(
        "chain_pool",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("fee_bps", sa.String(length=78), nullable=False),
        sa.Column("announced_fee_bps", sa.String(length=78), nullable=False),
        sa.Column("fee_effective_at", sa.String(length=78), nullable=False),
        sa.Column("fees", sa.String(length=78), nullable=False),
        sa.Column("fees_paid", sa.String(length=78), nullable=False),
        sa.Column("paused_until", sa.String(length=78), nullable=False),
        sa.PrimaryKeyConstraint("block", name=op.f("pk_chain_pool")),
    )
    op.create_table(
        "chain_books",
        sa.Column("node", sa.String(length=42), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=78), nullable=False),
        sa.Column("capacity", sa.String(length=78), nullable=False),
        sa.Column("fee_bps", sa.String(length=78), nullable=False),
        sa.Column("since", sa.String(length=78), nullable=False),
        sa.Column("active", sa.String(length=78), nullable=False),
        sa.Column("unbonding", sa.String(length=78), nullable=False),
        sa.Column("assets", sa.String(length=78), nullable=False),
        sa.Column("accumulator", sa.String(length=78), nullable=False),
        sa.Column("carry", sa.String(length=78), nullable=False),
        sa.Column("fee_due", sa.String(length=78), nullable=False),
        sa.Column("harvested", sa.String(length=78), nullable=False),
        sa.Column("earned", sa.String(length=78), nullable=False),
        sa.Column("divided", sa.String(length=78), nullable=False),
        sa.Column("net", sa.String(length=78), nullable=False),
        sa.Column("fees", sa.String(length=78), nullable=False),
        sa.Column("penalties", sa.String(length=78), nullable=False),
        sa.Column("escrow", sa.String(length=78), nullable=False),
        sa.Column("reserves", sa.String(length=78), nullable=False),
        sa.Column("requests", sa.String(length=78), nullable=False),
        sa.Column("answered", sa.String(length=78), nullable=False),
        sa.Column("rejected", sa.String(length=78), nullable=False),
        sa.Column("cancelled", sa.String(length=78), nullable=False),
        sa.Column("active_seconds", sa.String(length=78), nullable=False),
        sa.Column("asset_seconds", sa.String(length=78), nullable=False),
        sa.ForeignKeyConstraint(["node"], ["chain_nodes.node"], name=op.f("fk_chain_books_node_chain_nodes")),
        sa.PrimaryKeyConstraint("node", "block", name=op.f("pk_chain_books")),
    )
    op.create_index("ix_chain_books_block", "chain_books", ["block"], unique=False)
    op.create_index("ix_chain_books_time", "chain_books", ["node", "time", "block"], unique=False)
    op.create_table(
        "chain_positions",
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("node", sa.String(length=42), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shares", sa.String(length=78), nullable=False),
        sa.Column("counted_at", sa.String(length=78), nullable=False),
        sa.Column("owed", sa.String(length=78), nullable=False),
        sa.Column("staked", sa.String(length=78), nullable=False),
        sa.Column("withdrawn", sa.String(length=78), nullable=False),
        sa.Column("claimed", sa.String(length=78), nullable=False),
        sa.ForeignKeyConstraint(
            ["node"], ["chain_nodes.node"], name=op.f("fk_chain_positions_node_chain_nodes")
        ),
        sa.PrimaryKeyConstraint("account", "node", "block", name=op.f("pk_chain_positions")),
    )
    op.create_index("ix_chain_positions_block", "chain_positions", ["block"], unique=False)
    op.create_table(
        "chain_requests",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node", sa.String(length=42), nullable=False),
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("expiration", sa.BigInteger(), nullable=False),
        sa.Column("requester", sa.String(length=42), nullable=False),
        sa.Column("job", sa.String(length=66), nullable=False),
        sa.Column("payment", sa.String(length=78), nullable=False),
        sa.Column("cover", sa.String(length=78), nullable=False),
        sa.Column("penalty", sa.String(length=78), nullable=False),
        sa.Column("ended", sa.String(length=10), nullable=True),
        sa.Column("ended_block", sa.BigInteger(), nullable=True),
        sa.Column("ended_time", sa.BigInteger(), nullable=True),
        sa.Column("rejected_block", sa.BigInteger(), nullable=True),
        sa.Column("rejected_time", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Integer(), nullable=True),
        sa.Column("lapsed_block", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node"], ["chain_nodes.node"], name=op.f("fk_chain_requests_node_chain_nodes")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_chain_requests")),
    )
    op.create_index("ix_chain_requests_ended_block", "chain_requests", ["ended_block"], unique=False)
    op.create_index(
        "ix_chain_requests_delays",
        "chain_requests",
        ["node", "ended", "ended_time", "ended_block", "block"],
        unique=False,
    )
    op.create_index("ix_chain_requests_expiration", "chain_requests", ["node", "expiration"], unique=False)
    op.create_index("ix_chain_requests_id", "chain_requests", ["id"], unique=False)
    op.create_index("ix_chain_requests_lapsed_block", "chain_requests", ["lapsed_block"], unique=False)
    op.create_index(
        "ix_chain_requests_missed",
        "chain_requests",
        ["node", "expiration"],
        unique=False,
        sqlite_where=MISSED,
        postgresql_where=MISSED,
    )
    op.create_index("ix_chain_requests_rejected_block", "chain_requests", ["rejected_block"], unique=False)
    op.create_table(
        "chain_tickets",
        sa.Column("id", sa.String(length=78), nullable=False),
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("node", sa.String(length=42), nullable=False),
        sa.Column("shares", sa.String(length=78), nullable=False),
        sa.Column("value", sa.String(length=78), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.String(length=78), nullable=False),
        sa.Column("paid_block", sa.BigInteger(), nullable=True),
        sa.Column("paid_time", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["node"], ["chain_nodes.node"], name=op.f("fk_chain_tickets_node_chain_nodes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_tickets")),
    )
    op.create_index("ix_chain_tickets_account", "chain_tickets", ["account"], unique=False)
    op.create_index("ix_chain_tickets_block", "chain_tickets", ["block"], unique=False)
    op.create_index("ix_chain_tickets_paid_block", "chain_tickets", ["paid_block"], unique=False)


def downgrade() -> None:
    for table in ("tickets", "requests", "positions", "pool", "books", "nodes", "events", "check", "blocks"):
        op.drop_table(f"chain_{table}")
