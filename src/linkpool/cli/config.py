"""`linkpool config`: every setting of a control plane, and what a file makes of them."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Settings of a control plane.", no_args_is_help=True)

Config = Annotated[Path | None, typer.Option(help="The settings file (TOML).")]


@app.command()
def show(config: Config = None) -> None:
    """Every field: what it means, its default and, with --config, its value (secrets are in files)."""
    from rich.console import Console
    from rich.table import Table

    from linkpool.api.settings import Settings

    settings = Settings.load(config) if config else None
    table = Table("field", "meaning", "value" if settings else "default")
    for name, field in Settings.model_fields.items():
        default = "(needed)" if field.is_required() else field.get_default(call_default_factory=True)
        shown = getattr(settings, name) if settings else default
        table.add_row(name, field.description or "", "" if shown is None else str(shown))
    Console().print(table)


@app.command()
def check(config: Annotated[Path, typer.Option(help="The settings file (TOML).")]) -> None:
    """Read a file as the control plane would; names the field that is wrong."""
    from linkpool.api.settings import Settings

    Settings.load(config)
    print(f"{config}: good")
