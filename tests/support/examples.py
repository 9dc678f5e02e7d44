"""Property tests: the same examples in every run, or, with LINKPOOL_FUZZ=10, ten times as many new ones.

Who lands a change is to be stopped by that change alone. New examples are for `make explore`; what they find
stays in `.hypothesis/` and is kept as an `@example` or as a test of its own.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

FUZZ = os.environ.get("LINKPOOL_FUZZ", "0")
FRESH = FUZZ != "0"
FACTOR = int(FUZZ) if FRESH else 1


def examples(count: int) -> int:
    """So many examples where nothing else is asked for."""
    return count * FACTOR


def load() -> None:
    """Make the profile all tests inherit. How fast a machine draws examples is no property of the code."""
    same = {} if FRESH else {"derandomize": True, "database": None}
    settings.register_profile(
        "linkpool",
        max_examples=examples(100),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
        **same,
    )
    settings.load_profile("linkpool")
    if not FRESH:
        draw_no_constants_of_loaded_modules()


def draw_no_constants_of_loaded_modules() -> None:
    """Hypothesis also draws constants of all sources loaded by then, so that it matters what ran before."""
    providers._get_local_constants = lambda: providers._local_constants
