"""How the treasury, prices and economics look in a terminal; the price table as a file."""

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from linkpool.cli.output import facts, show, table
from linkpool.errors import Permanent
from linkpool.units import show as amount
from linkpool.wire.money import (
    Account,
    AccountView,
    BreakEven,
    EconomicsView,
    Month,
    PricesView,
    PriceTable,
    TreasuryView,
)

UNKNOWN = "not enough data"


class BadPrices(Permanent):
    """The file is no price table; the text names the field."""


# --- the treasury -----------------------------------------------------------------------------------


def show_treasury(found: TreasuryView) -> None:
    """Its state, its accounts, its last moves."""
    limits = found.limits
    show(
        facts(
            {
                "treasury": found.address,
                "balance": _coin(found.balance),
                "marks": f"{_coin(found.low)} to {_coin(found.high)}",
                "sent in 24 h": f"{_coin(found.day)} of {_coin(limits.pool)}",
                "a day, at most": f"{_coin(limits.sender)} to a sender, {_coin(limits.node)} to a node",
                "offers": f"held closed: {found.hold}" if found.hold else "may be open",
            }
        )
    )
    accounts = table("account", "node", "slot", "balance", "24 h", "spent", "state")
    for one in found.accounts:
        accounts.add_row(
            one.address,
            one.node or one.role,
            "–" if one.slot is None else str(one.slot),
            _coin(one.balance),
            _coin(one.day),
            _coin(one.spent),
            _standing(one),
        )
    moves = table("at", "purpose", "value", "gas", "state", title="last transactions")
    for move in found.moves[:10]:
        moves.add_row(
            f"{move.at:%m-%d %H:%M:%S}", move.purpose, _coin(move.value), _coin(move.cost), move.state
        )
    show(accounts, moves)


def _standing(one: AccountView) -> str:
    if one.revoked:
        return "revoked"
    return f"frozen: {one.frozen.why}" if one.frozen else "held" if one.held else "free"


def _coin(wei: str | None) -> str:
    return "–" if wei is None else amount(int(wei), 6)


# --- prices -----------------------------------------------------------------------------------------


def read_prices(file: Path) -> PriceTable:
    """A price table from TOML. Raises BadPrices."""
    try:
        return PriceTable.model_validate(_texts(tomllib.loads(file.read_text())))
    except OSError as error:
        raise BadPrices(f"cannot read {file}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadPrices(f"{file} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BadPrices(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def toml(found: PricesView) -> str:
    """The same as a file. Money stands in quotes, or bare."""
    prices = found.prices.model_dump(mode="json")
    lines = ["# Money in the table's currency; a month is 30 days. docs/economics.md says what each means."]
    lines.append(f"currency = {json.dumps(prices['currency'])}")
    sections = {"rpc": prices["rpc"], "fixed": prices["fixed"]}
    sections |= {f"engines.{_key(name)}": engine for name, engine in prices["engines"].items()}
    for name, section in sections.items():
        lines += ["", f"[{name}]", *(f"{_key(key)} = {json.dumps(value)}" for key, value in section.items())]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else json.dumps(name)


def _texts(document: dict[str, Any]) -> dict[str, Any]:
    """Money may stand bare in the file: numbers of the fields that are texts."""
    counts = {"machines", "gb_per_replica_month", "calls_per_replica_hour", "calls_per_request"}

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(each, name) for name, each in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool) and key not in counts:
            return f"{value:.9f}".rstrip("0").rstrip(".")
        return value

    return {name: walk(value, name) for name, value in document.items()}


# --- economics --------------------------------------------------------------------------------------


def show_economics(found: EconomicsView) -> None:
    """The pool, its days, its nodes."""
    covers = {None: UNKNOWN, True: "yes", False: "no"}[found.covered]
    show(
        facts(
            {
                "time": f"{found.days:.2f} days since {found.since:%Y-%m-%d %H:%M}" if found.since else None,
                "the fee pays for it": covers,
                "LINK": f"{amount(int(found.link_price.value), 8)} coin" if found.link_price else None,
                "coin": f"{found.coin_price.value} {found.currency}" if found.coin_price else None,
                "maker fee": f"{found.fee_bps / 100:g} %",
                "break-even": _break_even(found.break_even),
            }
        )
    )
    columns = ("fee LINK", "fee", "gas", "fleet", "result", "requests", "missed")
    lines = table("", *columns, title=f"in {found.currency}")
    for day in found.by_day[-14:]:
        lines.add_row(f"{day.day:%Y-%m-%d}", *_account(day))
    lines.add_row("all", *_account(found.account))
    lines.add_row("a month", *_month(found.month))
    nodes = table("node", *columns, "a month", "break-even")
    for node in found.nodes:
        nodes.add_row(
            node.node, *_account(node.account), node.month.result or UNKNOWN, _break_even(node.break_even)
        )
    show(lines, nodes)


def _account(one: Account) -> tuple[str, ...]:
    money = (one.fee, one.gas, one.fleet, one.result)
    shown = (each or "no price" for each in money)
    return (amount(int(one.fee_juels)), *shown, str(one.answered), str(one.missed))


def _month(one: Month) -> tuple[str, ...]:
    money = (one.fee, one.gas, one.fleet, one.result)
    return ("", *(each or UNKNOWN for each in money), "", "")


def _break_even(one: BreakEven) -> str:
    parts = []
    if one.stake is not None:
        parts.append(f"{amount(int(one.stake), 0)} LINK staked")
    if one.requests_per_day is not None:
        parts.append(f"{one.requests_per_day:g} requests a day")
    if one.fee_bps is not None:
        parts.append(f"a fee of {one.fee_bps / 100:g} %")
    return " or ".join(parts) or UNKNOWN
