"""What is avoided: exactly what was in hand at two deaths, and not for ever."""

from linkpool.fleet.agents.poison import FORGET_AFTER, Poison


def die(poison: Poison, task: str, *runs: str, node: int = 1, now: float = 0.0) -> None:
    poison.holds(task, node, runs)
    poison.bury(set(), now)


def test_two_deaths_with_the_same_run_in_hand_make_it_poison_for_that_node() -> None:
    poison = Poison()
    die(poison, "a", "r1", "r2")
    assert poison.avoid(1) == ()
    die(poison, "b", "r2", "r3")
    assert poison.avoid(1) == ("r2",)
    assert poison.avoid(2) == ()


def test_deaths_of_two_nodes_are_not_added_up() -> None:
    poison = Poison()
    die(poison, "a", "r1", node=1)
    die(poison, "b", "r1", node=2)
    assert (poison.avoid(1), poison.avoid(2)) == ((), ())


def test_a_goodbye_and_a_lost_line_are_no_deaths() -> None:
    poison = Poison()
    for task in ("a", "b"):
        poison.holds(task, 1, ["r1"])
        poison.bury({"a", "b"}, 0.0)  # the engine still reports it
        poison.ended(task)
        poison.bury(set(), 0.0)
    assert poison.avoid(1) == ()


def test_only_what_is_in_hand_at_the_end_counts() -> None:
    poison = Poison()
    for task in ("a", "b"):
        poison.holds(task, 1, ["r1"])
        poison.holds(task, 1, [])
        poison.bury(set(), 0.0)
    assert poison.avoid(1) == ()


def test_it_is_forgotten_after_a_while() -> None:
    poison = Poison()
    die(poison, "a", "r1")
    die(poison, "b", "r1", now=5.0)
    poison.bury(set(), 5.0 + FORGET_AFTER)
    assert poison.avoid(1) == ("r1",)
    poison.bury(set(), 6.0 + FORGET_AFTER)
    assert poison.avoid(1) == ()
