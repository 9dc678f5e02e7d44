"""When the proof of `linkpool dev --check` holds, and how it is shown."""

from dataclasses import replace

import pytest

from linkpool.dev.check import Proof

GOOD = Proof(30, 0, 0, 1.0, 0.98612, 0.9084, 2.3007)


@pytest.mark.parametrize(
    ("proof", "holds"),
    [
        (GOOD, True),
        (replace(GOOD, missed=1), False),
        (replace(GOOD, paid_twice=1), False),
        (replace(GOOD, replaced_s=None), False),
        (replace(GOOD, takeover_s=None), True),  # the dead one may have had no request of its own
        (replace(GOOD, median_delay_blocks=None), True),
    ],
)
def test_when_it_holds(proof: Proof, holds: bool) -> None:
    assert proof.holds is holds


def test_times_are_shown_to_the_millisecond_and_names_are_the_design_s() -> None:
    assert GOOD.values() == {
        "answered": 30,
        "missed": 0,
        "paid_twice": 0,
        "median_delay_blocks": 1.0,
        "takeover_s": 0.986,
        "replaced_s": 0.908,
        "registered_after_s": 2.301,
    }
