"""Every invariant of the pool, each under its own name, held by a machine that does everything at random.

`LINKPOOL_FUZZ=1000` (`make fuzz`): a thousand times as many new examples; failures stay in `.hypothesis/`.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts import machine
from tests.contracts.invariants import INVARIANTS
from tests.support.examples import FRESH

FACTOR = int(os.environ.get("LINKPOOL_FUZZ", "1"))
"""Zero is for mutate.py: all invariants in one short run, without shrinking."""


def run(name: str, examples: int, check: Callable[[machine.PoolMachine], None], **more: Any) -> None:
    """Let a machine act, with `check` after every step."""

    class Held(machine.PoolMachine):
        def check(self) -> None:
            check(self)

    Held.__qualname__ = name
    if not FRESH:
        seed(name)(Held)  # so that each plays other examples than the next
    before = machine.calls
    profile = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )
    run_state_machine_as_test(Held, settings=profile)
    print(f"{name}: {machine.calls - before} calls")


@pytest.mark.skipif(FACTOR == 0, reason="mutate.py runs them all at once")
@pytest.mark.timeout(600 * max(FACTOR, 1))
@pytest.mark.parametrize("name", INVARIANTS)
def test_invariant(name: str) -> None:
    run(name, 5 * FACTOR, INVARIANTS[name])


@pytest.mark.timeout(600)
def test_all_invariants_together() -> None:
    def check(m: machine.PoolMachine) -> None:
        for held in INVARIANTS.values():
            held(m)

    more = {"phases": (Phase.generate,)} if FACTOR == 0 else {}
    run("together", 6 if FACTOR == 0 else 2 * FACTOR, check, **more)
