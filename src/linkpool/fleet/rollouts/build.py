"""Rollouts over a pool's nodes, put together for one term."""

from linkpool.engines.protocol import Engine
from linkpool.fleet.agents.hub import Hub
from linkpool.fleet.agents.orders import Orders
from linkpool.fleet.office import Office
from linkpool.fleet.rollouts.node_colours import Funded, NodeColours
from linkpool.fleet.rollouts.two_colours import Steps
from linkpool.fleet.rollouts.waves import Rollouts
from linkpool.fleet.running.groups import Groups
from linkpool.fleet.running.tasks import Tasks


def build_rollouts(
    office: Office, *, engine: Engine, groups: Groups, tasks: Tasks, hub: Hub, funded: Funded
) -> Rollouts:
    """`funded` sees to the gas of senders."""
    orders = Orders(office, hub)
    things = NodeColours(office, groups=groups, tasks=tasks, hub=hub, orders=orders, funded=funded)
    return Rollouts(office, engine=engine, steps=Steps(office), things=things.of)
