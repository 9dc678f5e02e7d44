"""What `linkpool status` sees and how it shows it, once or again and again."""

import asyncio
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from linkpool.api.client import Client, ControlTrouble, serving
from linkpool.cli.output import print_json, table
from linkpool.dev.table import node_row, nodes_table
from linkpool.wire.alarms import AlarmList, AlarmView
from linkpool.wire.api import NodeList, NodeView, View

LOUD = {"critical": "bold red", "warning": "yellow"}


class Status(View):
    """The fleet at one moment."""

    url: str
    nodes: list[NodeView]
    alarms: list[AlarmView]


async def look(client: Client) -> Status:
    """Ask for everything. Raises ControlTrouble, Refused."""
    nodes = NodeList.model_validate(await client.ask("GET", "/nodes")).nodes
    alarms = AlarmList.model_validate(await client.ask("GET", "/alarms")).alarms
    return Status(url=client.url, nodes=nodes, alarms=alarms)


def show(status: Status, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        print_json(status)
    else:
        Console().print(_screen(status))


async def keep_looking(client: Client, every: float, *, as_json: bool) -> None:
    """Show it every so many seconds, for ever; a control plane that is away is waited for. Raises Refused."""
    console = Console()
    last: Status | None = None
    with Live(console=console, auto_refresh=False, screen=console.is_terminal and not as_json) as live:
        while True:
            trouble = None
            try:
                last = await look(client)
            except ControlTrouble as error:
                trouble = str(error)
            if not as_json:
                live.update(_screen(last, trouble), refresh=True)
            elif trouble is None and last is not None:
                print_json(last)
            await asyncio.sleep(every)


def _screen(status: Status | None, trouble: str | None = None) -> RenderableType:
    parts: list[RenderableType] = []
    if status is not None:
        well = sum(serving(node) for node in status.nodes)
        title = f"{status.url} · {well} of {len(status.nodes)} nodes serve with two replicas"
        parts.append(nodes_table([node_row(node) for node in status.nodes], title=title))
        if status.alarms:
            parts.append(alarms_table(status.alarms))
    if trouble is not None:
        parts.append(Text(f"{trouble} (replicas serve on without it; asking again)", style="red"))
    return Group(*parts)


def alarms_table(alarms: Sequence[AlarmView]) -> Table:
    """An alarm a line, the longest standing first."""
    made = table("since", "alarm", "subject", "detail")
    for alarm in alarms:
        since = f"{alarm.since:%Y-%m-%d %H:%M:%S}"
        made.add_row(since, Text(alarm.kind, style=LOUD[alarm.severity]), alarm.subject, alarm.detail)
    return made
