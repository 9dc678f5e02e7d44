"""`linkpool status`, `alarms`, `events`, `logs`: the fleet as it is, as it changes, and in its own words."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, NodeId, TokenFile, Url

Seconds = Annotated[float, typer.Option(min=0.1, help="Between two looks.")]


def status(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and keep looking, until Ctrl-C.")] = False,
    every: Seconds = 1.0,
    json: AsJson = False,
) -> None:
    """Nodes, replicas and alarms now."""
    from linkpool.cli.session import Session
    from linkpool.cli.status import keep_looking, look, show

    session = Session(url, token_file)
    if watch:
        session.run(lambda client: keep_looking(client, every, as_json=json))
    else:
        show(session.run(look), as_json=json)


def alarms(url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False) -> None:
    """What a person must look at now."""
    from linkpool.api.client import Client
    from linkpool.cli.output import print_json, show
    from linkpool.cli.session import Session
    from linkpool.cli.status import alarms_table
    from linkpool.wire.alarms import AlarmList

    async def ask(client: Client) -> AlarmList:
        return AlarmList.model_validate(await client.ask("GET", "/alarms"))

    found = Session(url, token_file).run(ask)
    if json:
        print_json(found)
    elif found.alarms:
        show(alarms_table(found.alarms))
    else:
        print("no alarm is up")


def events(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    after: Annotated[int | None, typer.Option(min=0, help="Begin after this number; 0 is all.")] = None,
    json: AsJson = False,
) -> None:
    """What happens, as it happens, until Ctrl-C. With --json one object a line."""
    from linkpool.api.client import Client
    from linkpool.cli.session import Session

    async def follow(client: Client) -> None:
        async for event in client.events(after):
            if json:
                print(event.model_dump_json(), flush=True)
            else:
                data = jsonlib.dumps(event.data) if event.data else ""
                print(f"{event.at:%H:%M:%S} {event.kind:20} {event.node or '-'} {data}", flush=True)

    Session(url, token_file).run(follow)


def logs(
    node: NodeId,
    state: Annotated[
        list[Path] | None,
        typer.Option(
            help="`state` of a control plane on this machine; again for another. [default: .linkpool/control]"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="The control plane's settings file, in place of `state`: reads CloudWatch on ecs."),
    ] = None,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    lines: Annotated[int, typer.Option(min=1, help="Of each replica.")] = 20,
    json: AsJson = False,
) -> None:
    """The last lines of a node's replicas (local, ecs): of those that run, and the newest that ended."""
    import asyncio

    from linkpool.cli.cloud_logs import tails_by
    from linkpool.cli.logs import tails
    from linkpool.cli.output import print_json
    from linkpool.cli.session import Session

    nodes = Session(url, token_file).run(lambda client: client.nodes())
    if config is None:
        found = tails(nodes, node, state or [Path(".linkpool/control")], lines)
    else:
        found = asyncio.run(tails_by(config, nodes, node, lines))
    if json:
        print_json({task: tail.splitlines() for task, tail in found.items()})
        return
    for task, tail in found.items():
        print(f"== {task}\n{tail}")
