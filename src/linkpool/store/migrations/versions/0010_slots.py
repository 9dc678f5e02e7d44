"""How a slot stands: one whose sender was removed on chain is never held again, another takes its place."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("slots") as table:
        table.add_column(sa.Column("standing", sa.String(length=10), nullable=False, server_default="good"))


def downgrade() -> None:
    with op.batch_alter_table("slots") as table:
        table.drop_column("standing")
