"""Alarms as the API shows them."""

from datetime import datetime
from typing import Literal

from linkpool.wire.api import View


class AlarmView(View):
    """Something a person must look at. kind: explained in docs/operating.md; subject: what it is about."""

    kind: str
    subject: str
    severity: Literal["warning", "critical"]
    detail: str
    since: datetime


class AlarmList(View):
    """Those that are up, the longest standing first."""

    alarms: list[AlarmView]
