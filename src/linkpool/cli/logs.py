"""Where the local engine keeps what replicas say, and the end of it.

Two control planes of one host have a state folder and an engine each, and a replica's log lies with the one
that started it: every folder is searched.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from linkpool.errors import Permanent
from linkpool.wire.api import NodeView


class NoLogs(Permanent):
    """There is nothing to show."""


def tails(nodes: Sequence[NodeView], wanted: str, states: Sequence[Path], lines: int) -> Mapping[str, str]:
    """The last lines of each replica's log, by task: of those that run, and the newest of each group that
    ended with something said. Raises NoLogs.
    """
    node = node_with_replicas(nodes, wanted)
    running: dict[str, str] = {replica.task: _tail(replica.task, states, lines) for replica in node.replicas}
    return running | _ended(running.keys(), states, lines)


def node_with_replicas(nodes: Sequence[NodeView], wanted: str) -> NodeView:
    """The node whose logs are wanted. Raises NoLogs."""
    node = next((node for node in nodes if node.id == wanted), None)
    if node is None:
        raise NoLogs(f"no node {wanted}; `linkpool node list` shows them")
    if not node.replicas:
        raise NoLogs(f"node {wanted} is {node.state} and has no replica; see the control plane's own log")
    return node


def _ended(running: Collection[str], states: Sequence[Path], lines: int) -> dict[str, str]:
    found = {}
    for group in {task.rpartition(".")[0] for task in running}:  # the local engine names tasks GROUP.NUMBER
        logs = [file for state in states for file in (state / "engine" / "logs").glob(f"{group}.*.log")]
        with suppress(FileNotFoundError):  # the engine clears old ones away
            ended = [file for file in logs if file.stem not in running and file.stat().st_size]
            if ended:
                newest = max(ended, key=lambda file: file.stat().st_mtime)
                found[newest.stem] = _tail(newest.stem, states, lines)
    return found


def _tail(task: str, states: Sequence[Path], lines: int) -> str:
    files = [state / "engine" / "logs" / f"{task}.log" for state in states]
    for file in files:
        if file.exists():
            return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    searched = ", ".join(str(file.parent) for file in files)
    return (
        f"(no {task}.log in {searched}; name the state folder of its control plane with --state, "
        "or where its engine is ecs its settings file with --config)"
    )
