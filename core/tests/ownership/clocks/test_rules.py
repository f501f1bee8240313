"""Deadlines: the earliest clock, put off by protection, never beyond the maximum."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from evenhand.ownership.clocks.calendars import Calendar, Calendars, SpecialDay
from evenhand.ownership.clocks.rules import Clock, ClockRule, Facts, deadline_of, due
from evenhand.ownership.clocks.wording import explain

POOL = UUID(int=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def rule(**given: Any) -> ClockRule:
    return ClockRule(UUID(int=2), "A customers", POOL, **given)


def at(day: str, hour: int = 12, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=zone).astimezone(UTC)


def facts(held: str, **last: str) -> Facts:
    return Facts(at(held), {kind: at(day) for kind, day in last.items()})


def last_day(deadline: Any, calendar: Calendar) -> date:
    """The last day on which the record is still the holder's."""
    assert deadline is not None
    return calendar.day_of(deadline.at - timedelta(microseconds=1))


def test_a_clock_of_n_days_ends_with_the_nth_day() -> None:
    calendar = Calendar(SHANGHAI)
    found = deadline_of(facts("2026-10-02"), rule(idle_days=3), calendar)
    assert found is not None
    assert found.at == at("2026-10-06", 0)
    assert not due(found, at("2026-10-05", 23))
    assert due(found, at("2026-10-06", 0))


def test_no_clock_no_deadline() -> None:
    assert deadline_of(facts("2026-10-02", visit="2026-10-03"), rule(), Calendar(SHANGHAI)) is None


def test_each_kind_refreshes_the_protection_by_its_own_days() -> None:
    calendar = Calendar(SHANGHAI)
    one = rule(protect_days=10, refresh={"visit": 30, "call": 7})
    assert last_day(deadline_of(facts("2026-10-02"), one, calendar), calendar) == date(2026, 10, 12)
    assert last_day(deadline_of(facts("2026-10-02", call="2026-10-03"), one, calendar), calendar) == date(2026, 10, 12)
    assert last_day(deadline_of(facts("2026-10-02", call="2026-10-08"), one, calendar), calendar) == date(2026, 10, 15)
    both = facts("2026-10-02", call="2026-10-08", visit="2026-10-04")
    assert last_day(deadline_of(both, one, calendar), calendar) == date(2026, 11, 3)


def test_the_maximum_is_never_passed() -> None:
    calendar = Calendar(SHANGHAI)
    one = rule(protect_days=10, refresh={"visit": 30}, max_days=20)
    busy = replace(facts("2026-10-02", visit="2026-10-20"), protected_until=at("2027-01-01"))
    found = deadline_of(replace(busy, extended_until=at("2027-02-01")), one, calendar)
    assert found is not None
    assert found.clock is Clock.MAXIMUM
    assert last_day(found, calendar) == date(2026, 10, 22)


def test_what_happened_before_the_holder_got_it_counts_nothing() -> None:
    calendar = Calendar(SHANGHAI)
    one = rule(idle_days=5, protect_days=1, refresh={"visit": 90})
    before = deadline_of(facts("2026-10-10", visit="2026-10-09"), one, calendar)
    assert before == deadline_of(facts("2026-10-10"), one, calendar)


def test_no_clock_begins_before_its_rule() -> None:
    calendar = Calendar(SHANGHAI)
    old = facts("2020-01-01", call="2020-02-01")
    for clock in ("protect_days", "idle_days", "stage_days", "deal_days", "max_days"):
        found = deadline_of(old, rule(valid_from=date(2026, 10, 1), **{clock: 14}), calendar)
        assert last_day(found, calendar) == date(2026, 10, 15), clock
        assert found is not None
        assert found.begun


def test_working_days_skip_weekends_holidays_and_count_days_made_up() -> None:
    # The National Day of 2026: 1 to 7 October off, made up on Saturday the 10th.
    off = [SpecialDay(date(2026, 10, day), worked=False, country="CN") for day in range(1, 8)]
    calendars = Calendars(SHANGHAI, [*off, SpecialDay(date(2026, 10, 10), worked=True, country="CN")])
    one = rule(idle_days=3, working_days=True)
    held = facts("2026-09-30")
    assert last_day(deadline_of(held, one, calendars.of("CN")), calendars.of("CN")) == date(2026, 10, 10)
    assert last_day(deadline_of(held, one, calendars.of("DE")), calendars.of("DE")) == date(2026, 10, 5)
    assert last_day(deadline_of(held, one, calendars.of(None)), calendars.of(None)) == date(2026, 10, 5)


def test_days_are_the_tenants_also_when_the_clocks_change() -> None:
    calendar = Calendar(BERLIN)
    # Summer time ends on 2026-10-25: that day has 25 hours.
    held = Facts(at("2026-10-24", 23, BERLIN))
    found = deadline_of(held, rule(idle_days=1), calendar)
    assert found is not None
    assert found.at == datetime(2026, 10, 25, 23, tzinfo=UTC)
    spring = deadline_of(Facts(at("2026-03-28", 1, BERLIN)), rule(idle_days=1), calendar)
    assert spring is not None
    assert spring.at == datetime(2026, 3, 29, 22, tzinfo=UTC)
    # The same moment is another day elsewhere.
    late = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert Calendar(BERLIN).day_of(late) == date(2026, 7, 1)
    assert Calendar(ZoneInfo("UTC")).day_of(late).day == 30


def test_protection_and_extension_put_off() -> None:
    calendar = Calendar(SHANGHAI)
    held = replace(facts("2026-10-02"), protected_until=at("2026-12-01"), extended_until=at("2026-12-05"))
    found = deadline_of(held, rule(idle_days=3), calendar)
    assert found is not None
    assert found.clock is Clock.EXTENDED
    assert found.at == at("2026-12-05")
    early = replace(held, protected_until=at("2026-10-03"), extended_until=None)
    assert deadline_of(early, rule(idle_days=3), calendar) == deadline_of(
        facts("2026-10-02"), rule(idle_days=3), calendar
    )


def test_explanations() -> None:
    calendar = Calendar(SHANGHAI)
    one = rule(idle_days=30, refresh={"visit": 30, "call": 7}, working_days=True)
    found = deadline_of(facts("2026-09-01", visit="2026-10-02"), one, calendar)
    assert found is not None
    assert explain(found) == {
        "en": "no call or visit since 2026-10-02; rule 'A customers', idle 30 working days",
        "zh": "自 2026-10-02 起没有电话、拜访；规则“A customers”，未跟进 30 个工作日",
    }
    held = deadline_of(facts("2026-09-01"), rule(max_days=1), calendar)
    assert held is not None
    assert explain(held)["en"] == "held since 2026-09-01; rule 'A customers', at most 1 day"
    begun = deadline_of(facts("2026-09-01"), rule(deal_days=9, valid_from=date(2026, 9, 5)), calendar)
    assert begun is not None
    assert explain(begun)["en"] == (
        "no deal won since 2026-09-05 (the day from which the rule counts); rule 'A customers', no deal 9 days"
    )


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001
kinds = st.sampled_from(["call", "visit", "email", "note", "stage", "deal"])
some_days = st.none() | st.integers(1, 90)
rules = st.builds(
    rule,
    valid_from=st.none() | st.dates(date(2025, 12, 1), date(2026, 12, 31)),
    protect_days=some_days,
    idle_days=some_days,
    stage_days=some_days,
    deal_days=some_days,
    max_days=some_days,
    refresh=st.dictionaries(st.sampled_from(["call", "visit", "email"]), st.integers(1, 60)),
    working_days=st.booleans(),
)
held_facts = st.builds(
    Facts,
    held_since=moments,
    last=st.dictionaries(kinds, moments),
    protected_until=st.none() | moments,
    extended_until=st.none() | moments,
)
calendars = st.builds(
    Calendar,
    st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("America/Sao_Paulo"), ZoneInfo("UTC")]),
    st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.booleans(), max_size=30),
)


@given(held_facts, rules, calendars, kinds, moments)
def test_more_activity_is_never_earlier(held: Facts, one: ClockRule, calendar: Calendar, kind: str, when: Any) -> None:
    before = deadline_of(held, one, calendar)
    more = {**held.last, kind: max(held.last.get(kind, when), when)}
    after = deadline_of(replace(held, last=more), one, calendar)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after.at >= before.at


@given(held_facts, rules, calendars)
def test_never_beyond_the_maximum_nor_before_the_first_day(held: Facts, one: ClockRule, calendar: Calendar) -> None:
    found = deadline_of(held, one, calendar)
    if found is None:
        assert one.shortest is None
        return
    assert one.shortest is not None
    held_day = calendar.day_of(held.held_since)
    first = held_day if one.valid_from is None else max(held_day, one.valid_from)
    assert found.at >= calendar.end(first + timedelta(days=one.shortest))
    if one.max_days is not None:
        assert found.at <= calendar.end(calendar.later(first, one.max_days, working=one.working_days))


@given(held_facts, rules, calendars)
def test_working_days_are_never_earlier_than_days(held: Facts, one: ClockRule, calendar: Calendar) -> None:
    plain = deadline_of(held, replace(one, working_days=False), calendar)
    working = deadline_of(held, replace(one, working_days=True), calendar)
    if plain is not None and working is not None:
        assert working.at >= plain.at


@given(held_facts, rules, calendars)
def test_switching_off_and_on_changes_nothing(held: Facts, one: ClockRule, calendar: Calendar) -> None:
    before = deadline_of(held, one, calendar)
    off = replace(one, protect_days=None, idle_days=None, stage_days=None, deal_days=None, max_days=None)
    assert deadline_of(held, off, calendar) is None
    assert deadline_of(held, one, calendar) == before
    if before is not None:
        words = explain(before)
        assert set(words) == {"en", "zh"}
        assert all(one.name in text for text in words.values())
