"""`linkpool node`: make nodes, and see them."""

import json as jsonlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from linkpool.cli.options import DEFAULT_TOKEN_FILE, DEFAULT_URL, AsJson, TokenFile, Url

if TYPE_CHECKING:
    from linkpool.wire.api import NodeView

app = typer.Typer(help="Make nodes, and see them.", no_args_is_help=True)


@app.command("list")
def list_nodes(
    url: Url = DEFAULT_URL, token_file: TokenFile = DEFAULT_TOKEN_FILE, json: AsJson = False
) -> None:
    """All nodes and their replicas."""
    from linkpool.cli.session import Session

    nodes = Session(url, token_file).run(lambda control: control.nodes())
    _show(nodes, as_json=json)


@app.command()
def add(
    url: Url = DEFAULT_URL,
    token_file: TokenFile = DEFAULT_TOKEN_FILE,
    json: AsJson = False,
    wait: Annotated[bool, typer.Option(help="Return when both replicas serve.")] = True,
) -> None:
    """One call makes a node: a wallet, gas money, two replicas; it adds itself to the pool."""
    from linkpool.api.client import NODE_SECONDS, until_serving
    from linkpool.cli.session import Session

    session = Session(url, token_file)
    node = session.run(lambda control: control.make_node()).node
    if wait:
        node = session.run(lambda control: until_serving(control, node.index, NODE_SECONDS))
    _show([node], as_json=json)


def _show(nodes: "Sequence[NodeView]", *, as_json: bool) -> None:
    from rich.console import Console

    from linkpool.dev.table import node_row, nodes_table

    if as_json:
        print(jsonlib.dumps([node.model_dump(mode="json") for node in nodes]))
    else:
        Console().print(nodes_table([node_row(node) for node in nodes]))
