"""All by which a pool grows and shrinks in one term: retirement, revocation, scaling, guard, waiting list."""

from collections.abc import Sequence

from linkpool.chain.rpc import Rpc
from linkpool.engines.protocol import Engine
from linkpool.fleet.guard.guard import Guard
from linkpool.fleet.knock import Knock
from linkpool.fleet.nodes.lapse import Sends
from linkpool.fleet.nodes.rest import Rest
from linkpool.fleet.nodes.retire import Retirement
from linkpool.fleet.nodes.revoke import Revocations
from linkpool.fleet.nodes.wishes import Wishes
from linkpool.fleet.office import Office
from linkpool.fleet.pool import Pool
from linkpool.fleet.running.groups import Groups
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.scaling.scaling import Scaling
from linkpool.fleet.scaling.view import Terms
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.waiting.waiting import WaitingList
from linkpool.jobs.net import open_http
from linkpool.supervise import Loop

LOOK_EVERY, LIST_EVERY = 2.0, 5.0
"""Seconds between two looks, unless somebody knocks: at what is asked for; at what goes by hours."""


def build_growth(
    office: Office,
    knock: Knock,
    *,
    pool: Pool,
    rpc: Rpc,
    groups: Groups,
    manager: Sends,
    wishes: Wishes,
    terms: Terms,
    engine: Engine,
    tasks: Tasks,
    keys: Keyring,
) -> Sequence[Loop]:
    """The loops. manager: the outbox of the manager's key."""
    retirement = Retirement(office, pool=pool, rpc=rpc, manager=manager)
    rest = Rest(office, groups=groups, pool=pool, manager=manager)
    revocations = Revocations(
        office,
        rpc=rpc,
        pool=pool.facts.pool,
        keys=keys,
        manager=manager,
        tasks=tasks,
        replace=engine.replace,
    )
    scaling = Scaling(office, pool=pool, wishes=wishes, terms=terms, room=engine.room)
    guard = Guard(office, rpc=rpc, http=open_http)
    waiting = WaitingList(office, rpc=rpc, link=pool.facts.link)
    return (
        Loop("retirement", knock.unhurried(retirement.step, LOOK_EVERY), 1.0),
        Loop("rest", rest.step, 2.0),
        Loop("revocations", knock.unhurried(revocations.step, LOOK_EVERY), 1.0),
        Loop("scaling", knock.unhurried(scaling.step, LOOK_EVERY), 0.5),
        Loop("guard", knock.unhurried(guard.step, LIST_EVERY), 1.0),
        Loop("waiting list", waiting.step, LIST_EVERY),
    )
