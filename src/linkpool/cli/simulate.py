"""`linkpool simulate`: months of a pool before there is one."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import AsJson


def simulate(
    nodes: Annotated[int | None, typer.Option(min=1, max=10_000, help="Nodes of the pool.")] = None,
    months: Annotated[float | None, typer.Option(min=0.01, max=120, help="Of 30 days.")] = None,
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="Histories to draw.")] = 20,
    seed: Annotated[int, typer.Option(help="The same one draws the same.")] = 1,
    file: Annotated[Path | None, typer.Option(help="Assumptions in TOML.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE, an assumption; may come often.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Write a picture there (SVG).")] = None,
    assumptions: Annotated[bool, typer.Option(help="Only say what would be assumed.")] = False,
    json: AsJson = False,
) -> None:
    """Uptime, missed, penalties, income of stakers and operator over months, over many drawn histories."""
    from linkpool.cli import simulation

    changes = simulation.changes(set_ or [], nodes=nodes, days=None if months is None else months * 30)
    given = simulation.Assumptions.read(file, changes)
    if assumptions:
        simulation.show_assumptions(given, as_json=json)
        return
    found = simulation.outcome(given, runs, seed)
    if chart is not None:
        simulation.write_chart(found, chart)
    simulation.show_outcome(found, as_json=json)
