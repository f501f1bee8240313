"""Days relative to today, in the tenant's time zone; worked out by the statement when it runs."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from evenhand import clock
from evenhand.tenancy.context import Actor
from evenhand_schema.errors import InvalidFilter
from evenhand_schema.reads.arguments import Leaf, Values
from evenhand_schema.reads.parameters import Parameters

ZONE = "(SELECT tenant.time_zone FROM tenants AS tenant WHERE tenant.id = $1)"
"""SQL of the tenant's time zone."""

MOST_DAYS = 36_500
_LENGTHS = {"day": "1 day", "week": "7 days", "month": "1 month", "quarter": "3 months", "year": "1 year"}
_SHIFTS = {"last": -1, "this": 0, "next": 1}

_NAMES = (
    "YESTERDAY",
    "TODAY",
    "TOMORROW",
    *(f"{shift}_{unit}".upper() for unit in ("week", "month", "quarter", "year") for shift in _SHIFTS),
)
_PERIODS: Any = Enum("Period", {name: name for name in _NAMES})  # type: ignore[misc]
Period: Any = strawberry.enum(
    _PERIODS,
    description="A period as the tenant's calendar has it now: days begin at its midnight, weeks on Monday.",
)


def _moment(actor: Actor, values: Values) -> datetime:
    return clock.now()


def period_condition(name: str, period: str, *, moments: bool, parameters: Parameters) -> str:
    """That a value lies in a period.

    Args:
        name: the SQL of the value.
        moments: whether it is a time; a day otherwise.
    """
    one_day = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
    if period in one_day:
        shift, unit = one_day[period], "day"
    else:
        word, unit = period.lower().split("_")
        shift = _SHIFTS[word]
    begin = f"date_trunc('{unit}', {_local(parameters)}) + {shift} * interval '{_LENGTHS[unit]}'"
    return _between(name, begin, f"{begin} + interval '{_LENGTHS[unit]}'", moments)


def days_condition(name: str, days: Leaf, *, back: bool, moments: bool, parameters: Parameters) -> str:
    """That a value lies in so many days, of which today is the last (`back`) or the first."""
    today = f"date_trunc('day', {_local(parameters)})"
    number = f"{parameters.add(days, _checked_days)}::int"
    if back:
        return _between(name, f"{today} - ({number} - 1) * interval '1 day'", f"{today} + interval '1 day'", moments)
    return _between(name, today, f"{today} + {number} * interval '1 day'", moments)


def _checked_days(days: int) -> int:
    if not 1 <= days <= MOST_DAYS:
        raise InvalidFilter(f"{days} days are out of range.", hint=f"Give 1 to {MOST_DAYS} days.")
    return days


def _local(parameters: Parameters) -> str:
    return f"({parameters.place(_moment)}::timestamptz AT TIME ZONE {ZONE})"


def _between(name: str, begin: str, end: str, moments: bool) -> str:
    # As sub-selects they are worked out once, and an index can be used.
    finish = f"AT TIME ZONE {ZONE}" if moments else "::date"
    return f"{name} >= (SELECT ({begin}) {finish}) AND {name} < (SELECT ({end}) {finish})"
