"""Every invariant of the pool, each under its own name, held by a machine that does everything at random.

`LINKPOOL_FUZZ=1000` runs a thousand times as many examples (`make fuzz`); failures stay in `.hypothesis/`.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts import machine
from tests.contracts.invariants import INVARIANTS

FACTOR = int(os.environ.get("LINKPOOL_FUZZ", "1"))
SETTINGS = settings(
    max_examples=12 * FACTOR,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.mark.timeout(600 * FACTOR)
@pytest.mark.parametrize("name", INVARIANTS)
def test_invariant(name: str) -> None:
    held = INVARIANTS[name]

    class Held(machine.PoolMachine):
        def check(self) -> None:
            held(self)

    Held.__qualname__ = name
    before = machine.calls
    run_state_machine_as_test(Held, settings=SETTINGS)
    print(f"{name}: {machine.calls - before} calls")
