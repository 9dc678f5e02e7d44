"""The live table of `make dev`: a node per block of rows, a replica per row, and what to try next."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linkpool.units import Juels, show

COLOURS = {"serving": "green", "draining": "yellow", "gone": "red"}


@dataclass(frozen=True)
class ReplicaRow:
    """One replica, as the control plane sees it."""

    name: str
    state: str
    slot: int | None
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
    """An address that fits a column: 0x1234…abcd."""
    return f"{address[:6]}…{address[-4:]}" if address else "–"


def render(snapshot: Snapshot) -> RenderableType:
    """The whole screen."""
    table = Table(title=_title(snapshot), title_justify="left", expand=False, header_style="bold")
    for name in ("node", "replica", "state", "sender"):
        table.add_column(name, no_wrap=True)
    for name in ("answered", "open", "delay (blocks)", "stake (LINK)"):
        table.add_column(name, justify="right", no_wrap=True)
    for node in snapshot.nodes:
        _add_node(table, node)
    parts: list[RenderableType] = [table]
    if snapshot.trouble:
        parts.append(Text(snapshot.trouble, style="red"))
    parts.extend(Text(hint, style="dim") for hint in snapshot.hints)
    return Group(*parts)


def _title(snapshot: Snapshot) -> str:
    if snapshot.block is None:
        return "LinkPool · waiting for the first block"
    behind = f" ({snapshot.age:.0f} s ago)" if snapshot.age > 3 else ""
    return f"LinkPool · block {snapshot.block}{behind}"


def _add_node(table: Table, node: NodeRow) -> None:
    delay = "–" if node.delay is None else f"{node.delay:g}"
    stake = f"{show(node.stake, 2)} of {show(node.capacity, 0)}"
    table.add_row(
        short(node.id),
        "",
        _state(node.state),
        "",
        str(node.answered),
        str(node.open),
        delay,
        stake,
        style="bold",
    )
    for replica in node.replicas:
        sender = short(replica.sender) if replica.slot is None else f"{replica.slot}: {short(replica.sender)}"
        table.add_row("", replica.name, _state(replica.state), sender, str(replica.answered), "", "", "")
    table.add_section()


def _state(state: str) -> Text:
    return Text(state, style=COLOURS.get(state, "cyan"))
