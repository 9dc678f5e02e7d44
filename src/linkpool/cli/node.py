"""`linkpool node` and `linkpool operation`: make nodes, see them, retire them, end stolen senders.

And see how far something asked for is.
"""

import sys
from typing import Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, NodeId, TokenFile, Url

app = typer.Typer(help="Make nodes, see them, retire them.", no_args_is_help=True)


@app.command("list")
def list_nodes(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """All nodes and their replicas."""
    from linkpool.cli.nodes import show_nodes
    from linkpool.cli.session import Session

    show_nodes(Session(url, token_file).run(lambda client: client.nodes()), as_json=json)


@app.command("show")
def show_node(
    node: NodeId, url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """One node: its replicas, senders, balances, and what it earned."""
    from linkpool.cli.nodes import show_one
    from linkpool.cli.session import Session

    show_one(Session(url, token_file).run(lambda client: client.node(node)), as_json=json)


@app.command()
def add(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    capacity: Annotated[
        str | None, typer.Option(help="LINK of active stake it takes; the pool's default without.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency-Key: the same command again makes no second node.")
    ] = None,
    json: AsJson = False,
    wait: Annotated[bool, typer.Option(help="Return when both replicas serve.")] = True,
) -> None:
    """One call makes a node: a wallet, gas money, two replicas; it adds itself to the pool."""
    from linkpool.api.client import NODE_SECONDS, until_serving
    from linkpool.api.client_growth import guard_warning, until_made
    from linkpool.cli.nodes import juels, show_nodes
    from linkpool.cli.session import Session

    session, wanted = Session(url, token_file), None if capacity is None else juels(capacity)
    if warning := session.run(guard_warning):
        print(warning, file=sys.stderr)
    made = session.run(lambda client: client.make_node(wanted, key=key))
    node = made.node
    if wait:
        session.run(lambda client: until_made(client, made, NODE_SECONDS))
        node = session.run(lambda client: until_serving(client, node.index, NODE_SECONDS))
    show_nodes([node], as_json=json)


@app.command()
def retire(
    node: NodeId,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    key: Annotated[str | None, typer.Option(help="Idempotency-Key.")] = None,
    json: AsJson = False,
    wait: Annotated[bool, typer.Option(help="Stay until it is retired; a day at most.")] = False,
) -> None:
    """Close a node to stake and requests, and retire it when nothing is open. Its stake may then move at
    once.

    Once it is closed on chain, only the pool's owner can undo it.
    """
    from linkpool.api import client_growth
    from linkpool.cli.output import facts, print_json, show
    from linkpool.cli.session import Session

    session = Session(url, token_file)
    found = session.run(lambda client: client_growth.retire(client, node, key=key))
    if wait:
        tell = print if not json else (lambda _detail: None)
        found = session.run(lambda client: client_growth.until_over(client, found, None, tell))
    if json:
        print_json(found)
    else:
        show(facts(found.model_dump()))


@app.command()
def revoke(
    node: NodeId,
    sender: Annotated[str, typer.Argument(help="The address of the sender whose key was stolen.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    key: Annotated[str | None, typer.Option(help="Idempotency-Key.")] = None,
    json: AsJson = False,
    wait: Annotated[bool, typer.Option(help="Return when the chain says that it is removed.")] = True,
) -> None:
    """End a stolen sender's authority on chain, for good: nothing it sends is taken as the node's any more.

    Its replica is replaced and takes another slot; a fresh sender is authorized in its place.
    """
    from linkpool.api import client_growth
    from linkpool.cli.output import facts, print_json, show
    from linkpool.cli.session import Session

    session = Session(url, token_file)
    found = session.run(lambda client: client_growth.revoke(client, node, sender, key=key))
    if wait:
        tell = print if not json else (lambda _detail: None)
        seconds = client_growth.REVOKE_SECONDS
        found = session.run(lambda client: client_growth.until_over(client, found, seconds, tell))
    if json:
        print_json(found)
    else:
        show(facts(found.model_dump()))


def operation(
    operation: Annotated[str, typer.Argument(help="Its id, as the call that began it answered.")],
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
) -> None:
    """How far something that was asked for is."""
    from linkpool.cli.output import facts, print_json, show
    from linkpool.cli.session import Session

    found = Session(url, token_file).run(lambda client: client.operation(operation))
    if json:
        print_json(found)
    else:
        show(facts(found.model_dump()))
