"""The indexer's figures as tables. LINK in whole tokens, shares in percent."""

import json
from collections.abc import Sequence

from linkpool.cli.output import facts, print_json, show, table
from linkpool.units import show as amount
from linkpool.wire.history import Account, AsOf, ChainEvents, Figures, History, KnownNode, PoolFigures
from linkpool.wire.waiting import WaitingList


def show_pool(pool: PoolFigures, *, as_json: bool) -> None:
    """The pool as a list of facts."""
    if as_json:
        print_json(pool)
        return
    fee = f"{pool.fee_bps / 100:g} %"
    if pool.fee_effective_at is not None:
        fee += f", {pool.announced_fee_bps / 100:g} % from {pool.fee_effective_at:%Y-%m-%d %H:%M}"
    show(
        facts(
            {
                "as of": _as_of(pool.as_of),
                "nodes": pool.nodes,
                "maker fee": fee,
                "fees": f"{_link(pool.fees_payable)} payable, {_link(pool.fees_paid)} paid (LINK)",
                "paused until": pool.paused_until,
                **(_figures(pool.figures) if pool.figures else {}),
                "checked": f"{pool.checked.checks} times, {pool.checked.differences} differences",
            }
        )
    )


def show_waiting(found: WaitingList, *, as_json: bool) -> None:
    """The sums; who it is stays between the wallet and the pool."""
    if as_json:
        print_json(found)
        return
    show(
        facts(
            {
                "wallets on the list": found.wallets,
                "would stake": f"{amount(int(found.amount))} LINK",
                "found no room yet": f"{amount(int(found.waiting))} LINK",
                "room in nodes now": f"{amount(int(found.room))} LINK",
            }
        )
    )


def show_nodes(nodes: Sequence[KnownNode], *, as_json: bool) -> None:
    """A node a line."""
    if as_json:
        print_json(nodes)
        return
    made = table(
        "node", "status", "serving", "stake", "capacity", "earned", "answered", "missed", "uptime", "APR"
    )
    for node in nodes:
        figures = node.figures
        made.add_row(
            node.id,
            figures.status if figures else node.state,
            str(node.serving),
            _link(node.stake),
            _link(node.capacity),
            _link(node.earned),
            str(figures.ever.answered) if figures else "–",
            str(figures.ever.missed) if figures else "–",
            _percent(figures.rates.uptime) if figures else "–",
            _percent(figures.rates.apr) if figures else "–",
        )
    show(made)


def show_history(history: History, *, as_json: bool) -> None:
    """A bucket a line."""
    if as_json:
        print_json(history)
        return
    made = table("from", "stake", "earned", "penalties", "requests", "answered", "missed", "delay", "uptime")
    form = "%Y-%m-%d %H:%M" if history.bucket == "hour" else "%Y-%m-%d"
    for bucket in history.buckets:
        flow = bucket.flow
        made.add_row(
            f"{bucket.start:{form}}",
            _link(bucket.stock.active),
            _link(flow.earned),
            _link(flow.penalties),
            *(str(number) for number in (flow.requests, flow.answered, flow.missed)),
            "–" if bucket.delay_blocks is None else f"{bucket.delay_blocks:g}",
            _percent(bucket.uptime),
        )
    show(made)


def show_account(account: Account, *, as_json: bool) -> None:
    """Its sums, a node a line, a ticket a line."""
    if as_json:
        print_json(account)
        return
    sums = {name: _link(getattr(account, name)) for name in ("value", "earned", "claimable", "lost")}
    holdings = table("node", "value", "claimable", "claimed", "staked", "withdrawn", "lost")
    for held in account.holdings:
        amounts = (held.value, held.claimable, held.claimed, held.staked, held.withdrawn, held.lost)
        holdings.add_row(held.node, *map(_link, amounts))
    tickets = table("ticket", "node", "value", "ready")
    for ticket in account.tickets:
        tickets.add_row(ticket.ticket, ticket.node, _link(ticket.value), f"{ticket.ready_at:%Y-%m-%d %H:%M}")
    show(facts({"account": account.address, "as of": _as_of(account.as_of), **sums}), holdings, tickets)


def show_events(page: ChainEvents, *, as_json: bool) -> None:
    """An event a line."""
    if as_json:
        print_json(page)
        return
    made = table("position", "time", "kind", "node", "account", "data")
    for event in page.events:
        made.add_row(
            str(event.position),
            f"{event.time:%Y-%m-%d %H:%M:%S}",
            event.kind,
            event.node or "–",
            event.account or "–",
            json.dumps(event.data),
        )
    show(made)


def _figures(figures: Figures) -> dict[str, object]:
    stock, ever, rates = figures.stock, figures.ever, figures.rates
    return {
        "stake": f"{_link(stock.active)} active, {_link(stock.unbonding)} unbonding (LINK)",
        "earned": f"{_link(ever.earned)}, of which {_link(ever.fees)} in fees (LINK)",
        "penalties": f"{_link(ever.penalties)} LINK",
        "requests": ", ".join(
            f"{getattr(ever, name)} {name}" for name in ("requests", "answered", "rejected", "missed")
        ),
        "uptime": _percent(rates.uptime),
        "APR": _percent(rates.apr),
    }


def _as_of(as_of: AsOf | None) -> str | None:
    return None if as_of is None else f"block {as_of.block}, {as_of.time:%Y-%m-%d %H:%M:%S}"


def _link(value: str) -> str:
    return amount(int(value))


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.2f} %"
