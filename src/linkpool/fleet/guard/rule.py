"""The guard's rule: blocked above the upper mark until below the lower one, and whenever nothing fresh is
known.

Shares count all of the pool's nodes, those on their way too, against the network's as read last. The number
that was read includes ours at that time, so growth since then makes the share too high rather than too low.
"""

from dataclasses import dataclass

from linkpool.wire.guard import GuardSettings, GuardState

FRESH = 86_400.0
"""Seconds for which a reading counts."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source said last. nodes: of the network; at: Unix seconds; blocked: what was so until now."""

    nodes: int | None = None
    at: float | None = None
    trouble: str | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows. allows: how many more nodes auto-scaling may make; None is any number."""

    state: GuardState
    why: str
    share: float | None
    allows: int | None


def blocked(settings: GuardSettings, reading: Reading, ours: int) -> bool:
    """Whether the share blocks now, given whether it did: between the marks nothing changes."""
    share = _share(reading, ours)
    if share is None:
        return reading.blocked
    return share > settings.upper or (reading.blocked and share >= settings.lower)


def judge(
    settings: GuardSettings | None,
    reading: Reading,
    *,
    ours: int,
    now: float,
    override_until: float | None = None,
) -> Verdict:
    """May auto-scaling grow? ours: the pool's nodes; now: Unix seconds."""
    if settings is None:
        return Verdict("off", "no guard is set", None, None)
    share = _share(reading, ours)
    why = _why(settings, reading, ours, now, share)
    if override_until is not None and override_until > now:
        return Verdict("overridden", why or "the guard would allow it too", share, None)
    if why is not None:
        return Verdict("blocked", why, share, 0)
    allows = int(settings.upper * (reading.nodes or 0)) - ours
    return Verdict("open", f"{ours} of {reading.nodes} nodes are ours", share, max(0, allows))


def _why(settings: GuardSettings, reading: Reading, ours: int, now: float, share: float | None) -> str | None:
    """Why growing is blocked; None when it is not."""
    if reading.at is None or share is None:
        return f"the number of nodes is not known: {reading.trouble or 'it was not read yet'}"
    person = settings.source.kind == "number"
    if not person and now - reading.at > FRESH:
        return f"the number of nodes is older than a day: {reading.trouble or 'it was not read since'}"
    if not person and reading.trouble is not None:
        return f"the source of the number of nodes fails: {reading.trouble}"
    if blocked(settings, reading, ours):
        above, below = f"above {settings.upper:.2%}", f"not below {settings.lower:.2%} yet"
        mark = above if share > settings.upper else below
        return f"{ours} of {reading.nodes} nodes are ours: {share:.2%}, {mark}"
    return None


def _share(reading: Reading, ours: int) -> float | None:
    return ours / reading.nodes if reading.nodes else None
