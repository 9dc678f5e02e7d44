"""The live table: everything fits 80 columns and says what it does not know."""

import io

import pytest
from rich.console import Console

from linkpool.dev.table import NodeRow, ReplicaRow, Snapshot, node_row, render, short
from linkpool.units import Juels, link
from linkpool.wire.api import NodeView

ORACLE = "0xc18E6E5648eB8e4aC1c38947d0c11916bC918712"
SENDER = "0xD2F9b7869cC428d8e3d594BC2F2991a40B0451B5"


def shown(snapshot: Snapshot, width: int = 80) -> str:
    """As a terminal of that width shows it, blanks at line ends removed."""
    paper = io.StringIO()
    Console(file=paper, width=width).print(render(snapshot))
    return "\n".join(line.rstrip() for line in paper.getvalue().splitlines())


def row(**changes: object) -> NodeRow:
    values: dict[str, object] = {
        "id": ORACLE,
        "state": "serving",
        "replicas": [ReplicaRow("n1-blue.1b4bfc0c", "serving", SENDER, 17)],
        "answered": 30,
        "open": 2,
        "delay": 1.5,
        "stake": link(1000),
        "capacity": link(100_000),
    }
    return NodeRow(**{**values, **changes})  # type: ignore[arg-type]  # each value has its field's type


def snapshot(*nodes: NodeRow, **changes: object) -> Snapshot:
    values: dict[str, object] = {
        "block": 12,
        "age": 0.2,
        "nodes": nodes,
        "hints": ["Ctrl-C stops everything."],
    }
    return Snapshot(**{**values, **changes})  # type: ignore[arg-type]  # each value has its field's type


def test_a_node_and_its_replicas() -> None:
    text = shown(snapshot(row()))
    assert "LinkPool · block 12\n" in text
    node = next(line for line in text.splitlines() if "0xc18E…8712" in line)
    assert node.split() == ["0xc18E…8712", "serving", "30", "2", "1.5", "1,000", "of", "100,000"]
    replica = next(line for line in text.splitlines() if "n1-blue" in line)
    assert replica.split() == ["n1-blue.1b4bfc0c", "serving", "0xD2F9…51B5", "17"]
    assert text.endswith("Ctrl-C stops everything.")


def test_what_is_not_known_is_a_dash() -> None:
    text = shown(snapshot(row(delay=None, replicas=[ReplicaRow("new", "claiming", None, 0)]), block=None))
    assert "waiting for the first block" in text
    assert [line.split()[4] for line in text.splitlines() if "0xc18E" in line] == ["–"]
    assert [line.split() for line in text.splitlines() if "new" in line] == [["new", "claiming", "–", "0"]]


def test_nothing_at_all() -> None:
    assert "node, replicas" in shown(snapshot())


@pytest.mark.parametrize(("age", "said"), [(3.0, ""), (3.6, " (4 s ago)"), (7200.0, " (7200 s ago)")])
def test_a_block_that_is_old_says_so(age: float, said: str) -> None:
    assert shown(snapshot(age=age)).splitlines()[0] == f"LinkPool · block 12{said}"


def test_the_widest_row_of_a_pool_of_99_nodes_is_shown_whole() -> None:
    wide = row(
        answered=12_345_678,
        open=1234,
        delay=123.5,
        stake=Juels(link(100_000) - 1),
        replicas=[ReplicaRow("n99-green.1b4bfc0c", "not ready", SENDER, 12_345_678)],
    )
    text = shown(snapshot(wide, block=10**9))
    assert "…" not in text.replace("0xc18E…8712", "").replace("0xD2F9…51B5", "")
    assert "99,999 of 100,000" in text, "rounded toward zero: never more than there is"


def test_what_does_not_fit_at_all_breaks_no_line() -> None:
    huge = row(answered=10**20, open=10**12, delay=12345.5, stake=link(10**12), capacity=link(10**12))
    assert max(map(len, shown(snapshot(huge, block=10**9)).splitlines())) <= 80


def test_markup_in_what_others_say_is_text() -> None:
    text = shown(snapshot(row(), trouble="[red]GET /nodes[/red] [/]: no", hints=["a [bold]hint"]))
    assert "[red]GET /nodes[/red] [/]: no" in text
    assert "a [bold]hint" in text


@pytest.mark.parametrize(
    ("address", "fits"), [(None, "–"), ("", "–"), ("node 7", "node 7"), (SENDER, "0xD2F9…51B5")]
)
def test_addresses_that_fit(address: str | None, fits: str) -> None:
    assert short(address) == fits


VIEW = NodeView.model_validate(
    {
        "id": None,
        "index": 3,
        "wallet": None,
        "state": "started",
        "capacity": "100000000000000000000000",
        "stake": None,
        "earned": None,
        "accepting": False,
        "primary": "blue",
        "made_at": 0,
        "changed_at": 0,
        "replicas": [
            {
                "task": task,
                "colour": "blue",
                "release": "1",
                "slot": None,
                "sender": None,
                "state": "serving",
                "ready": ready,
                "in_roster": False,
                "head": None,
                "catalog": 0,
                "open": waiting,
                "answered": 4,
                "balance": None,
                "pid": None,
                "health": None,
                "heard_seconds_ago": None,
            }
            for task, ready, waiting in (("a", True, 1), ("b", False, 3))
        ],
    }
)


def test_a_node_that_is_not_registered_yet() -> None:
    made = node_row(VIEW)
    assert (made.id, made.stake, made.capacity, made.delay) == ("node 3", 0, link(100_000), None)
    assert (made.answered, made.open) == (8, 3), "what replicas say, as long as the chain says nothing"
    assert [replica.state for replica in made.replicas] == ["serving", "not ready"]


def test_the_chain_s_figures_outrank_the_replicas() -> None:
    made = node_row(VIEW, answered=0, open_now=0, delay=2.0)
    assert (made.answered, made.open, made.delay) == (0, 0, 2.0)
