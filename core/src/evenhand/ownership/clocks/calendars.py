"""Which days are worked, and where a day begins. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_ONE = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True)
class SpecialDay:
    """A day that is worked, or not, although the week says otherwise.

    Attributes:
        country: where; everywhere when None.
    """

    day: date
    worked: bool
    country: str | None = None


@dataclass
class Calendar:
    """The days of a tenant: Monday to Friday are worked, but for special days.

    Attributes:
        zone: where the days begin.
    """

    zone: ZoneInfo
    special: dict[date, bool] = field(default_factory=dict)
    _later: dict[tuple[date, int, bool], date] = field(default_factory=dict)
    _begins: dict[date, datetime] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        """Whether people work on this day."""
        return self.special.get(day, day.weekday() < _SATURDAY)

    def later(self, day: date, days: int, *, working: bool) -> date:
        """The day that many days later, working days or all; the day itself for 0."""
        key = (day, days, working)
        found = self._later.get(key)
        if found is None:
            found = self._count(day, days) if working else day + timedelta(days=days)
            self._later[key] = found
        return found

    def _count(self, day: date, days: int) -> date:
        while days > 0:
            day += _ONE
            days -= self.is_working(day)
        return day

    def day_of(self, moment: datetime) -> date:
        """The day on which a moment lies."""
        return moment.astimezone(self.zone).date()

    def begin(self, day: date) -> datetime:
        """The moment at which a day begins, aware UTC."""
        found = self._begins.get(day)
        if found is None:
            found = datetime.combine(day, time(), self.zone).astimezone(UTC)
            self._begins[day] = found
        return found

    def end(self, day: date) -> datetime:
        """The moment at which a day ends: the next one's beginning."""
        return self.begin(day + _ONE)


class Calendars:
    """The calendars of a tenant by country."""

    def __init__(self, zone: ZoneInfo, special: Iterable[SpecialDay] = ()) -> None:
        self.zone = zone
        self._special = list(special)
        self._by_country: dict[str | None, Calendar] = {}

    def of(self, country: str | None) -> Calendar:
        """The calendar of a country: days that count everywhere, over them those of the country."""
        found = self._by_country.get(country)
        if found is None:
            days = {one.day: one.worked for one in self._special if one.country is None}
            days |= {one.day: one.worked for one in self._special if one.country == country}
            found = self._by_country[country] = Calendar(self.zone, days)
        return found
