"""All that moves or counts money in a term: treasury, sweep, harvest, tickets, meter, built together."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.fleet.alarms import Alarms
from linkpool.fleet.clock import Clock
from linkpool.fleet.journal import Journal
from linkpool.fleet.outbox import Outbox
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.secrets.keys import Keyring
from linkpool.fleet.treasury.harvest import Harvest
from linkpool.fleet.treasury.meter import Meter
from linkpool.fleet.treasury.rates import Rates, Sources
from linkpool.fleet.treasury.sweep import Sweep
from linkpool.fleet.treasury.terms import Terms
from linkpool.fleet.treasury.tickets import Tickets
from linkpool.fleet.treasury.treasury import Treasury
from linkpool.store.database import Database

MINUTE = 60.0
HARVEST_EVERY = 10 * MINUTE
RATES_EVERY = 5 * MINUTE
SWEEP_EVERY = 30.0
SETTLE_EVERY = 2.0

Loop = tuple[str, Callable[[], Awaitable[None]], float]
"""A loop's name, its step, and the seconds between two of them."""


@dataclass(frozen=True)
class Means:
    """What a pool's money is ruled by. engine: the name of what its nodes run on in the price table;
    window: days in which the fee must cover the costs, or an alarm goes up.
    """

    terms: Terms
    sources: Sources = field(default_factory=Sources)
    engine: str = "local"
    window: int = 7


@dataclass(frozen=True)
class Money:
    """What a term has of it."""

    treasury: Treasury
    rates: Rates
    loops: Sequence[Loop]


class Payers(NamedTuple):
    """Whose transactions are the pool's own costs: addresses."""

    treasury: str
    manager: str

    @classmethod
    def of(cls, keys: Keyring) -> "Payers":
        """Those of a keyring."""
        return cls(Key(keys.treasury()).address, Key(keys.manager()).address)


def build_money(
    means: Means,
    *,
    rpc: Rpc,
    database: Database,
    keys: Keyring,
    clock: Clock,
    journal: Journal,
    tasks: Tasks,
    alarms: Alarms,
    epoch: int,
    pool: str,
    outbox: Outbox,
    outbox_of: Callable[[str], Outbox],
    on_link: Callable[[str | None], None],
) -> Money:
    """outbox: the treasury's; outbox_of: one for a key; on_link: hears of wei per LINK."""
    payers = Payers.of(keys)
    treasury = Treasury(
        rpc=rpc,
        database=database,
        outbox=outbox,
        manager=payers.manager,
        terms=means.terms,
        alarms=alarms,
        clock=clock,
        journal=journal,
        epoch=epoch,
        engine=means.engine,
    )
    rates = Rates(rpc, means.sources, alarms, on_link)
    sweep = Sweep(
        rpc=rpc,
        database=database,
        keys=keys,
        tasks=tasks,
        clock=clock,
        journal=journal,
        treasury=payers.treasury,
        outbox_of=outbox_of,
    )
    harvest = Harvest(
        rpc=rpc, database=database, outbox=outbox, pool=pool, link_price=lambda: rates.link_price
    )
    tickets = Tickets(rpc=rpc, database=database, outbox=outbox, pool=pool, budget=means.terms.tickets)
    meter = Meter(
        database=database,
        tasks=tasks,
        rates=rates,
        alarms=alarms,
        clock=clock,
        epoch=epoch,
        engine=means.engine,
        payers=payers,
        window=means.window,
    )
    return Money(
        treasury,
        rates,
        (
            ("rates", rates.step, RATES_EVERY),
            ("sweeps under way", sweep.settle, SETTLE_EVERY),
            ("sweep", sweep.step, SWEEP_EVERY),
            ("harvest", harvest.step, HARVEST_EVERY),
            ("tickets", tickets.step, MINUTE),
            ("meter", meter.step, MINUTE),
            ("fee against costs", meter.judge, HARVEST_EVERY),
        ),
    )
