"""What `linkpool aws costs` shows: bills beside income, a price table, and where prices were read."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from linkpool.api import client_money
from linkpool.aws.costs import LAUNCHES, Bill, bill, price_table
from linkpool.aws.prices import AwsPrices
from linkpool.cli.money import toml
from linkpool.cli.output import print_json, show, table
from linkpool.cli.session import Session
from linkpool.errors import Permanent
from linkpool.wire.money import EconomicsView, PricesView

CURRENCY = "USD"
"""Of `AwsPrices`."""
LOOKED_BACK = 30
"""Days."""


class NoFee(Permanent):
    """The pool does not say what a node earns in this currency; the text says what to do."""


def earned_fee(session: Session) -> float:
    """Maker fee of a node in a month, as the pool earned it. Raises NoFee, and as `Session.run` does."""
    return fee_of_a_node(session.run(lambda client: client_money.economics(client, LOOKED_BACK)))


def fee_of_a_node(found: EconomicsView) -> float:
    """Of a node in the middle. Raises NoFee."""
    if found.currency != CURRENCY:
        raise NoFee(f"the pool reckons in {found.currency}, this bill is in {CURRENCY}: say --fee")
    if found.month.fee is None or not found.nodes:
        raise NoFee("the pool has less than a day of records, or no prices of LINK and coin: say --fee")
    return float(found.month.fee) / len(found.nodes)


def show_costs(file: Path | None, nodes: Sequence[int], fee: float | None, *, as_json: bool) -> None:
    """A line for each number of nodes; with `fee` (money of a node and month) what would be left of it."""
    prices = AwsPrices.read(file)
    pairs = [tuple(bill(prices, count, launch) for launch in LAUNCHES) for count in nodes]
    if as_json:
        shown = [
            {launch: _plain(one, fee) for launch, one in zip(LAUNCHES, pair, strict=True)} for pair in pairs
        ]
        print_json({"currency": CURRENCY, "missing": prices.missing, "bills": shown})
        return
    brought = ("fee", "left on EC2", "left on Fargate") if fee is not None else ()
    made = table("nodes", "EC2", "a node", "Fargate", "a node", *brought, title=f"{CURRENCY} a month")
    for pair in pairs:
        made.add_row(*line(*pair), *(_left(pair, fee) if fee is not None else ()))
    show(made)
    if prices.missing:
        print(
            f"Without a price, so not in it: {', '.join(prices.missing)}. Nor is what RPC providers charge."
        )


def line(ec2: Bill, fargate: Bill) -> list[str]:
    """Nodes, then each bill and a node's share of it."""
    return [
        f"{ec2.nodes:,}",
        f"{ec2.total:,.0f}",
        f"{ec2.per_node:,.2f}",
        f"{fargate.total:,.0f}",
        f"{fargate.per_node:,.2f}",
    ]


def show_table(file: Path | None, *, as_json: bool) -> None:
    """The price table, as `linkpool treasury prices set` takes it."""
    made = price_table(AwsPrices.read(file))
    if as_json:
        print_json(made)
    else:
        print(toml(PricesView(prices=made, set_at=None)), end="")


def show_prices(file: Path | None, *, as_json: bool) -> None:
    """Every price, what it is for, and where its default was read."""
    prices, told = AwsPrices.read(file), {}
    for name, field in AwsPrices.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        value = getattr(prices, name)
        own = value != field.default
        told[name] = {
            "value": None if value is None else str(value),
            "meaning": field.description,
            "source": f"{file}" if own else extra.get("source"),
            "read": None if own else extra.get("read"),
        }
    if as_json:
        print_json(told)
        return
    made = table("price", "value", "meaning", "source", "read")
    for name, each in told.items():
        made.add_row(name, *("–" if one is None else str(one) for one in each.values()))
    show(made)


def _left(pair: Sequence[Bill], fee: float) -> list[str]:
    brought = pair[0].nodes * Decimal(str(fee))
    return [f"{brought:,.0f}", *(f"{brought - one.total:,.0f}" for one in pair)]


def _plain(one: Bill, fee: float | None) -> dict[str, object]:
    items = {name: f"{value:.2f}" for name, value in one.items.items()}
    told: dict[str, object] = {"nodes": one.nodes, "items": items, "total": f"{one.total:.2f}"}
    told["per_node"] = f"{one.per_node:.2f}"
    if fee is not None:
        told["left"] = f"{one.nodes * Decimal(str(fee)) - one.total:.2f}"
    return told
