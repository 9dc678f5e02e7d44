"""How a simulation is asked for and told in a terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from linkpool.cli.output import print_json, show, table
from linkpool.economics.assumptions import Assumptions, BadAssumptions
from linkpool.economics.chart import chart
from linkpool.economics.outcome import Outcome, outcome
from linkpool.errors import Permanent

__all__ = ["Assumptions", "changes", "outcome", "show_assumptions", "show_outcome", "write_chart"]


class NoChart(Permanent):
    """The picture cannot be written."""


def changes(pairs: Sequence[str], **given: Any) -> dict[str, Any]:
    """`NAME=VALUE` texts, and the options that were given. Raises BadAssumptions."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise BadAssumptions(f"--set {pair}: NAME=VALUE is needed; --assumptions lists the names")
        found[name.strip()] = value.strip()
    return found | {name: value for name, value in given.items() if value is not None}


def show_assumptions(given: Assumptions, *, as_json: bool) -> None:
    """Every one with its value and meaning."""
    if as_json:
        print_json(given)
        return
    lines = table("name", "value", "meaning")
    for name, field in Assumptions.model_fields.items():
        lines.add_row(name, f"{getattr(given, name):g}", field.description)
    show(lines)


def show_outcome(found: Outcome, *, as_json: bool) -> None:
    """Quantiles by figure."""
    if as_json:
        print_json(
            {
                "seed": found.seed,
                "runs": found.runs,
                "assumptions": found.given.model_dump(),
                "figures": {name: asdict(one) for name, one in found.spreads.items()},
                "months": {
                    "result_money": [asdict(one) for one in found.results],
                    "stakers_money": [asdict(one) for one in found.stakers],
                    "uptime": [asdict(one) for one in found.uptimes],
                },
            }
        )
        return
    title = f"{found.given.nodes} nodes, {found.given.days:g} days, {found.runs} histories"
    lines = table("", "5 %", "median", "95 %", title=title)
    for name, one in found.spreads.items():
        lines.add_row(name.replace("_", " "), *(_number(value) for value in (one.low, one.middle, one.high)))
    show(lines)


def _number(value: float) -> str:
    return f"{value:.7f}" if 0 < abs(value) < 2 else f"{value:,.0f}"


def write_chart(found: Outcome, file: Path) -> None:
    """As SVG. Raises NoChart."""
    try:
        file.write_text(chart(found))
    except OSError as error:
        raise NoChart(f"cannot write {file}: {error.strerror}") from error
