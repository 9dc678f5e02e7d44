"""Open files: every replica's line to a control plane is one, and a process may have only so many."""

import resource

KEPT = 300
"""For everything else: the database, endpoints, the API's callers, the engine."""


def room_for_lines() -> int:
    """How many lines this process can hold; it takes all the files that it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 1 << 20)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(hard - KEPT, 0)
