"""The treasury and the pool's economics as the API shows them, from the database alone. Changes nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal

from linkpool.economics import accounts as books
from linkpool.economics.accounts import BreakEven, Prices, Sums
from linkpool.fleet.agents.door import Door
from linkpool.fleet.alarms import Kind
from linkpool.fleet.clock import Clock
from linkpool.fleet.treasury.build import Means, Payers
from linkpool.fleet.treasury.economics import Economics, Remembered, price_table, remembered
from linkpool.fleet.treasury.terms import Day
from linkpool.store import accounts, alarms, chain_rows, ledger, nodes
from linkpool.store.accounts import KnownAccount
from linkpool.store.database import Database
from linkpool.store.ledger import DAY
from linkpool.store.money_tables import DayRateRow
from linkpool.store.nodes import KnownSlot
from linkpool.store.tables import OUT, OutboxRow
from linkpool.wire import money as wire
from linkpool.wire.api import moment

MOVES = 50
"""Transactions shown, the newest."""


class MoneyView:
    """Answers on any control plane, leading or not."""

    def __init__(self, database: Database, door: Door, means: Means, payers: Payers, clock: Clock) -> None:
        self._database = database
        self._door = door
        self._means = means
        self._payers = payers
        self._clock = clock
        self._counting = asyncio.Lock()
        """Accounts of a year and 1,000 nodes take a core for a while: one at a time."""

    async def treasury(self) -> wire.TreasuryView:
        """Balances as last seen, and what was sent in the last 24 h. Raises StoreUnreachable."""
        terms, treasury = self._means.terms, self._payers.treasury
        async with self._database.read() as session:
            tip = await chain_rows.tip(session)
            now = tip.time if tip else int(self._clock.now())
            known, slots = await accounts.every(session), await nodes.every_slot(session)
            oracles = {row.index: row.oracle for row in await nodes.every(session)}
            day = Day(terms.limits, await accounts.sent_since(session, treasury, now - DAY))
            moves = await accounts.latest(session, MOVES)
            why = {row.detail for row in await alarms.every(session) if row.kind == Kind.OFFERS_HELD}
        held = {slot.sender for slot in slots if self._held(slot)}
        async with self._counting:
            shown = await asyncio.to_thread(self._accounts, known, slots, held, oracles, day)
        return wire.TreasuryView(
            address=treasury,
            balance=known[treasury].balance if treasury in known else None,
            low=str(terms.marks.low),
            high=str(terms.marks.high),
            floor=str(terms.floor(len(held))),
            limits=wire.Limits(
                sender=str(terms.limits.sender), node=str(terms.limits.node), pool=str(terms.limits.pool)
            ),
            day=str(day.pool),
            hold=next(iter(why), None),
            accounts=shown,
            moves=[_move(row) for row in moves],
        )

    def _accounts(
        self,
        known: Mapping[str, KnownAccount],
        slots: Sequence[KnownSlot],
        held: Set[str],
        oracles: Mapping[int, str | None],
        day: Day,
    ) -> list[wire.AccountView]:
        """The manager's, and those senders that were ever looked at."""
        manager = self._payers.manager
        shown = [_account(known[manager], day, [])] if manager in known else []
        siblings: defaultdict[int, list[str]] = defaultdict(list)
        for slot in slots:
            siblings[slot.node].append(slot.sender)
        for slot in slots:
            if slot.sender in known:
                row, node = known[slot.sender], oracles.get(slot.node)
                holds = slot.sender in held
                shown.append(_account(row, day, siblings[slot.node], slot, node, held=holds))
        return shown

    async def account(self, address: str) -> wire.AccountView | None:
        """One account; none when it is not known."""
        return next((one for one in (await self.treasury()).accounts if one.address == address), None)

    def _held(self, slot: KnownSlot) -> bool:
        """Whether a task that runs has it; a standby, which knows no tasks, goes by the last claim."""
        desk = self._door.desk
        return slot.task is not None and (desk is None or desk.tasks.get(slot.task) is not None)

    async def prices(self) -> wire.PricesView:
        """The price table in force. Raises StoreUnreachable."""
        async with self._database.read() as session:
            row, table = await ledger.prices(session), await price_table(session)
        at = None if row is None else moment(row.set_at)
        return wire.PricesView(prices=table or wire.PriceTable(), set_at=at)

    async def economics(self, days: int) -> wire.EconomicsView:
        """Of the last `days` days. Raises StoreUnreachable."""
        async with self._counting:
            async with self._database.read() as session:
                rates = await ledger.rates_since(session, 0)
                now = _prices(rates[max(rates)] if rates else None)
                told = await remembered(session, days, now, self._clock.now(), self._payers)
            return await asyncio.to_thread(self._economics, told)

    def _economics(self, told: Remembered) -> wire.EconomicsView:
        found, now, table = told.economics(), told.now, told.table
        sources, sums = self._means.sources, found.books.sums()
        return wire.EconomicsView(
            since=None if found.since is None else moment(found.since),
            days=round(found.books.length, 4),
            enough=found.books.length >= books.ENOUGH_DAYS,
            covered=found.covered(sums),
            currency=(table or wire.PriceTable()).currency,
            link_price=_rate(now.link, sources.link_feed),
            coin_price=_rate(now.coin, sources.coin_feed),
            fee_bps=found.fee_bps,
            account=_shown(sums),
            month=_month(sums, found.books.length),
            break_even=_break_even(sums, sum(found.stakes.values()), found.books.length),
            by_day=[
                wire.DayAccount(day=moment(day * DAY), **dict(_shown(found.books.sums(day=day))))
                for day in sorted(found.books.days)
            ],
            nodes=[_node(found, node) for node in sorted(found.stakes)],
        )


def _account(
    row: KnownAccount,
    day: Day,
    siblings: list[str],
    slot: KnownSlot | None = None,
    node: str | None = None,
    *,
    held: bool = True,
) -> wire.AccountView:
    """The manager's without a slot."""
    frozen = None
    if row.frozen_at is not None:
        frozen = wire.Frozen(since=moment(row.frozen_at), why=row.frozen_why or "")
    return wire.AccountView(
        address=row.address,
        role="manager" if slot is None else "sender",
        node=node,
        slot=None if slot is None else slot.number,
        held=held,
        balance=row.balance,
        day=str(day.of(row.address)),
        room=str(day.room(row.address, siblings).wei),
        spent=row.spent,
        frozen=frozen,
        revoked=slot is not None and slot.standing in OUT,
    )


def _move(row: OutboxRow) -> wire.MoveView:
    return wire.MoveView(
        at=moment(row.made_at),
        purpose=row.purpose,
        target=row.target,
        value=row.value,
        hash=row.hash,
        state="open" if row.block is None else "failed" if row.failed else "landed",
        cost=row.gas_paid,
    )


def _prices(row: DayRateRow | None) -> Prices:
    if row is None:
        return Prices()
    return Prices(
        None if row.link_price is None else Decimal(row.link_price),
        None if row.coin_price is None else Decimal(row.coin_price),
    )


def _rate(value: Decimal | None, feed: str | None) -> wire.Rate | None:
    return None if value is None else wire.Rate(value=f"{value.normalize():f}", source=feed or "setting")


def _node(found: Economics, node: str) -> wire.NodeAccount:
    sums = found.books.sums(node=node)
    return wire.NodeAccount(
        node=node,
        stake=str(found.stakes[node]),
        account=_shown(sums),
        month=_month(sums, found.books.length),
        break_even=_break_even(sums, found.stakes[node], found.books.length),
    )


def _shown(sums: Sums) -> wire.Account:
    return wire.Account(
        fee_juels=str(sums.fee_juels),
        gas_wei=str(sums.gas_wei),
        replica_hours=round(sums.hours, 3),
        requests=sums.requests,
        answered=sums.answered,
        missed=sums.missed,
        penalties=str(sums.penalties),
        fee=_money(sums.fee),
        gas=_money(sums.gas),
        fleet=_money(sums.fleet),
        result=_money(sums.result),
    )


def _month(sums: Sums, days: float) -> wire.Month:
    return wire.Month(
        fee=_money(books.month(sums.fee, days)),
        gas=_money(books.month(sums.gas, days)),
        fleet=_money(books.month(sums.fleet, days)),
        result=_money(books.month(sums.result, days)),
    )


def _break_even(sums: Sums, stake: int, days: float) -> wire.BreakEven:
    at: BreakEven = books.break_even(sums, stake, days)
    return wire.BreakEven(
        stake=None if at.stake is None else str(at.stake),
        requests_per_day=None if at.requests is None else round(at.requests, 2),
        fee_bps=at.fee_bps,
    )


def _money(amount: Decimal | None) -> str | None:
    """Six places: what an answer costs is far below a cent."""
    return None if amount is None else f"{amount.quantize(Decimal('0.000001')):f}"
