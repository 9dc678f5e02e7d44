"""Rollouts over a pool's nodes, put together for one term."""

from linkpool.engines.protocol import Engine
from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.agents.orders import Orders
from linkpool.fleet.alarms import Alarms
from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.fleet.lease import Term
from linkpool.fleet.rollouts.node_colours import Funded, NodeColours
from linkpool.fleet.rollouts.two_colours import Steps
from linkpool.fleet.rollouts.waves import Rollouts
from linkpool.fleet.running.groups import Groups
from linkpool.fleet.running.tasks import Tasks
from linkpool.store.database import Database


def build_rollouts(
    *,
    database: Database,
    engine: Engine,
    groups: Groups,
    tasks: Tasks,
    hub: Hub,
    alarms: Alarms,
    journal: Journal,
    clock: Clock,
    term: Term,
    funded: Funded,
) -> Rollouts:
    """`funded` sees to the gas of senders."""
    things = NodeColours(
        database=database,
        epoch=term.epoch,
        groups=groups,
        tasks=tasks,
        hub=hub,
        orders=Orders(hub, term, clock),
        funded=funded,
    )
    return Rollouts(
        database=database,
        engine=engine,
        steps=Steps(database=database, journal=journal, clock=clock, epoch=term.epoch),
        things=things.of,
        alarms=alarms,
        journal=journal,
        clock=clock,
        epoch=term.epoch,
    )
