"""Offers and leaving jobs in the catalog, how far each is, and adapters that the pool runs."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("catalog") as table:
        table.add_column(sa.Column("offers", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("leaving", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("releases") as table:
        table.add_column(sa.Column("bridge", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("secrets", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "catalog_jobs",
        sa.Column("job", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_catalog_jobs")),
    )
    op.create_table(
        "adapters",
        sa.Column("bridge", sa.String(length=64), nullable=False),
        sa.Column("primary", sa.String(length=10), nullable=False),
        sa.Column("wanted", sa.String(length=63), nullable=False),
        sa.Column("refused", sa.String(length=63), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("bridge", name=op.f("pk_adapters")),
    )


def downgrade() -> None:
    op.drop_table("adapters")
    op.drop_table("catalog_jobs")
    for table_name in ("moves", "groups", "releases"):  # adapters': nothing before this knows them
        op.execute(f"DELETE FROM {table_name} WHERE bridge IS NOT NULL")  # noqa: S608 - names of this file
    with op.batch_alter_table("releases") as table:
        table.drop_column("secrets")
        table.drop_column("bridge")
    with op.batch_alter_table("catalog") as table:
        table.drop_column("leaving")
        table.drop_column("offers")
