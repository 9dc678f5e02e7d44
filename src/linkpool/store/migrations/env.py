"""How Alembic runs a migration here: on the connection of `Database.migrate`, in its transaction."""

from alembic import context

from linkpool.store import (  # noqa: F401 - their tables belong too
    alarm_tables,
    catalog_tables,
    chain_tables,
    money_tables,
    rollout_tables,
    scaling_tables,
)
from linkpool.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
