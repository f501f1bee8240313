"""When schedules come round: also on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.jobs.errors import InvalidCron
from evenhand.jobs.rules import check_cron, next_after

FIRST, LAST = datetime(2024, 1, 1), datetime(2030, 1, 1)  # noqa: DTZ001
BERLIN, NEW_YORK, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Shanghai")


def times(cron: str, zone: ZoneInfo, after: datetime, count: int) -> list[str]:
    """The next `count` moments in UTC, each found from the one before."""
    found = []
    for _ in range(count):
        after = next_after(cron, zone, after)
        found.append(after.strftime("%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "start", "expected"),
    [
        # 02:30 is left out on 28 March: the moment of the change, then 02:30 again.
        ("30 2 * * *", BERLIN, "2027-3-26 2", ["03-27 01:30", "03-28 01:00", "03-29 00:30"]),
        ("30 2 * * *", NEW_YORK, "2027-3-13 0", ["03-13 07:30", "03-14 07:00", "03-15 06:30"]),
        # 02:30 is there twice on 25 October: once, at the first.
        ("30 2 * * *", BERLIN, "2026-10-24 0", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
        ("30 1 * * *", NEW_YORK, "2026-10-31 0", ["10-31 05:30", "11-01 05:30", "11-02 06:30"]),
        # What comes every hour goes on as time does.
        ("15 * * * *", BERLIN, "2026-10-24 23", ["10-24 23:15", "10-25 00:15", "10-25 01:15", "10-25 02:15"]),
        ("0 */2 * * *", SHANGHAI, "2026-1-1 0", ["01-01 02:00", "01-01 04:00"]),
        ("0 9 * * mon-fri", SHANGHAI, "2026-1-2 2", ["01-05 01:00", "01-06 01:00"]),
        ("0 0 29 2 *", SHANGHAI, "2026-1-1 0", ["02-28 16:00"]),
    ],
)
def test_times_of_the_tenants_calendar(cron: str, zone: ZoneInfo, start: str, expected: list[str]) -> None:
    assert times(cron, zone, datetime.strptime(f"{start} +0000", "%Y-%m-%d %H %z"), len(expected)) == expected


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    start=st.datetimes(FIRST, LAST),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "UTC"]),
)
def test_a_daily_time_comes_once_a_day(minute: int, hour: int, start: datetime, zone: str) -> None:
    moment, days = start.replace(tzinfo=UTC), []
    for _ in range(5):
        later = next_after(f"{minute} {hour} * * *", ZoneInfo(zone), moment)
        assert timedelta() < later - moment <= timedelta(hours=26)
        moment = later
        days.append(later.astimezone(ZoneInfo(zone)).date())
    assert [day - days[0] for day in days] == [timedelta(days=number) for number in range(5)]


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "61 * * * *", "0 0 30 2 *", "@daily", "0 0 * * * *", "now", "a b c d e"]
)
def test_what_names_no_times_is_refused(cron: str) -> None:
    with pytest.raises(InvalidCron):
        check_cron(cron)


def test_expressions_are_kept_plain() -> None:
    assert check_cron("  30   8 * *  mon-fri ") == "30 8 * * mon-fri"
