"""`linkpool upgrade`: move nodes to a release while they serve."""

from typing import Annotated

import typer

from linkpool.cli import completion
from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url


def upgrade(
    release: Annotated[str, typer.Option(help="The release to move to; `release add` makes one.")],
    node: Annotated[
        list[str] | None,
        typer.Option(help="A node's id; may be given again.", autocompletion=completion.nodes),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every node that serves.")] = False,
    wave: Annotated[int, typer.Option(min=1, max=100, help="Nodes at once, after the first one.")] = 4,
    within: Annotated[
        float, typer.Option(min=5, max=3_600, help="Seconds that new replicas have to be well.")
    ] = 180.0,
    wait: Annotated[bool, typer.Option(help="Stay until it is over, or stopped itself.")] = True,
    key: Annotated[
        str | None, typer.Option(help="Idempotency-Key: the same command again starts nothing twice.")
    ] = None,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """Move nodes to a release, without a request missed: one first, then in waves.

    Exits with 0 when all moved, else with 1. Ctrl-C ends the looking, not the rollout.
    """
    from linkpool.api.client_rollouts import start_rollout
    from linkpool.cli.rollouts import follow, show_one
    from linkpool.cli.session import Session
    from linkpool.wire.rollout import StartRollout

    if everything == bool(node):
        raise typer.BadParameter("name nodes with --node, or say --all: one of the two")
    wanted = StartRollout(release=release, nodes=node or [], all=everything, wave=wave, within=within)
    session = Session(url, token_file)
    rollout = session.run(lambda client: start_rollout(client, wanted, key=key)).rollout
    if wait:
        rollout = session.run(lambda client: follow(client, rollout, quiet=json))
    show_one(rollout, as_json=json)
    if wait and rollout.state != "done":
        raise typer.Exit(1)
