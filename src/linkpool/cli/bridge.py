"""`linkpool bridge`: named adapters, at URLs or run by the pool itself."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linkpool.cli.catalog import WAIT_SECONDS, Seconds
from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

if TYPE_CHECKING:
    from linkpool.wire.catalog import BridgeView

app = typer.Typer(help="External adapters: add, see and remove them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name by which jobs ask it.")]
Secret = Annotated[Path | None, typer.Option(exists=True, dir_okay=False)]


@app.command()
def add(
    name: Name,
    urls: Annotated[
        list[str] | None, typer.Option("--at", help="URL where it listens; again for more, tried by health.")
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(help="Have the pool run this, listening on $PORT; an image's arguments."),
    ] = None,
    image: Annotated[str | None, typer.Option(help="Have the pool run this image.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option(help="Environment of the program, NAME=VALUE; again for more.")
    ] = None,
    secret_file: Annotated[
        list[str] | None, typer.Option(help="The same from a file, NAME=FILE, sealed at rest.")
    ] = None,
    sample: Annotated[
        str | None, typer.Option(help="A request body (JSON) that a new program must answer well.")
    ] = None,
    outgoing: Annotated[Path | None, typer.Option("--outgoing-token-file", help="Token it is shown.")] = None,
    incoming_token_file: Annotated[
        Path | None, typer.Option(help="Token that it shows with what it answers later.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for one URL.")] = 15.0,
    concurrency: Annotated[int, typer.Option(help="Questions at once, of each replica.")] = 64,
    wait: Annotated[bool, typer.Option(help="Return when every serving replica has it.")] = True,
    seconds: Seconds = WAIT_SECONDS,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Add a bridge, or replace the one of that name, on all nodes at once."""
    from linkpool.api.client_catalog import put_bridge
    from linkpool.cli.catalogs import changed, pairs, secrets_of, wanted_bridge
    from linkpool.cli.session import Session

    program = None
    if command or image or setting or secret_file or sample:
        program = {
            "command": shlex.split(command or ""),
            "image": image,
            "settings": pairs(setting or []),
            "secrets": secrets_of(pairs(secret_file or [])),
            "sample": sample,
        }
    wanted = wanted_bridge(
        urls=urls or [],
        program=program,
        token=outgoing,
        incoming_token=incoming_token_file,
        timeout=timeout,
        concurrency=concurrency,
    )
    session = Session(url, token_file)
    change = session.run(lambda client: put_bridge(client, name, wanted))
    changed(session, change, seconds if wait else None, as_json=json)


@app.command("list")
def list_bridges(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """All bridges, and where replicas are told to find them."""
    from linkpool.api.client_catalog import catalog
    from linkpool.cli.catalogs import bridges_table
    from linkpool.cli.output import print_json, show
    from linkpool.cli.session import Session

    bridges = Session(url, token_file).run(catalog).bridges
    if json:
        print_json(bridges)
    else:
        show(bridges_table(bridges))


@app.command("show")
def show_bridge(
    name: Name, url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """One bridge; of a program also its tasks and their health."""
    from linkpool.api.client_catalog import catalog
    from linkpool.cli.catalogs import one_bridge, show_one
    from linkpool.cli.session import Session

    found: BridgeView = one_bridge(Session(url, token_file).run(catalog), name)
    show_one(found, as_json=json)


@app.command()
def remove(
    name: Name,
    seconds: Seconds = WAIT_SECONDS,
    wait: Annotated[bool, typer.Option(help="Return when no serving replica has it any more.")] = True,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Take a bridge out; refused while a job asks it. A program of the pool's ends when nobody needs it."""
    from linkpool.api.client_catalog import drop_bridge
    from linkpool.cli.catalogs import changed
    from linkpool.cli.session import Session

    session = Session(url, token_file)
    change = session.run(lambda client: drop_bridge(client, name))
    changed(session, change, seconds if wait else None, as_json=json)
