"""A look that stays: a line per change, through a restart of the control plane, until a person is needed."""

from collections.abc import Iterator
from typing import Any

import pytest

from linkpool.api.client import ControlTrouble
from linkpool.cli import rollouts
from linkpool.cli.rollouts import follow, show_one
from linkpool.wire.rollout import RolloutView


def view(state: str, *moves: tuple[str, str], detail: str = "") -> RolloutView:
    return RolloutView.model_validate(
        {
            "id": "1",
            "operation": "2",
            "release": "next",
            "all": True,
            "wave": 2,
            "within": 60,
            "state": state,
            "detail": detail,
            "made_at": "2026-01-01T00:00:00Z",
            "changed_at": "2026-01-01T00:00:00Z",
            "moves": [
                {
                    "node": f"0x{index}",
                    "index": index,
                    "state": where,
                    "colour": "green",
                    "wave": 1,
                    "detail": why,
                    "seconds": {"waiting": 5.0, "proving": 2.0} if where == "done" else {},
                }
                for index, (where, why) in enumerate(moves)
            ],
        }
    )


class Told:
    """A control plane that shows one look after the other; where there is none, it does not answer."""

    def __init__(self, *looks: RolloutView | None) -> None:
        self._looks: Iterator[RolloutView | None] = iter(looks)

    async def ask(self, _method: str, _path: str) -> Any:
        look = next(self._looks)
        if look is None:
            raise ControlTrouble("it restarts")
        return look.model_dump()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "EVERY", 0.0)


async def test_every_change_is_a_line_and_the_same_again_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    proving = view("running", ("proving", "1 of 2 serve"), ("waiting", ""))
    client = Told(proving, None, proving, view("done", ("done", ""), ("skipped", "it runs this release")))
    ended = await follow(client, view("running", ("waiting", ""), ("waiting", "")), quiet=False)
    assert ended.state == "done"
    assert capsys.readouterr().out.splitlines() == [
        "rollout 1 running",
        "node 0x0 waiting",
        "node 0x1 waiting",
        "node 0x0 proving: 1 of 2 serve",
        "rollout 1 done",
        "node 0x0 done",
        "node 0x1 skipped: it runs this release",
    ]


async def test_one_that_stopped_is_left_once_nothing_is_in_flight(capsys: pytest.CaptureFixture[str]) -> None:
    client = Told(
        view("stopped", ("returned", "bad"), ("primary", ""), ("waiting", "")),
        view("stopped", ("returned", "bad"), ("done", ""), ("waiting", "")),
    )
    ended = await follow(client, view("running", ("proving", "")), quiet=True)
    assert [move.state for move in ended.moves] == ["returned", "done", "waiting"]
    assert capsys.readouterr().out == ""


def test_seconds_of_a_node_are_without_the_wait_for_its_wave(capsys: pytest.CaptureFixture[str]) -> None:
    show_one(view("done", ("done", "")), as_json=False)
    row = next(line for line in capsys.readouterr().out.splitlines() if "0x0" in line)
    assert row.split() == ["0x0", "1", "done", "2.0"]
    show_one(view("done", ("done", "")), as_json=True)
    assert RolloutView.model_validate_json(capsys.readouterr().out) == view("done", ("done", ""))
