"""Open files: every connection is one, and a process may have only so many."""

import resource

KEPT = 300
"""For everything else: the database, endpoints, who asks by HTTP, the engine."""


def room_for_connections(kept: int = KEPT) -> int:
    """How many connections this process can hold beside `kept` other files; it takes all that it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 1 << 20)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(hard - kept, 0)
