"""The adapters that a pool runs, put together for one term."""

from linkpool.engines.protocol import Engine
from linkpool.fleet.adapter_colours import AdapterColours
from linkpool.fleet.adapter_health import AdapterHealth
from linkpool.fleet.adapters import Adapters
from linkpool.fleet.alarms import Alarms
from linkpool.fleet.clock import Clock
from linkpool.fleet.groups import Groups
from linkpool.fleet.hub import Hub
from linkpool.fleet.journal import Journal
from linkpool.fleet.keys import Keyring
from linkpool.fleet.tasks import Tasks
from linkpool.fleet.two_colours import Steps
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
