"""Scalars keep values exactly and refuse what would have to be guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from graphql import GraphQLError, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from evenhand_schema.scalars import (
    parse_day,
    parse_decimal,
    parse_moment,
    parse_whole,
    serialize_decimal,
    serialize_moment,
)
from evenhand_schema.schema import installed_schema

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(timezones=ZONES)


@given(MOMENTS.filter(lambda moment: 1 < moment.year < 9999))
def test_a_time_comes_back_as_it_was(moment: datetime) -> None:
    again = parse_moment(serialize_moment(moment))
    assert again == moment
    assert again.tzinfo is UTC
    assert parse_moment(moment.isoformat()) == moment


@given(st.dates())
def test_a_day_comes_back_as_it_was(day: date) -> None:
    assert parse_day(day.isoformat()) == day


@given(st.decimals(min_value=-(10**14), max_value=10**14, places=4))
def test_a_decimal_keeps_every_digit(number: Decimal) -> None:
    text = serialize_decimal(number)
    assert "e" not in text.lower()
    assert parse_decimal(text) == number


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_a_whole_number_comes_back_as_it_was(number: int) -> None:
    assert parse_whole(str(number)) == number == parse_whole(number)


@pytest.mark.parametrize(
    "value", ["2026-05-31T14:30:00", "2026-05-31", "20260531T1430Z", "soon", "", 5, None, True, []]
)
def test_a_time_without_offset_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="offset"):
        parse_moment(value)


@pytest.mark.parametrize("value", ["2026-02-30", "31.05.2026", "2026-5-1", "2026-05-31T00:00:00Z", 20260531, None])
def test_an_odd_day_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="2026-05-31"):
        parse_day(value)


@pytest.mark.parametrize(
    "value", [1.5, "1e3", "NaN", "Infinity", "1,5", "１２", "", " 1", True, None, "9" * 31, 10**40]
)
def test_an_inexact_decimal_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="Write it as a text"):
        parse_decimal(value)


@pytest.mark.parametrize("value", [2**63, str(-(2**63)), 1.0, "1.0", True, None, "9" * 5000])
def test_a_whole_number_out_of_range_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="Write it as a text"):
        parse_whole(value)


@pytest.mark.parametrize("value", ["9" * 100_000, 1 << 9000, float("inf"), float("nan"), ["x"] * 1000])
def test_errors_repeat_little_of_a_large_value(value: object) -> None:
    for read in (parse_moment, parse_day, parse_decimal, parse_whole):
        with pytest.raises(GraphQLError) as refused:
            read(value)
        assert len(refused.value.message) < 200
        assert " is not a " in refused.value.message


@pytest.mark.parametrize(
    ("field", "value"),
    [("createdAt", '"soon"'), ("annualRevenue", "1.5"), ("annualRevenue", "9" * 5000), ("annualRevenue", "1e400")],
)
def test_a_bad_value_in_a_query_is_shown_its_place(field: str, value: str) -> None:
    query = f"{{ accounts(filter: {{{field}: {{gt: {value}}}}}) {{ totalCount }} }}"
    (error,) = validate(installed_schema().graphql_schema, parse(query))
    assert error.locations == [(1, query.index(value) + 1)]
