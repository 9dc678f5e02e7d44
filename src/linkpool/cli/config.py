"""`linkpool config`: every setting of a control plane, and what a file makes of them."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import AsJson

app = typer.Typer(help="Settings of a control plane.", no_args_is_help=True)

Config = Annotated[Path | None, typer.Option(help="The settings file (TOML).")]


@app.command()
def show(config: Config = None, json: AsJson = False) -> None:
    """Every field: what it means, its default and, with --config, its value; keys in URLs are left out."""
    from linkpool.api.settings import Settings
    from linkpool.cli.output import print_json, table
    from linkpool.cli.output import show as print_tables
    from linkpool.cli.settings import explained

    fields = explained(Settings.load(config) if config else None)
    if json:
        print_json(fields)
        return
    made = table("field", "meaning", "value" if config else "default")
    for name, field in fields.items():
        made.add_row(name, field["meaning"], "" if field["value"] is None else str(field["value"]))
    print_tables(made)


@app.command()
def check(
    config: Annotated[Path, typer.Option(help="The settings file (TOML).")], json: AsJson = False
) -> None:
    """Read a file as the control plane would; names the field that is wrong."""
    from linkpool.api.settings import Settings
    from linkpool.cli.output import say

    Settings.load(config)
    say(f"{config}: good", as_json=json, file=str(config), good=True)
