"""Watched accounts, what days cost, prices; an outbox row's own cap, its time on chain, what it paid."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.String(length=78), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.String(length=78), nullable=False),
        sa.Column("frozen_at", sa.Float(), nullable=True),
        sa.Column("frozen_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_accounts")),
    )
    op.create_table(
        "ledger",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.Float(), nullable=False),
        sa.Column("replica_seconds", sa.Float(), nullable=False),
        sa.Column("gas", sa.String(length=78), nullable=False),
        sa.PrimaryKeyConstraint("day", "node", "engine", name=op.f("pk_ledger")),
    )
    op.create_table(
        "day_rates",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("link_price", sa.String(length=78), nullable=True),
        sa.Column("coin_price", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_day_rates")),
    )
    op.create_table(
        "prices",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prices")),
    )
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("asked_at", sa.BigInteger(), nullable=True))
        outbox.add_column(sa.Column("cap", sa.String(length=78), nullable=True))
        outbox.add_column(sa.Column("gas_paid", sa.String(length=78), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("outbox") as outbox:
        for column in ("gas_paid", "cap", "asked_at"):
            outbox.drop_column(column)
    for table in ("prices", "day_rates", "ledger", "accounts"):
        op.drop_table(table)
