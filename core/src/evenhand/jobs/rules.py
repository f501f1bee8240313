"""When cron expressions come round in a time zone. No I/O here."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterError

from evenhand.jobs.errors import InvalidCron

_FIELDS = 5
_HOUR = 1
_HINT = 'Use minute, hour, day, month and day of the week: "30 8 * * mon-fri" is 08:30 from Monday to Friday.'


def check_cron(cron: str) -> str:
    """The expression in its plain form.

    Raises:
        InvalidCron: it has not five fields, cannot be read, or never comes round.
    """
    fields = cron.split()
    plain = " ".join(fields)
    if len(fields) != _FIELDS or not croniter.is_valid(plain):
        raise InvalidCron(f"cron: {cron!r} names no times.", hint=_HINT)
    next_after(plain, ZoneInfo("UTC"), datetime(2026, 1, 1, tzinfo=UTC))
    return plain


def next_after(cron: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first moment after `after` (aware) that the expression names in the zone; aware UTC.

    When clocks are put forward, a time that is left out comes at the moment of the change. When they are put back, an
    expression that names its hours comes once, at the first of the two; one that means every hour, or every n-th,
    goes on as time does.

    Raises:
        InvalidCron: it cannot be read, or does not come round within years.
    """
    every_hour = cron.split()[_HOUR].startswith("*")
    try:
        times = croniter(cron, after.astimezone(zone))
        while True:
            found: datetime = times.get_next(datetime)
            repeated = found.fold == 1 and found.replace(fold=0).utcoffset() != found.utcoffset()
            if (every_hour or not repeated) and found > after:
                return found.astimezone(UTC)
    except (CroniterError, ValueError, IndexError) as error:
        raise InvalidCron(f"cron: {cron!r} names no times: {error}", hint=_HINT) from error
