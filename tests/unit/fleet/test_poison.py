"""Who is suspected, who is acquitted and who is convicted; and nobody is for ever."""

import pytest
from pydantic import SecretStr

from linkpool.fleet.agents.poison import FORGET_AFTER, TOGETHER, Poison
from linkpool.wire.agent import Heartbeat, Hello, State

pytestmark = pytest.mark.unit


def beat(*in_hand: str, trying: tuple[str, ...] = (), alone: bool = True) -> Heartbeat:
    alone = alone and bool(trying)
    return Heartbeat(state=State.SERVING, ready=True, in_hand=(*in_hand, *trying), trying=trying, alone=alone)


def die(poison: Poison, task: str, *runs: str, node: int = 1, now: float = 0.0) -> None:
    """A replica dies with these runs in hand."""
    poison.holds(task, node, beat(*runs))
    poison.bury(set(), set(), now)


def suspected(*runs: str) -> Poison:
    """Two died with these in hand; a sibling of node 1 lives."""
    poison = Poison()
    for task in ("a", "b"):
        die(poison, task, *runs)
    poison.holds("sibling", 1, beat())
    return poison


def dies_trying(poison: Poison, *runs: str, beside: str = "", heard: bool = True) -> None:
    """A replica dies that tries these; its sibling lives and, unless not `heard`, says so."""
    poison.holds("victim", 1, beat(*filter(None, [beside]), trying=runs, alone=not beside))
    poison.bury({"sibling"}, {"sibling"} if heard else set(), 1.0)


def test_two_deaths_with_the_same_run_in_hand_make_it_a_suspect_of_that_node() -> None:
    poison = Poison()
    die(poison, "a", "r1", "r2")
    assert poison.suspects(1) == ()
    die(poison, "b", "r2", "r3")
    assert (poison.suspects(1), poison.suspects(2)) == (("r2",), ())
    assert poison.avoid(1) == ()


def test_however_many_die_with_it_in_hand_nothing_is_convicted_untried() -> None:
    poison = Poison()
    for task in range(20):
        die(poison, str(task), "r1", "r2")
    assert (poison.suspects(1), poison.avoid(1)) == (("r1", "r2"), ())


def test_deaths_of_two_nodes_are_not_added_up() -> None:
    poison = Poison()
    die(poison, "a", "r1", node=1)
    die(poison, "b", "r1", node=2)
    assert (poison.suspects(1), poison.suspects(2)) == ((), ())


def test_who_dies_twice_of_what_it_tries_alone_convicts_it() -> None:
    poison = suspected("r1", "r2")
    dies_trying(poison, "r1")
    assert poison.suspects(1) == ("r2", "r1"), "what was struck goes last"
    dies_trying(poison, "r1")
    assert (poison.avoid(1), poison.suspects(1)) == (("r1",), ("r2",))


def test_what_is_on_its_way_to_the_chain_meanwhile_is_not_blamed() -> None:
    poison = suspected("r1")
    for _ in range(2):
        poison.holds("victim", 1, beat("sent", trying=("r1",)))
        poison.bury({"sibling"}, {"sibling"}, 1.0)
    assert (poison.avoid(1), poison.suspects(1)) == (("r1",), ())


@pytest.mark.parametrize(
    "circumstances", [{"heard": False}, {"beside": "another"}], ids=["the sibling went too", "not alone"]
)
def test_a_death_that_something_else_explains_convicts_nobody(circumstances: dict[str, object]) -> None:
    poison = suspected("r1")
    for _ in range(5):
        dies_trying(poison, "r1", **circumstances)  # type: ignore[arg-type] - of the names above
    assert poison.avoid(1) == ()
    assert "r1" in poison.suspects(1)


def test_both_dead_at_once_convicts_neither_of_what_they_tried() -> None:
    poison = suspected("r1", "r2")
    for _ in range(5):
        poison.holds("a", 1, beat(trying=("r1",)))
        poison.holds("b", 1, beat(trying=("r2",)))
        poison.bury({"sibling"}, set(), 1.0)
    assert poison.avoid(1) == ()


def test_one_found_dead_right_after_the_other_convicts_nothing_either() -> None:
    poison = suspected("r1", "r2")
    for turn in range(5):
        poison.holds("a", 1, beat(trying=("r1",)))
        poison.holds("sibling", 1, beat(trying=("r2",)))
        poison.bury({"sibling"}, set(), 100.0 * turn)
        poison.bury(set(), set(), 100.0 * turn + 1)
    assert poison.avoid(1) == ()


def test_a_lone_replica_that_dies_of_it_convicts_too() -> None:
    poison = Poison()
    for task in ("a", "b"):
        die(poison, task, "r1")
    for turn, task in enumerate(("c", "d"), 1):
        poison.holds(task, 1, beat(trying=("r1",)))
        poison.bury(set(), set(), turn * TOGETHER)
    assert poison.avoid(1) == ("r1",)


def test_several_tried_together_stay_suspects_and_go_first() -> None:
    poison = suspected("r1", "r2", "r3")
    dies_trying(poison, "r2", "r3")
    assert (poison.suspects(1), poison.avoid(1)) == (("r2", "r3", "r1"), ())


def test_a_trial_that_ends_acquits() -> None:
    poison = suspected("r1", "r2")
    assert not poison.holds("sibling", 1, beat(trying=("r1",)))
    assert poison.holds("sibling", 1, beat("r1", trying=("r2",)))
    assert poison.suspects(1) == ("r2",)


def test_a_goodbye_and_a_lost_line_are_no_deaths() -> None:
    poison = Poison()
    for task in ("a", "b"):
        poison.holds(task, 1, beat("r1"))
        poison.bury({"a", "b"}, set(), 0.0)  # the engine still reports it
        poison.ended(task)
        poison.bury(set(), set(), 0.0)
    assert poison.suspects(1) == ()


def test_only_what_is_in_hand_at_the_end_counts() -> None:
    poison = Poison()
    for task in ("a", "b"):
        poison.holds(task, 1, beat("r1"))
        poison.holds(task, 1, beat())
        poison.bury(set(), set(), 0.0)
    assert poison.suspects(1) == ()


def test_a_new_leader_goes_on_with_what_replicas_were_told() -> None:
    poison = Poison()
    told = Hello(group="g", task="sibling", token=SecretStr("token"), avoid=("bad",), suspects=("r1", "r2"))
    poison.recall(1, told, 0.0)
    assert (poison.suspects(1), poison.avoid(1)) == (("r1", "r2"), ("bad",))
    assert (poison.suspects(2), poison.avoid(2)) == ((), ())
    poison.holds("sibling", 1, beat())
    dies_trying(poison, "r1")
    poison.recall(1, told, 1.0)
    assert poison.suspects(1) == ("r2", "r1")
    dies_trying(poison, "r1")
    assert (poison.suspects(1), poison.avoid(1)) == (("r2",), ("bad", "r1"))
    poison.bury({"sibling"}, {"sibling"}, FORGET_AFTER + 2)
    assert (poison.suspects(1), poison.avoid(1)) == ((), ())


def test_it_is_forgotten_after_a_while() -> None:
    poison = suspected("r1")
    dies_trying(poison, "r1")
    poison.bury({"sibling"}, set(), 1.0 + FORGET_AFTER)
    assert poison.suspects(1) == ("r1",)
    poison.bury({"sibling"}, set(), 2.0 + FORGET_AFTER)
    assert poison.suspects(1) == ()
