"""All by which a pool grows and shrinks in one term: retirement, scaling, the guard, the waiting list."""

from collections.abc import Awaitable, Callable, Sequence

from linkpool.chain.rpc import Rpc
from linkpool.fleet.alarms import Alarms
from linkpool.fleet.clock import Clock
from linkpool.fleet.guard.guard import Guard
from linkpool.fleet.journal import Journal
from linkpool.fleet.nodes.lapse import Sends
from linkpool.fleet.nodes.rest import Rest
from linkpool.fleet.nodes.retire import Retirement
from linkpool.fleet.nodes.wishes import Wishes
from linkpool.fleet.pool import Pool
from linkpool.fleet.running.groups import Groups
from linkpool.fleet.scaling.scaling import Scaling
from linkpool.fleet.scaling.view import Room, Terms
from linkpool.fleet.waiting.waiting import WaitingList
from linkpool.jobs.net import open_http
from linkpool.store.database import Database

Loop = tuple[str, Callable[[], Awaitable[None]], float]
"""A loop's name, its step, and the seconds between two of them."""
LIST_EVERY = 5.0


def build_growth(
    *,
    database: Database,
    pool: Pool,
    rpc: Rpc,
    groups: Groups,
    manager: Sends,
    wishes: Wishes,
    terms: Terms,
    room: Room,
    alarms: Alarms,
    journal: Journal,
    clock: Clock,
    epoch: int,
) -> Sequence[Loop]:
    """The loops. manager: the outbox of the manager's key; room: of the engine."""
    retirement = Retirement(
        database=database,
        pool=pool,
        rpc=rpc,
        manager=manager,
        alarms=alarms,
        journal=journal,
        clock=clock,
        epoch=epoch,
    )
    rest = Rest(
        database=database,
        groups=groups,
        pool=pool,
        manager=manager,
        journal=journal,
        clock=clock,
        epoch=epoch,
    )
    scaling = Scaling(
        database=database,
        pool=pool,
        wishes=wishes,
        terms=terms,
        room=room,
        alarms=alarms,
        journal=journal,
        clock=clock,
        epoch=epoch,
    )
    guard = Guard(database=database, rpc=rpc, http=open_http, alarms=alarms, clock=clock, epoch=epoch)
    waiting = WaitingList(
        database=database, rpc=rpc, link=pool.facts.link, journal=journal, clock=clock, epoch=epoch
    )
    return (
        ("retirement", retirement.step, 1.0),
        ("rest", rest.step, 2.0),
        ("scaling", scaling.step, 0.5),
        ("guard", guard.step, 2.0),
        ("waiting list", waiting.step, LIST_EVERY),
    )
