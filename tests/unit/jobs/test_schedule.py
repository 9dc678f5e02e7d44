"""Cron schedules and the ids of runs that no request names."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkpool.jobs import schedule
from linkpool.jobs.errors import BadValue
from linkpool.jobs.variables import for_tick, for_webhook, tick_id, webhook_id
from tests.support.jobs import job_of


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("written", "moment", "expected"),
    [
        ("0 0 * * * *", at("2026-01-01 00:00:00"), at("2026-01-01 01:00:00")),
        ("0 0 * * * *", at("2026-01-01 00:59:59.5"), at("2026-01-01 01:00:00")),
        ("*/15 * * * * *", at("2026-01-01 00:00:14"), at("2026-01-01 00:00:15")),
        ("*/15 * * * * *", at("2026-01-01 00:00:15"), at("2026-01-01 00:00:30")),
        ("0 30 9 * * MON-FRI", at("2026-01-02 10:00:00"), at("2026-01-05 09:30:00")),
        ("0 30 9 ? * 1", at("2026-01-02 10:00:00"), at("2026-01-05 09:30:00")),
        ("0 0 0 29 2 *", at("2026-03-01"), at("2028-02-29")),
        ("CRON_TZ=America/New_York 0 30 16 * * *", at("2026-06-01"), at("2026-06-01 20:30")),
        ("TZ=Asia/Tokyo 0 0 0 1 1 *", at("2026-06-01"), at("2027-01-01", "Asia/Tokyo")),
        ("@every 1h30m", at("1970-01-01 01:29:59"), at("1970-01-01 01:30:00")),
        ("@every 1h30m", at("1970-01-01 01:30:00"), at("1970-01-01 03:00:00")),
        ("@every 10s", 12.5, 20),
        ("@daily", at("2026-01-01 12:00"), at("2026-01-02")),
        ("@hourly", at("2026-01-01 12:00"), at("2026-01-01 13:00")),
        ("CRON_TZ=Europe/Paris @weekly", at("2026-01-01"), at("2026-01-04", "Europe/Paris")),
    ],
)
def test_the_next_tick(written: str, moment: float, expected: float) -> None:
    assert schedule.parse(written).after(moment) == expected


def test_the_day_that_summer_time_shortens() -> None:
    daily = schedule.parse("CRON_TZ=Europe/Paris 0 30 12 * * *")
    ticks = [daily.after(at("2026-03-26 12:00"))]
    for _ in range(3):
        ticks.append(daily.after(ticks[-1]))
    assert [later - earlier for earlier, later in pairwise(ticks)] == [86_400, 82_800, 86_400]
    assert {datetime.fromtimestamp(tick, ZoneInfo("Europe/Paris")).hour for tick in ticks} == {12}


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "* * * * *",
        "0 0 0 0 0 0 0",
        "60 * * * * *",
        "0 0 25 * * *",
        "0 0 0 30 2 *",
        "a b c d e f",
        "@every",
        "@every 0s",
        "@every 500ms",
        "@every 1.5s",
        "@every -1h",
        "@reboot",
        "CRON_TZ=Nowhere/City 0 0 0 * * *",
        "CRON_TZ=../../etc/passwd 0 0 0 * * *",
        "CRON_TZ=/etc/passwd 0 0 0 * * *",
        "*/0 * * * * *",
        "@every 1h 5",
    ],
)
def test_bad_schedules(bad: str) -> None:
    with pytest.raises(BadValue):
        schedule.parse(bad)


@given(
    st.floats(0, 4e9),
    st.sampled_from(["*/7 * * * * *", "0 5 4 * * *", "@every 7s", "TZ=Asia/Kolkata 0 0 9 * * 1"]),
)
def test_ticks_do_not_depend_on_when_one_asks(moment: float, written: str) -> None:
    """Every replica finds the same ticks: between a moment and its next tick, the next tick is the same."""
    plan = schedule.parse(written)
    tick = plan.after(moment)
    assert tick > moment
    assert plan.after((moment + tick) / 2) == tick
    assert plan.after(tick) > tick
    if not plan.every and "TZ" not in written:
        assert datetime.fromtimestamp(tick, UTC).microsecond == 0


def test_run_ids_are_the_same_everywhere_and_differ_where_they_must() -> None:
    job, other = (
        job_of("a [type=memo value=1]"),
        job_of("a [type=memo value=1]", externalJobID=f'"{"1" * 32}"'),
    )
    ids = {
        tick_id(job, 5),
        tick_id(job, 6),
        tick_id(other, 5),
        webhook_id(job, b"5"),
        webhook_id(job, b"5", nonce="1"),
        webhook_id(job, b"", nonce="5"),
        webhook_id(other, b"5"),
    }
    assert len(ids) == 7
    assert tick_id(job, 5) in ids
    assert all(len(run_id) == 64 for run_id in ids)


def test_variables_of_ticks_and_webhooks() -> None:
    job = job_of("a [type=memo value=1]", name='"daily"')
    tick = for_tick(job, chain_id=137, database_id=4)
    assert tick["jobSpec"] == {
        "databaseID": 4,
        "externalJobID": str(job.external_job_id),
        "name": "daily",
        "evmChainID": "137",
    }
    hook = for_webhook(job, b'{"a": "\xc3\xa9"}', {"who": "ci"}, chain_id=1)
    assert hook["jobRun"] == {"meta": {"who": "ci"}, "requestBody": '{"a": "é"}'}
