"""Retirements, scaling, the guard and the waiting list."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retirements",
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["node"], ["nodes.index"], name=op.f("fk_retirements_node_nodes")),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_retirements")),
    )
    op.create_table(
        "scaling_policies",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("policy", sa.JSON(), nullable=True),
        sa.Column("token", sa.String(length=36), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["token"], ["tokens.id"], name=op.f("fk_scaling_policies_token_tokens")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scaling_policies")),
    )
    op.create_table(
        "scaling_samples",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("nodes", sa.Integer(), nullable=False),
        sa.Column("empty", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.String(length=78), nullable=False),
        sa.Column("stake", sa.String(length=78), nullable=False),
        sa.Column("waiting", sa.String(length=78), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("guard", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scaling_samples")),
    )
    op.create_index("ix_scaling_samples_at", "scaling_samples", ["at"], unique=False)
    _decisions()
    _guard()


def _decisions() -> None:
    op.create_table(
        "scaling_decisions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("cost", sa.String(length=78), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["node"], ["nodes.index"], name=op.f("fk_scaling_decisions_node_nodes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scaling_decisions")),
    )
    op.create_index("ix_scaling_decisions_at", "scaling_decisions", ["at"], unique=False)


def _guard() -> None:
    op.create_table(
        "guard",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("settings", sa.JSON(), nullable=True),
        sa.Column("nodes", sa.BigInteger(), nullable=True),
        sa.Column("read_at", sa.Float(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard")),
    )
    op.create_table(
        "guard_overrides",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("token", sa.String(length=36), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["token"], ["tokens.id"], name=op.f("fk_guard_overrides_token_tokens")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_overrides")),
    )
    op.create_table(
        "waiting",
        sa.Column("wallet", sa.String(length=42), nullable=False),
        sa.Column("amount", sa.String(length=78), nullable=False),
        sa.Column("counted", sa.String(length=78), nullable=False),
        sa.Column("nonce", sa.String(length=78), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("kept_until", sa.Float(), nullable=False),
        sa.Column("checked_at", sa.Float(), nullable=False),
        sa.Column("room_since", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("wallet", name=op.f("pk_waiting")),
    )
    op.create_index("ix_waiting_made_at", "waiting", ["made_at"], unique=False)


def downgrade() -> None:
    for table in (
        "waiting",
        "guard_overrides",
        "guard",
        "scaling_decisions",
        "scaling_samples",
        "scaling_policies",
        "retirements",
    ):
        op.drop_table(table)
