"""`linkpool catalog`: jobs, offers and bridges as one folder, applied as a whole."""

from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="Jobs, offers and bridges of all nodes, as one folder.", no_args_is_help=True)

Seconds = Annotated[float, typer.Option(help="How long to wait until all replicas and the chain have it.")]
WAIT_SECONDS = 120.0


@app.command()
def apply(
    folder: Annotated[Path, typer.Argument(help="Has jobs/*.toml, bridges.toml, offers.toml.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    seconds: Seconds = WAIT_SECONDS,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Make the catalog what the folder says: shows the differences, asks, waits until they are in force."""
    from linkpool.cli.catalogs import apply_folder
    from linkpool.cli.session import Session

    raise typer.Exit(
        apply_folder(
            Session(url, token_file), folder, dry_run=dry_run, sure=yes, seconds=seconds, as_json=json
        )
    )


@app.command()
def show(url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False) -> None:
    """The revision in force, and how far each job and bridge of it is."""
    from linkpool.api.client_catalog import catalog
    from linkpool.cli.catalogs import show_catalog
    from linkpool.cli.session import Session

    show_catalog(Session(url, token_file).run(catalog), as_json=json)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Write the catalog in force as a folder; applying that changes nothing. Secrets stay in the pool."""
    from linkpool.api.client_catalog import catalog
    from linkpool.cli.catalog_folder import write
    from linkpool.cli.output import say
    from linkpool.cli.session import Session

    written = [str(path) for path in write(Session(url, token_file).run(catalog), folder)]
    say("\n".join(written) or "the catalog is empty", as_json=json, files=written)
