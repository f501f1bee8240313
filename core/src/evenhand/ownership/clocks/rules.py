"""When a record is reclaimed: from what happened to it, the rule it falls under and the calendar. No I/O here.

Days are counted in the tenant's time zone. A clock of n days that begins on a day runs out when the n-th day after it
ends. No clock begins before its rule was in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from evenhand.ownership.clocks.calendars import Calendar

STAGE, DEAL = "stage", "deal"
"""Kinds of what happens besides the kinds of activities."""
CONTACT_KINDS = ("call", "email", "meeting", "visit", "message")
"""Kinds of activities that count when a rule names none; a note to oneself is no contact."""


class Clock(StrEnum):
    """By which clock a record is reclaimed."""

    PROTECTION = "protection"
    """The default protection ran out, and no activity refreshed it."""
    IDLE = "idle"
    """Nothing was done with the customer."""
    STAGE = "stage"
    """No deal made a step forward."""
    DEAL = "deal"
    """No deal was won."""
    MAXIMUM = "maximum"
    """Nobody holds a record longer, whatever happens."""
    PROTECTED = "protected"
    """The holder protects the record; then another clock had run out before."""
    EXTENDED = "extended"
    """More time was granted; another clock had run out before."""


@dataclass(frozen=True)
class ClockRule:
    """The part of a pool's rule that tells when a record goes back; None switches a clock off.

    Attributes:
        pool_id: the pool into which records go back.
        valid_from: the day from which the rule is in force.
        refresh: so many days of protection follow an activity of a kind.
        working_days: count working days only.
        warn_days, manager_warn_days: so many days before, holder and manager are warned.
    """

    id: UUID
    name: str
    pool_id: UUID
    valid_from: date | None = None
    protect_days: int | None = None
    idle_days: int | None = None
    stage_days: int | None = None
    deal_days: int | None = None
    max_days: int | None = None
    refresh: Mapping[str, int] = field(default_factory=dict)
    working_days: bool = False
    warn_days: Sequence[int] = ()
    manager_warn_days: Sequence[int] = ()

    @property
    def counted_kinds(self) -> tuple[str, ...]:
        """The kinds of activities that stop the idle clock: those that refresh, else every contact."""
        return tuple(sorted(self.refresh)) or CONTACT_KINDS

    @property
    def shortest(self) -> int | None:
        """The fewest days after which it can take a record; None when all its clocks are off."""
        given = (self.protect_days, self.idle_days, self.stage_days, self.deal_days, self.max_days)
        return min((days for days in given if days is not None), default=None)


@dataclass(frozen=True)
class Facts:
    """What happened to one record.

    Attributes:
        held_since: since when the present holder has it.
        last: when something last happened, by kind of activity, `STAGE` and `DEAL`.
        protected_until, extended_until: of the present holding.
    """

    held_since: datetime
    last: Mapping[str, datetime] = field(default_factory=dict)
    protected_until: datetime | None = None
    extended_until: datetime | None = None


@dataclass(frozen=True)
class Deadline:
    """When a record is reclaimed, and why.

    Attributes:
        at: from this moment on, aware UTC.
        clock: which clock runs out then.
        since: the day from which it counts.
        days: how many days it counts; None for what ends at a set moment.
        kinds: the kinds of activities that it counts from, if any.
        held: it counts from the day on which the holder got the record.
        begun: it counts from the day on which the rule came into force.
    """

    at: datetime
    clock: Clock
    rule: ClockRule
    since: date
    days: int | None = None
    kinds: tuple[str, ...] = ()
    held: bool = False
    begun: bool = False


def deadline_of(facts: Facts, rule: ClockRule, calendar: Calendar) -> Deadline | None:
    """When the rule reclaims a record; None when all its clocks are off.

    The earliest clock decides. A protection or an extension puts it off, but never beyond the maximum.
    """
    base = _Base.of(facts, rule, calendar)
    clocks = list(_clocks(facts, rule, calendar, base))
    maximum = base.after(Clock.MAXIMUM, rule.max_days, calendar)
    if not clocks and maximum is None:
        return None
    first = min(clocks, key=_at) if clocks else None
    if first is not None:
        first = _put_off(first, facts, calendar)
    given = [one for one in (first, maximum) if one is not None]
    return min(given, key=_at)


def due(deadline: Deadline | None, now: datetime) -> bool:
    """Whether the time has come."""
    return deadline is not None and deadline.at <= now


def _at(deadline: Deadline) -> datetime:
    return deadline.at


@dataclass(frozen=True)
class _Base:
    """Where the clocks of one record begin: when the holder got it, and not before the rule was in force."""

    rule: ClockRule
    day: date
    begun: bool

    @classmethod
    def of(cls, facts: Facts, rule: ClockRule, calendar: Calendar) -> _Base:
        held = calendar.day_of(facts.held_since)
        begun = rule.valid_from is not None and rule.valid_from > held
        return cls(rule, rule.valid_from if begun and rule.valid_from is not None else held, begun)

    def after(
        self,
        clock: Clock,
        days: int | None,
        calendar: Calendar,
        since: date | None = None,
        kinds: tuple[str, ...] = (),
    ) -> Deadline | None:
        """The end of a clock of so many days, from a day or from the beginning; None when it is off."""
        if days is None:
            return None
        from_fact = since is not None and since >= self.day
        day = since if since is not None and from_fact else self.day
        last = calendar.later(day, days, working=self.rule.working_days)
        return Deadline(
            calendar.end(last),
            clock,
            self.rule,
            day,
            days,
            kinds,
            held=not from_fact and not self.begun,
            begun=not from_fact and self.begun,
        )


def _clocks(facts: Facts, rule: ClockRule, calendar: Calendar, base: _Base) -> Iterable[Deadline]:
    kinds = rule.counted_kinds
    idle = base.after(Clock.IDLE, rule.idle_days, calendar, _last_day(facts, kinds, calendar), kinds)
    stage = base.after(Clock.STAGE, rule.stage_days, calendar, _last_day(facts, (STAGE,), calendar))
    deal = base.after(Clock.DEAL, rule.deal_days, calendar, _last_day(facts, (DEAL,), calendar))
    for one in (_protection(facts, rule, calendar, base), idle, stage, deal):
        if one is not None:
            yield one


def _protection(facts: Facts, rule: ClockRule, calendar: Calendar, base: _Base) -> Deadline | None:
    """The default protection, or what an activity made of it."""
    refreshing = tuple(sorted(rule.refresh))
    longest = base.after(Clock.PROTECTION, rule.protect_days, calendar, kinds=refreshing)
    if longest is None:
        return None
    for kind in refreshing:
        moment = facts.last.get(kind)
        if moment is None or moment < facts.held_since:
            continue
        day = calendar.day_of(moment)
        last = calendar.later(day, rule.refresh[kind], working=rule.working_days)
        if calendar.end(last) > longest.at:
            longest = Deadline(calendar.end(last), Clock.PROTECTION, rule, day, rule.refresh[kind], (kind,))
    return longest


def _last_day(facts: Facts, kinds: Sequence[str], calendar: Calendar) -> date | None:
    """The day on which something of these kinds last happened to the record under its present holder."""
    moments = [moment for kind in kinds if (moment := facts.last.get(kind)) and moment >= facts.held_since]
    return calendar.day_of(max(moments)) if moments else None


def _put_off(first: Deadline, facts: Facts, calendar: Calendar) -> Deadline:
    for clock, until in ((Clock.PROTECTED, facts.protected_until), (Clock.EXTENDED, facts.extended_until)):
        if until is not None and until > first.at:
            first = Deadline(until, clock, first.rule, calendar.day_of(facts.held_since))
    return first


__all__ = [
    "CONTACT_KINDS",
    "DEAL",
    "STAGE",
    "Clock",
    "ClockRule",
    "Deadline",
    "Facts",
    "deadline_of",
    "due",
]
