"""The live table of `make dev`: a node and its replicas, a row each, and what to try next.

`delay` is the median of blocks from a request to its answer. The whole fits a terminal of 80 columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linkpool.units import Juels, show
from linkpool.wire.api import NodeView, ReplicaView

COLOURS = {"serving": "green", "draining": "yellow", "gone": "red"}


@dataclass(frozen=True)
class ReplicaRow:
    """One replica, as the control plane sees it."""

    name: str
    state: str
    sender: str | None
    answered: int


@dataclass(frozen=True)
class NodeRow:
    """One node. `delay` is the median of blocks from request to answer, None before the first answer."""

    id: str
    state: str
    replicas: Sequence[ReplicaRow]
    answered: int
    open: int
    delay: float | None
    stake: Juels
    capacity: Juels


@dataclass(frozen=True)
class Snapshot:
    """Everything the table shows at one moment. `age` is seconds since `block` arrived."""

    block: int | None
    age: float
    nodes: Sequence[NodeRow]
    hints: Sequence[str]
    trouble: str | None = None


def short(address: str | None) -> str:
    """An address that fits a column: 0x1234…abcd; anything shorter as it is."""
    if not address:
        return "–"
    return f"{address[:6]}…{address[-4:]}" if len(address) > 12 else address


def node_row(
    node: NodeView, *, answered: int | None = None, open_now: int | None = None, delay: float | None = None
) -> NodeRow:
    """A node as the control plane shows it; figures from the chain where there are some."""
    replicas = [_replica(replica) for replica in node.replicas]
    return NodeRow(
        id=node.id or f"node {node.index}",
        state=node.state,
        replicas=replicas,
        answered=sum(replica.answered for replica in replicas) if answered is None else answered,
        open=max((replica.open for replica in node.replicas), default=0) if open_now is None else open_now,
        delay=delay,
        stake=Juels(int(node.stake or 0)),
        capacity=Juels(int(node.capacity)),
    )


def _replica(replica: ReplicaView) -> ReplicaRow:
    state = replica.state if replica.ready or replica.state != "serving" else "not ready"
    return ReplicaRow(replica.task, state, replica.sender, replica.answered)


def render(snapshot: Snapshot) -> RenderableType:
    """The whole screen."""
    parts: list[RenderableType] = [nodes_table(snapshot.nodes, title=_title(snapshot))]
    if snapshot.trouble:
        parts.append(Text(snapshot.trouble, style="red"))
    parts.extend(Text(hint, style="dim") for hint in snapshot.hints)
    return Group(*parts)


def nodes_table(nodes: Sequence[NodeRow], *, title: str | None = None) -> Table:
    """Nodes and their replicas."""
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, header_style="bold", padding=0
    )
    for name in ("node, replicas", "state", "sender"):
        table.add_column(name, no_wrap=True)
    for name in ("answered", "open", "delay", "stake (LINK)"):
        table.add_column(name, justify="right", no_wrap=True)
    for node in nodes:
        _add_node(table, node)
    return table


def _title(snapshot: Snapshot) -> str:
    if snapshot.block is None:
        return "LinkPool · waiting for the first block"
    behind = f" ({snapshot.age:.0f} s ago)" if snapshot.age > 3 else ""
    return f"LinkPool · block {snapshot.block}{behind}"


def _add_node(table: Table, node: NodeRow) -> None:
    delay = "–" if node.delay is None else f"{node.delay:g}"
    stake = f"{show(node.stake, 0)} of {show(node.capacity, 0)}"
    table.add_row(
        short(node.id),
        _state(node.state),
        "",
        str(node.answered),
        str(node.open),
        delay,
        stake,
        style="bold",
    )
    for replica in node.replicas:
        name = Text(f" {replica.name}", style="dim")
        table.add_row(name, _state(replica.state), short(replica.sender), str(replica.answered), "", "", "")
    table.add_section()


def _state(state: str) -> Text:
    return Text(state, style=COLOURS.get(state, "cyan"))
