"""Rollouts, and groups that are of a node or of a bridge, under a name of their own each time."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_LIVING = sa.text("removed_at IS NULL")
_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("groups") as table:
        table.alter_column("node", existing_type=sa.Integer(), nullable=True)
        table.add_column(sa.Column("bridge", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("serial", sa.Integer(), nullable=False, server_default="1"))
        table.create_check_constraint("ck_groups_of_one_thing", "(node IS NULL) <> (bridge IS NULL)")
    for thing in ("node", "bridge"):
        op.create_index(
            f"uq_groups_living_{thing}",
            "groups",
            [thing, "colour"],
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        )
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("operation", sa.String(length=36), nullable=False),
        sa.Column("release", sa.String(length=63), nullable=False),
        sa.Column("everything", sa.Boolean(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("within", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("counts_from", sa.BigInteger(), nullable=False),
        sa.Column("forgiven", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation"], ["operations.id"], name=op.f("fk_rollouts_operation_operations")
        ),
        sa.ForeignKeyConstraint(["release"], ["releases.name"], name=op.f("fk_rollouts_release_releases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
    )
    op.create_index(op.f("ix_rollouts_state"), "rollouts", ["state"])
    op.create_table(
        "moves",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("rollout", sa.String(length=36), nullable=True),
        sa.Column("node", sa.Integer(), nullable=True),
        sa.Column("bridge", sa.String(length=64), nullable=True),
        sa.Column("release", sa.String(length=63), nullable=False),
        sa.Column("colour", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("within", sa.Float(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("times", sa.JSON(), nullable=False),
        sa.Column("switched_at", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.CheckConstraint("(node IS NULL) <> (bridge IS NULL)", name="ck_moves_of_one_thing"),
        sa.ForeignKeyConstraint(["node"], ["nodes.index"], name=op.f("fk_moves_node_nodes")),
        sa.ForeignKeyConstraint(["release"], ["releases.name"], name=op.f("fk_moves_release_releases")),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], name=op.f("fk_moves_rollout_rollouts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moves")),
    )
    op.create_index(op.f("ix_moves_rollout"), "moves", ["rollout"])
    for thing in ("node", "bridge"):
        op.create_index(
            f"uq_moves_open_{thing}",
            "moves",
            [thing],
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        )


def downgrade() -> None:
    op.drop_table("moves")
    op.drop_table("rollouts")
    op.execute("DELETE FROM groups WHERE node IS NULL")
    for thing in ("node", "bridge"):
        op.drop_index(f"uq_groups_living_{thing}", "groups")
    with op.batch_alter_table("groups") as table:
        table.drop_constraint("ck_groups_of_one_thing", type_="check")
        table.drop_column("serial")
        table.drop_column("bridge")
        table.alter_column("node", existing_type=sa.Integer(), nullable=False)
