"""Durations as Go writes them: `1h30m`, `500ms`, `0`."""

import re

from linkpool.jobs.errors import BadValue, shown
from linkpool.jobs.values import Value

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)")


def seconds(value: Value) -> float:
    """Seconds of a duration. Raises BadValue without a unit, and below zero."""
    if value == "0":
        return 0.0
    if not isinstance(value, str) or not value or _PART.sub("", value):
        raise BadValue(f'{shown(value)} is not a duration like "15s", "500ms" or "1m30s"')
    return sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(value))
