"""All by which a pool grows and shrinks in one term: retirement, scaling, the guard, the waiting list."""

from collections.abc import Sequence

from linkpool.chain.rpc import Rpc
from linkpool.fleet.guard.guard import Guard
from linkpool.fleet.nodes.lapse import Sends
from linkpool.fleet.nodes.rest import Rest
from linkpool.fleet.nodes.retire import Retirement
from linkpool.fleet.nodes.wishes import Wishes
from linkpool.fleet.office import Office
from linkpool.fleet.pool import Pool
from linkpool.fleet.running.groups import Groups
from linkpool.fleet.scaling.scaling import Scaling
from linkpool.fleet.scaling.view import Room, Terms
from linkpool.fleet.waiting.waiting import WaitingList
from linkpool.jobs.net import open_http
from linkpool.supervise import Loop

LIST_EVERY = 5.0


def build_growth(
    office: Office,
    *,
    pool: Pool,
    rpc: Rpc,
    groups: Groups,
    manager: Sends,
    wishes: Wishes,
    terms: Terms,
    room: Room,
) -> Sequence[Loop]:
    """The loops. manager: the outbox of the manager's key; room: of the engine."""
    retirement = Retirement(office, pool=pool, rpc=rpc, manager=manager)
    rest = Rest(office, groups=groups, pool=pool, manager=manager)
    scaling = Scaling(office, pool=pool, wishes=wishes, terms=terms, room=room)
    guard = Guard(office, rpc=rpc, http=open_http)
    waiting = WaitingList(office, rpc=rpc, link=pool.facts.link)
    return (
        Loop("retirement", retirement.step, 1.0),
        Loop("rest", rest.step, 2.0),
        Loop("scaling", scaling.step, 0.5),
        Loop("guard", guard.step, 2.0),
        Loop("waiting list", waiting.step, LIST_EVERY),
    )
