"""What outlives a term of leading: built once by the composition root, also where this process stands by."""

from dataclasses import dataclass

from linkpool.chain.rpc import Rpc
from linkpool.fleet.agents.door import Door
from linkpool.fleet.clock import Clock
from linkpool.fleet.indexer.indexer import Followed
from linkpool.fleet.journal import Journal
from linkpool.fleet.knock import Knock
from linkpool.fleet.nodes.facts import NodeFactory
from linkpool.fleet.nodes.wishes import Wishes
from linkpool.fleet.pool import Pool
from linkpool.fleet.running.groups import REPLICAS, Launch
from linkpool.fleet.scaling.view import Terms
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.treasury.build import Means
from linkpool.jobs.services import Http
from linkpool.store.database import Database
from linkpool.units import Juels, Wei, link

DEFAULT_CAPACITY = link(100_000)


@dataclass(frozen=True)
class Ground:
    """A pool's, in one process. max_fee: wei per gas; link_price: wei."""

    database: Database
    clock: Clock
    journal: Journal
    keys: Keyring
    rpc: Rpc
    pool: Pool
    followed: Followed
    factory: NodeFactory
    launch: Launch
    means: Means
    max_fee: Wei
    link_price: str | None
    door: Door
    knock: Knock
    http: Http
    """Asks adapters how they are."""
    capacity: Juels = DEFAULT_CAPACITY
    """Juels of active stake that a node takes when none is asked for."""

    @property
    def wishes(self) -> Wishes:
        """What may be asked of the fleet."""
        return Wishes(self.database, self.factory, self.clock, self.knock, self.capacity)

    @property
    def node_terms(self) -> Terms:
        """What a new node is: the stake it takes, and the gas money its first senders are given."""
        return Terms(self.capacity, REPLICAS * self.means.terms.marks.high, self.means.engine)
