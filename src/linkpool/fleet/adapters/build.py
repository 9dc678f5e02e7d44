"""The adapters that a pool runs, put together for one term."""

from linkpool.engines.protocol import Engine
from linkpool.fleet.adapters.adapters import Adapters
from linkpool.fleet.adapters.colours import AdapterColours
from linkpool.fleet.adapters.health import AdapterHealth
from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.alarms import Alarms
from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.fleet.rollouts.two_colours import Steps
from linkpool.fleet.running.groups import Groups
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.jobs.services import Http
from linkpool.store.database import Database


def build_adapters(
    *,
    http: Http,
    database: Database,
    keys: Keyring,
    engine: Engine,
    groups: Groups,
    tasks: Tasks,
    hub: Hub,
    alarms: Alarms,
    journal: Journal,
    clock: Clock,
    epoch: int,
) -> Adapters:
    """`http` asks the tasks how they are."""
    health = AdapterHealth(http, clock)
    colours = AdapterColours(
        database=database,
        epoch=epoch,
        groups=groups,
        tasks=tasks,
        health=health,
        keys=keys,
        clock=clock,
    )
    return Adapters(
        database=database,
        engine=engine,
        tasks=tasks,
        hub=hub,
        colours=colours,
        health=health,
        steps=Steps(database=database, journal=journal, clock=clock, epoch=epoch),
        alarms=alarms,
        journal=journal,
        clock=clock,
        epoch=epoch,
    )
