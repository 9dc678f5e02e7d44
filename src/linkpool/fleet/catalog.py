"""The catalog in force, told to every replica at once."""

from collections.abc import Sequence
from typing import Any

from linkpool.fleet.hub import Hub
from linkpool.fleet.keys import Keyring
from linkpool.store import catalog
from linkpool.store.database import Database
from linkpool.wire.agent import Bridge, Catalog


def to_store(bridges: Sequence[Bridge], keys: Keyring) -> list[dict[str, Any]]:
    """Bridges as the database keeps them: their tokens sealed."""
    rows = []
    for bridge in bridges:
        token = None if bridge.token is None else keys.lock(bridge.token.get_secret_value())
        rows.append(bridge.model_dump(mode="json", exclude={"token"}) | {"token": token})
    return rows


def from_store(rows: Sequence[dict[str, Any]], keys: Keyring) -> tuple[Bridge, ...]:
    """Bridges as replicas get them."""
    return tuple(
        Bridge(**row | {"token": None if row["token"] is None else keys.unlock(row["token"])}) for row in rows
    )


class Catalogs:
    """Follows the database's revision, as the leader of `epoch`."""

    def __init__(self, database: Database, keys: Keyring, hub: Hub, epoch: int) -> None:
        self._database = database
        self._keys = keys
        self._hub = hub
        self._epoch = epoch
        self._told: int | None = None

    async def step(self) -> None:
        """Tell a new revision. Raises StoreUnreachable."""
        async with self._database.read() as session:
            row = await catalog.current(session)
        revision = row.revision if row else 0
        if revision == self._told:
            return
        self._hub.set_catalog(
            Catalog(
                epoch=self._epoch,
                version=revision,
                revision=revision,
                jobs=tuple(row.jobs) if row else (),
                bridges=from_store(row.bridges, self._keys) if row else (),
            )
        )
        self._told = revision
