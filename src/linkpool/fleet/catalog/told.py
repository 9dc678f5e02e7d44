"""The catalog in force, told to every replica at once.

A revision is what the database holds; between two of them only the places of adapters change, which the
pool runs itself. So replicas are told versions, of which several may have one revision.
"""

from collections.abc import Callable, Sequence

from pydantic import SecretStr

from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.catalog.document import Bridge, Document
from linkpool.fleet.office import Office
from linkpool.fleet.secrets.keys import Keyring
from linkpool.store import catalog
from linkpool.wire import agent

Places = Callable[[str], Sequence[str]]
"""The URLs of an adapter that the pool runs, by its bridge's name."""


class Catalogs:
    """Follows the database's revision and the adapters' places, as the leader of `epoch`."""

    def __init__(self, office: Office, keys: Keyring, hub: Hub, places: Places) -> None:
        self._office = office
        self._keys = keys
        self._hub = hub
        self._places = places
        self._document: Document | None = None
        self._told: agent.Catalog | None = None

    async def step(self) -> None:
        """Tell what is new. Raises StoreUnreachable."""
        async with self._office.read() as session:
            row = await catalog.current(session)
        if self._document is None or (row is not None and row.revision != self._document.revision):
            self._document = Document.of(row)
        self.tell()

    def tell(self) -> None:
        """Tell the revision last read with the adapters' present places, if that is news."""
        document = self._document
        if document is None:
            return
        version = self._told.version if self._told else 0
        told = agent.Catalog(
            epoch=self._office.epoch,
            version=version,
            revision=document.revision,
            jobs=tuple(job.text for job in document.jobs.values()),
            bridges=tuple(self._bridge(bridge) for bridge in document.bridges.values()),
        )
        if told != self._told:
            self._told = told.model_copy(update={"version": version + 1})
            self._hub.set_catalog(self._told)

    def _bridge(self, bridge: Bridge) -> agent.Bridge:
        token = bearer(bridge, self._keys)
        return agent.Bridge(
            name=bridge.name,
            urls=tuple(self._places(bridge.name)) if bridge.program else bridge.urls,
            token=None if token is None else SecretStr(token),
            timeout=bridge.timeout,
            concurrency=bridge.concurrency,
        )


def bearer(bridge: Bridge, keys: Keyring) -> str | None:
    """What replicas show an adapter: its token; one of the pool's own for an adapter that the pool runs."""
    if bridge.program:
        return keys.group_token(f"bridge {bridge.name}")
    return None if bridge.token is None else keys.unlock(bridge.token)
