"""`linkpool guard`: how big a share of the network's nodes the pool may have while it grows by itself."""

from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

app = typer.Typer(help="Stops auto-scaling while the pool is too big a share.", no_args_is_help=True)


@app.command("show")
def show_guard(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """The share, the marks, the source, and who overrode them."""
    from linkpool.api import client_growth
    from linkpool.cli.growth import show_guard as show
    from linkpool.cli.session import Session

    show(Session(url, token_file).run(client_growth.guard), as_json=json)


@app.command("set")
def set_guard(
    upper: Annotated[float, typer.Option(help="Above this share it blocks (0.2 is a fifth).")],
    lower: Annotated[float, typer.Option(help="Only below this one it lets go again.")],
    number: Annotated[int | None, typer.Option(help="The network has so many nodes, ours included.")] = None,
    source_url: Annotated[str | None, typer.Option(help="A JSON document says how many.")] = None,
    path: Annotated[str, typer.Option(help="Where in it: names and places joined by dots.")] = "",
    allow_private: Annotated[bool, typer.Option(help="It may be at a private address.")] = False,
    contract: Annotated[
        str | None, typer.Option(help="A contract on the pool's chain says how many.")
    ] = None,
    function: Annotated[
        str, typer.Option(help="Its view without arguments that returns a uint.")
    ] = "nodeCount()",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Set marks and source (needs an admin token). It blocks until the source was read."""
    from linkpool.api.client_growth import put_guard
    from linkpool.cli.growth import guard_of
    from linkpool.cli.growth import show_guard as show
    from linkpool.cli.session import Session

    document = {"kind": "url", "url": source_url, "path": path, "allow_private": allow_private}
    sources = (
        None if number is None else {"kind": "number", "nodes": number},
        None if source_url is None else document,
        None if contract is None else {"kind": "contract", "address": contract, "function": function},
    )
    wanted = guard_of(upper, lower, sources)
    show(Session(url, token_file).run(lambda client: put_guard(client, wanted)), as_json=json)


@app.command()
def off(url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False) -> None:
    """No guard from now on."""
    from linkpool.api.client_growth import put_guard
    from linkpool.cli.growth import show_guard as show
    from linkpool.cli.session import Session
    from linkpool.wire.guard import PutGuard

    show(Session(url, token_file).run(lambda client: put_guard(client, PutGuard(guard=None))), as_json=json)


@app.command()
def override(
    reason: Annotated[str, typer.Option(help="Why; it stays on record.")],
    hours: Annotated[float, typer.Option(min=0.01, max=720, help="For how long.")] = 24.0,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Let auto-scaling grow in spite of the guard, for a while."""
    from linkpool.api import client_growth
    from linkpool.cli.growth import override_of
    from linkpool.cli.growth import show_guard as show
    from linkpool.cli.session import Session

    wanted = override_of(reason, hours)
    show(Session(url, token_file).run(lambda client: client_growth.override(client, wanted)), as_json=json)


@app.command()
def clear(url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False) -> None:
    """End an override: the guard counts again."""
    from linkpool.api import client_growth
    from linkpool.cli.growth import show_guard as show
    from linkpool.cli.session import Session

    show(Session(url, token_file).run(client_growth.clear_override), as_json=json)
