"""When a cron job runs: `CRON_TZ=Europe/Paris 0 30 9 * * 1-5`, or `@every 1h30m`.

Ticks are whole seconds since 1970 and depend on nothing but the schedule, so every replica finds the same
ones.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from linkpool.jobs.durations import seconds
from linkpool.jobs.errors import BadValue

_ZONE = re.compile(r"(?:CRON_TZ|TZ)=(\S{1,64})\s+(.*)", re.DOTALL)
_WORDS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}


@dataclass(frozen=True)
class Schedule:
    """Six fields (second, minute, hour, day, month, weekday) in a time zone, or a fixed pause."""

    text: str
    fields: str = ""
    zone: str = "UTC"
    every: int = 0
    """Seconds between ticks, which are the multiples of it since 1970; 0 if `fields` decide."""

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def after(self, moment: float) -> int:
        """The first tick later than `moment`, both in seconds since 1970."""
        if self.every:
            return (int(moment // self.every) + 1) * self.every
        start = datetime.fromtimestamp(int(moment // 1), UTC)
        return int(next(CronSim(self.fields, start.astimezone(self._zone))).timestamp())


def parse(written: str) -> Schedule:
    """The schedule that a text writes. Raises BadValue."""
    text = written.strip()
    if text.startswith("@every "):
        every = seconds(text.removeprefix("@every ").strip())
        if every < 1 or every != int(every):
            raise BadValue(f"{text!r}: the pause must be whole seconds, at least one")
        return Schedule(text, every=int(every))
    zone, fields = "UTC", text
    if match := _ZONE.fullmatch(text):
        zone, fields = match[1], match[2].strip()
    fields = _WORDS.get(fields, fields).replace("?", "*")
    if len(fields.split()) != 6:
        raise BadValue(f"{text!r} needs six fields: second minute hour day month weekday; or @every 1h")
    schedule = Schedule(text, fields, zone)
    try:
        schedule.after(0)
    except (CronSimError, StopIteration) as error:
        raise BadValue(f"{text!r}: {str(error) or 'it never comes'}") from None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadValue(f"{text!r}: there is no time zone {zone}") from None
    return schedule
