"""What `linkpool node` shows, and how it reads an amount."""

from collections.abc import Sequence
from decimal import InvalidOperation

from linkpool.cli.output import facts, print_json, show, table
from linkpool.dev.table import node_row, nodes_table
from linkpool.errors import Permanent
from linkpool.units import Juels, link
from linkpool.units import show as amount
from linkpool.wire.api import NodeView


class BadAmount(Permanent):
    """Text that is no amount."""


def juels(text: str) -> Juels:
    """`"100.5"` LINK in juels. Raises BadAmount."""
    return Juels(_whole(text, "LINK", "100000 or 0.5"))


def wei(text: str) -> int:
    """`"0.5"` of the chain's coin in wei. Raises BadAmount."""
    return _whole(text, "the chain's coin", "2 or 0.5")


def _whole(text: str, unit: str, example: str) -> int:
    """Both have eighteen places."""
    try:
        made: int = link(text)
    except (ValueError, InvalidOperation, OverflowError):
        made = -1
    if made < 0:
        raise BadAmount(f"{text!r} is no amount of {unit}: write it like {example}")
    return made


def show_nodes(nodes: Sequence[NodeView], *, as_json: bool) -> None:
    """A node and its replicas a line each."""
    if as_json:
        print_json(nodes)
    else:
        show(nodes_table([node_row(node) for node in nodes]))


def show_one(node: NodeView, *, as_json: bool) -> None:
    """All that is known of it now."""
    if as_json:
        print_json(node)
        return
    replicas = table("replica", "colour", "state", "slot", "sender", "gas money", "head", "catalog", "health")
    for each in node.replicas:
        balance = None if each.balance is None else amount(int(each.balance))
        shown = (each.slot, each.sender, balance, each.head, each.catalog, each.health)
        replicas.add_row(
            each.task, each.colour, each.state, *("–" if one is None else str(one) for one in shown)
        )
    show(
        facts(
            {
                "node": node.id,
                "number": node.index,
                "state": f"{node.state}, since {node.changed_at:%Y-%m-%d %H:%M:%S}",
                "primary": node.primary,
                "wallet": node.wallet,
                "takes requests": "yes" if node.accepting else "no",
                "stake": _link(node.stake),
                "capacity": _link(node.capacity),
                "earned": _link(node.earned),
            }
        ),
        replicas,
    )


def _link(value: str | None) -> str | None:
    return None if value is None else f"{amount(int(value))} LINK"
