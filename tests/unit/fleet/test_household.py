"""A node's replicas: what a look for silence finds new."""

from linkpool.fleet.agents.household import Household
from linkpool.fleet.agents.roster import SILENT_AFTER, Seat
from linkpool.fleet.agents.sessions import Session
from linkpool.store.tables import Colour, NodeRow
from tests.support.line import Line


def household(*tasks: str) -> Household:
    """All of them were heard at second 0."""
    house = Household(NodeRow(index=1, primary=Colour.BLUE))
    for task in tasks:
        house.sessions[task] = Session(Line(), node=1, group="g", task=task, colour=Colour.BLUE)
    return house


def test_silence_is_news_once_and_so_is_its_end() -> None:
    house = household("a", "b")
    assert not house.fell_silent(SILENT_AFTER - 0.01)
    assert house.fell_silent(SILENT_AFTER)
    assert not house.fell_silent(SILENT_AFTER + 1)
    house.sessions["a"].heard_at = SILENT_AFTER + 1
    assert house.fell_silent(SILENT_AFTER + 1)
    assert not house.fell_silent(SILENT_AFTER + 2)


def test_one_that_falls_silent_as_another_speaks_again_is_news() -> None:
    house = household("a", "b")
    house.sessions["b"].heard_at = 1.0
    assert house.fell_silent(SILENT_AFTER)
    house.sessions["a"].heard_at = SILENT_AFTER + 1
    assert house.fell_silent(SILENT_AFTER + 1)


def test_who_is_presumed_no_more_is_news() -> None:
    house = household()
    house.presumed = {task: Seat(task, "0x", Colour.BLUE, True, 0.0) for task in ("a", "b")}
    assert not house.stop_presuming(lambda _task: False)
    assert house.stop_presuming(lambda task: task == "a")
    assert set(house.presumed) == {"b"}
    assert not house.stop_presuming(lambda task: task == "a")
