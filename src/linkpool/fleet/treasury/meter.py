"""What runs is written down by the minute, so that each day's costs can be told; and whether it pays."""

import asyncio
from collections import Counter

from linkpool.economics.accounts import Prices
from linkpool.engines.protocol import Phase
from linkpool.fleet.alarms import Kind
from linkpool.fleet.office import Office
from linkpool.fleet.running.tasks import Tasks
from linkpool.fleet.treasury.economics import remembered
from linkpool.fleet.treasury.rates import Rates
from linkpool.store import chain_rows, groups, ledger

MOST_SECONDS = 600.0
"""One entry is about no more than this: a process that slept did not see what ran."""


class Meter:
    """Books replica-seconds under `engine`, as the leader of `epoch`. window: days that must pay off."""

    def __init__(
        self, office: Office, *, tasks: Tasks, rates: Rates, engine: str, payers: tuple[str, ...], window: int
    ) -> None:
        self._office = office
        self._tasks = tasks
        self._rates = rates
        self._engine = engine
        self._payers = payers
        self._window = window
        self._last = office.clock.monotonic()

    async def step(self) -> None:
        """Write down the time since the last step. Raises StoreUnreachable, LeaseLost."""
        now = self._office.clock.monotonic()
        passed, self._last = min(now - self._last, MOST_SECONDS), now
        async with self._office.read() as session:
            tip = await chain_rows.tip(session)
            nodes = {row.name: row.node or 0 for row in await groups.all_living(session)}
        running = Counter(
            nodes[task.group]
            for task in self._tasks.all()
            if task.group in nodes and task.phase in (Phase.STARTING, Phase.RUNNING)
        )
        at = tip.time if tip else self._office.clock.now()
        link, coin = self._rates.link_price, self._rates.coin
        async with self._office.lead() as session:
            seconds = {node: count * passed for node, count in running.items()} or {0: 0.0}
            await ledger.add_seconds(session, at, self._engine, seconds)
            await ledger.note_rates(
                session, int(at) // ledger.DAY, link, None if coin is None else str(coin.value)
            )

    async def judge(self) -> None:
        """Say so when the fee does not pay for the fleet. Raises StoreUnreachable, LeaseLost."""
        async with self._office.read() as session:
            told = await remembered(
                session, self._window, prices(self._rates), self._office.clock.now(), self._payers
            )
        found = await asyncio.to_thread(told.economics)
        sums, text = await asyncio.to_thread(found.books.sums), {}
        if found.covered(sums) is False and sums.gas is not None and sums.fleet is not None:
            costs = sums.gas + sums.fleet
            text["pool"] = (
                f"in {found.books.length:.1f} days the fee brought {sums.fee:.2f}, "
                f"gas and fleet cost {costs:.2f}; see linkpool economics"
            )
        await self._office.alarms.only(Kind.FEE_BELOW_COSTS, text)


def prices(rates: Rates) -> Prices:
    """Those in force now."""
    return Prices(
        None if rates.link is None else rates.link.value, None if rates.coin is None else rates.coin.value
    )
