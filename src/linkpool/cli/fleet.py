"""`linkpool status`, `events`, `logs`: the fleet as it is, as it changes, and in its own words."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

Seconds = Annotated[float, typer.Option(help="Between two looks.")]


def status(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    watch: Annotated[bool, typer.Option(help="Stay and keep looking, until Ctrl-C.")] = False,
    every: Seconds = 1.0,
) -> None:
    """Nodes and replicas now."""
    import asyncio

    from rich.console import Console
    from rich.live import Live

    from linkpool.api.client import Client
    from linkpool.cli.session import Session
    from linkpool.dev.table import node_row, nodes_table

    async def look(control: Client) -> None:
        with Live(console=Console(), auto_refresh=False) as live:
            while True:
                rows = [node_row(node) for node in await control.nodes()]
                live.update(nodes_table(rows, title=url), refresh=True)
                if not watch:
                    return
                await asyncio.sleep(every)

    Session(url, token_file).run(look)


def events(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    after: Annotated[int | None, typer.Option(help="Begin after this number; 0 is all.")] = None,
    json: AsJson = False,
) -> None:
    """What happens, as it happens, until Ctrl-C."""
    from linkpool.api.client import Client
    from linkpool.cli.session import Session

    async def follow(control: Client) -> None:
        async for event in control.events(after):
            if json:
                print(event.model_dump_json(), flush=True)
            else:
                data = jsonlib.dumps(event.data) if event.data else ""
                print(f"{event.at:%H:%M:%S} {event.kind:20} {event.node or '-'} {data}", flush=True)

    Session(url, token_file).run(follow)


def logs(
    node: Annotated[str, typer.Argument(help="The node's id.")],
    state: Annotated[Path, typer.Option(help="`state` of the control plane on this machine.")] = Path(
        ".linkpool/control"
    ),
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    lines: Annotated[int, typer.Option(min=1, help="Of each replica.")] = 20,
) -> None:
    """The last lines of a node's replicas (local engine)."""
    from linkpool.cli.session import Session

    nodes = Session(url, token_file).run(lambda control: control.nodes())
    found = [shown for shown in nodes if shown.id == node]
    if not found:
        print(f"no node {node}; `linkpool node list` shows them")
        raise typer.Exit(1)
    for replica in found[0].replicas:
        print(f"== {replica.task}")
        print(_tail(state / "engine" / "logs" / f"{replica.task}.log", lines))


def _tail(file: Path, lines: int) -> str:
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"({file}: {error.strerror}; name the control plane's state folder with --state)"
