"""Days and working hours: when made-up things happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

YEARS = timedelta(days=730)


def stream(seed: int, *parts: str) -> Random:
    """A source of chance of its own for each part, so that one part's growth does not change the others."""
    return Random(":".join((str(seed), *parts)))  # noqa: S311 - made-up data, no secrets


@dataclass(frozen=True)
class Span:
    """The two years of a story: `first` to `last`, both included, in the tenant's time zone."""

    first: date
    last: date
    zone: ZoneInfo

    @classmethod
    def before(cls, reference: date, time_zone: str) -> Span:
        """The two years that end on the day before `reference`."""
        last = reference - timedelta(days=1)
        return cls(last - YEARS + timedelta(days=1), last, ZoneInfo(time_zone))

    def day(self, rng: Random, earliest: date | None = None, latest: date | None = None) -> date:
        """A day between two days, within the span; mostly a working day."""
        start = max(self.first, earliest or self.first)
        end = max(start, min(self.last, latest or self.last))
        day = start + timedelta(days=rng.randint(0, (end - start).days))
        if day.weekday() >= 5 and rng.random() < 0.9:
            day = max(start, min(end, day - timedelta(days=day.weekday() - 4)))
        return day

    def at(self, rng: Random, day: date) -> datetime:
        """A moment of working hours on that day, in UTC."""
        local = datetime.combine(day, time(9), self.zone) + timedelta(minutes=rng.randrange(9 * 60))
        return local.astimezone(UTC)

    def after(self, rng: Random, moment: datetime, days: int) -> datetime:
        """A moment some days after another (at most `days`), never before it and never after the span."""
        start = moment.astimezone(self.zone).date()
        found = self.at(rng, self.day(rng, start, start + timedelta(days=days)))
        return max(found, moment + timedelta(minutes=rng.randint(1, 20)))

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies on a day of the span."""
        return self.first <= self.local_day(moment) <= self.last

    def local_day(self, moment: datetime) -> date:
        """The tenant's calendar day of a moment."""
        return moment.astimezone(self.zone).date()
