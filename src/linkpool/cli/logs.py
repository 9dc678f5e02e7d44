"""Where the local engine keeps what replicas say, and the end of it.

Two control planes of one host have a state folder and an engine each, and a replica's log lies with the one
that started it: every folder is searched.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from linkpool.errors import Permanent
from linkpool.wire.api import NodeView


class NoLogs(Permanent):
    """There is nothing to show."""


def tails(nodes: Sequence[NodeView], wanted: str, states: Sequence[Path], lines: int) -> Mapping[str, str]:
    """The last lines of each replica's log, by task. Raises NoLogs."""
    node = next((node for node in nodes if node.id == wanted), None)
    if node is None:
        raise NoLogs(f"no node {wanted}; `linkpool node list` shows them")
    if not node.replicas:
        raise NoLogs(f"node {wanted} is {node.state} and has no replica; see the control plane's own log")
    return {replica.task: _tail(replica.task, states, lines) for replica in node.replicas}


def _tail(task: str, states: Sequence[Path], lines: int) -> str:
    files = [state / "engine" / "logs" / f"{task}.log" for state in states]
    for file in files:
        if file.exists():
            return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    searched = ", ".join(str(file.parent) for file in files)
    return (
        f"(no {task}.log in {searched}; name the state folder of the control plane that runs it with --state)"
    )
