"""All that moves or counts money in a term: treasury, sweep, harvest, tickets, meter, built together."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from linkpool.chain.keys import Key
from linkpool.chain.rpc import Rpc
from linkpool.fleet.office import Office
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
from linkpool.supervise import Loop

MINUTE = 60.0
HARVEST_EVERY = 10 * MINUTE
RATES_EVERY = 5 * MINUTE
SWEEP_EVERY = 30.0
SETTLE_EVERY = 2.0


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
    office: Office,
    *,
    rpc: Rpc,
    keys: Keyring,
    tasks: Tasks,
    pool: str,
    outbox: Outbox,
    outbox_of: Callable[[str], Outbox],
    on_link: Callable[[str | None], None],
) -> Money:
    """outbox: the treasury's; outbox_of: one for a key; on_link: hears of wei per LINK."""
    payers, terms, engine = Payers.of(keys), means.terms, means.engine
    treasury = Treasury(office, rpc=rpc, outbox=outbox, manager=payers.manager, terms=terms, engine=engine)
    rates = Rates(rpc, means.sources, office.alarms, on_link)
    sweep = Sweep(office, rpc=rpc, keys=keys, tasks=tasks, treasury=payers.treasury, outbox_of=outbox_of)
    harvest = Harvest(office, rpc=rpc, outbox=outbox, pool=pool, link_price=lambda: rates.link_price)
    tickets = Tickets(office, rpc=rpc, outbox=outbox, pool=pool, budget=terms.tickets)
    meter = Meter(office, tasks=tasks, rates=rates, engine=engine, payers=payers, window=means.window)

    async def judge() -> None:
        await asyncio.sleep(MINUTE)  # accounts take a core for a while: a new leader lets its fleet in first
        await meter.judge()

    return Money(
        treasury,
        rates,
        (
            Loop("rates", rates.step, RATES_EVERY),
            Loop("sweeps under way", sweep.settle, SETTLE_EVERY),
            Loop("sweep", sweep.step, SWEEP_EVERY),
            Loop("harvest", harvest.step, HARVEST_EVERY),
            Loop("tickets", tickets.step, MINUTE),
            Loop("meter", meter.step, MINUTE),
            Loop("fee against costs", judge, HARVEST_EVERY),
        ),
    )
