"""The adapters that a pool runs, put together for one term."""

from linkpool.engines.protocol import Engine
from linkpool.fleet.adapters.adapters import Adapters
from linkpool.fleet.adapters.colours import AdapterColours
from linkpool.fleet.adapters.health import AdapterHealth
from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.office import Office
from linkpool.fleet.rollouts.two_colours import Steps
from linkpool.fleet.running.groups import Groups
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.jobs.services import Http


def build_adapters(
    office: Office, *, http: Http, keys: Keyring, engine: Engine, groups: Groups, tasks: Tasks, hub: Hub
) -> Adapters:
    """`http` asks the tasks how they are."""
    health = AdapterHealth(http, office.clock)
    colours = AdapterColours(office, groups=groups, tasks=tasks, health=health, keys=keys)
    return Adapters(
        office, engine=engine, tasks=tasks, hub=hub, colours=colours, health=health, steps=Steps(office)
    )
