from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.actions.records import check_draft
from evenhand.actions.values import BadValue, clean, convert
from evenhand.entities import Account, Activity, CustomField, Lead, Opportunity, OrderLine, Stage, User
from evenhand.entities.enums import LeadStatus, Tier
from evenhand.entities.registry import ENTITIES, entity
from evenhand.tenancy.models import RecordModel

pytestmark = pytest.mark.usefixtures("database")
"""References have their columns once the models know one another."""


def field(model: type[RecordModel], name: str) -> Any:
    return model._meta.fields_map[name]


@pytest.mark.parametrize(
    ("model", "name", "value", "code"),
    [
        (Lead, "name", "", "REQUIRED"),
        (Lead, "name", None, "REQUIRED"),
        (Lead, "name", 7, "WRONG_TYPE"),
        (Lead, "name", "x" * 301, "TOO_LONG"),
        (Lead, "name", "a\x00b", "CONTROL_CHARACTER"),
        (Lead, "value_estimate", "-1", "OUT_OF_RANGE"),
        (Lead, "value_estimate", "abc", "NOT_A_NUMBER"),
        (Lead, "value_estimate", "NaN", "NOT_A_NUMBER"),
        (Lead, "value_estimate", "Infinity", "NOT_A_NUMBER"),
        (Lead, "value_estimate", "1e20", "TOO_LARGE"),
        (Lead, "value_estimate", "0.00001", "TOO_PRECISE"),
        (Lead, "value_estimate", 1.5, "WRONG_TYPE"),
        (Lead, "value_estimate", True, "WRONG_TYPE"),
        (Lead, "value_currency", "usd", "BAD_CURRENCY"),
        (Lead, "email", "li at example.com", "BAD_EMAIL"),
        (User, "email", "a@b.cn; c@d.cn", "BAD_EMAIL"),
        (CustomField, "key", "Budget 2026", "BAD_KEY"),
        (Lead, "status", "sleeping", "NOT_A_CHOICE"),
        (Lead, "owner_id", "not-an-id", "BAD_ID"),
        (Account, "employees", "many", "NOT_A_NUMBER"),
        (Account, "employees", -1, "OUT_OF_RANGE"),
        (Account, "employees", 2**31, "TOO_LARGE"),
        (Account, "addresses", "Main Street", "WRONG_TYPE"),
        (Activity, "occurred_at", datetime(2026, 1, 1), "NAIVE_TIME"),  # noqa: DTZ001
        (Activity, "occurred_at", "tomorrow", "BAD_TIME"),
        (Activity, "occurred_at", "0001-01-01T00:00:00Z", "OUT_OF_RANGE"),
        (Activity, "occurred_at", "9999-12-31T23:59:59.999999Z", "OUT_OF_RANGE"),
        (Opportunity, "expected_close", "0001-01-01", "OUT_OF_RANGE"),
        (Opportunity, "expected_close", date.max, "OUT_OF_RANGE"),
        (Stage, "probability", 101, "OUT_OF_RANGE"),
        (User, "is_active", "maybe", "NOT_A_BOOLEAN"),
    ],
)
def test_bad_values_are_refused_with_a_code(model: type[RecordModel], name: str, value: Any, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        convert(field(model, name), value)
    assert refused.value.code == code
    assert refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("model", "name", "value", "kept"),
    [
        (Lead, "name", "  王小明 ", "王小明"),
        (Lead, "company", "   ", None),
        (Lead, "status", "Working", LeadStatus.WORKING),
        (Account, "tier", "A", Tier.A),
        (Lead, "value_estimate", "12.5", Decimal("12.5000")),
        (Lead, "value_estimate", 3, Decimal(3)),
        (User, "is_active", "是", True),
        (User, "is_active", "no", False),
        (Activity, "occurred_at", "2026-05-31T14:30:00+08:00", datetime(2026, 5, 31, 6, 30, tzinfo=UTC)),
        (Opportunity, "expected_close", "0001-01-02", date(1, 1, 2)),
        (Opportunity, "expected_close", "9999-12-30", date(9999, 12, 30)),
    ],
)
def test_good_values_are_converted(model: type[RecordModel], name: str, value: Any, kept: Any) -> None:
    assert convert(field(model, name), value) == kept


@given(st.decimals(min_value=0, max_value=10**13, places=4, allow_nan=False, allow_infinity=False))
def test_amounts_survive_as_text(amount: Decimal) -> None:
    assert convert(field(Lead, "value_estimate"), str(amount)) == amount


@given(st.text(max_size=400))
def test_any_text_is_kept_or_refused_never_mangled(text: str) -> None:
    try:
        kept = convert(field(Account, "name"), text)
    except BadValue:
        return
    assert kept == text.strip()


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()), st.binary()))
def test_no_value_of_any_type_raises_anything_else(value: Any) -> None:
    for kind in ENTITIES.values():
        for name, column in kind.model._meta.fields_db_projection.items():
            if column in kind.writable:
                with suppress(BadValue):
                    convert(kind.model._meta.fields_map[name], value)


def test_all_problems_are_told_at_once() -> None:
    kind = entity("lead")
    draft = {"name": "", "value_estimate": "-5", "colour": "red", "status": "x"}
    _, problems = clean(kind.model, draft, allowed=kind.writable)
    assert {(problem.field, problem.code) for problem in problems} == {
        ("name", "REQUIRED"),
        ("value_estimate", "OUT_OF_RANGE"),
        ("colour", "UNKNOWN_FIELD"),
        ("status", "NOT_A_CHOICE"),
    }


def test_defaults_are_added_to_new_records_only() -> None:
    kind = entity("lead")
    values, problems = clean(kind.model, {"name": "Li"}, allowed=kind.writable)
    assert not problems
    assert values["status"] is LeadStatus.NEW
    assert values.keys() == kind.writable
    assert clean(kind.model, {"name": "Li"}, allowed=kind.writable, partial=True) == ({"name": "Li"}, [])


def test_system_columns_cannot_be_set() -> None:
    for kind in ENTITIES.values():
        for column in ("id", "tenant_id", "version", "created_at", "archived_at"):
            _, problems = clean(kind.model, {column: "1"}, allowed=kind.writable, partial=True)
            assert [problem.code for problem in problems] == ["UNKNOWN_FIELD"], (kind.name, column)


def test_line_columns_are_checked_too() -> None:
    assert convert(OrderLine._meta.fields_map["discount_percent"], "100") == 100
    with pytest.raises(BadValue):
        convert(OrderLine._meta.fields_map["discount_percent"], "100.01")


@pytest.mark.parametrize(
    ("entity_name", "values"),
    [
        ("Account", {"also_names": {"a": "b"}}),
        ("Account", {"also_names": ["a", None]}),
        ("Account", {"also_names": ["\ud800"]}),
        ("Account", {"addresses": ["上海"]}),
        ("Account", {"addresses": [{"street": "\x00"}]}),
        ("Account", {"addresses": [{"number": 2**70}]}),
        ("Account", {"addresses": [{1: "street"}]}),
        ("Account", {"custom": []}),
        ("Account", {"name": "\ud800"}),
        ("User", {"skills": {"a": 1}}),
        ("User", {"working_hours": []}),
        ("Absence", {"starts_on": "9" * 5000}),
        ("Activity", {"occurred_at": "0001-01-01T00:00:00+08:00"}),
        ("Activity", {"occurred_at": "9999-12-31T23:59:59-08:00"}),
        ("Contact", {"channels": 5}),
        ("Contact", {"channels": "email"}),
        ("Contact", {"channels": {"email": "a@b.cn"}}),
        ("Contact", {"channels": [None]}),
    ],
)
def test_values_that_no_column_can_keep_are_refused_by_name(
    database: object, entity_name: str, values: dict[str, Any]
) -> None:
    _, problems = check_draft(entity(entity_name), values, partial=True)
    (name,) = values
    assert [problem.field.partition(".")[0] for problem in problems] == [name]
    assert all(problem.hint for problem in problems)


def test_lists_and_objects_are_emptied_by_empty_ones(database: object) -> None:
    for name, column, empty in (("Stage", "exit_criteria", []), ("Account", "custom", {})):
        _, problems = check_draft(entity(name), {column: None}, partial=True)
        assert [problem.hint for problem in problems] == [f"Give {empty} to empty it."]
        assert check_draft(entity(name), {column: empty}, partial=True) == ({column: empty}, [])


def test_messages_repeat_no_endless_values(database: object) -> None:
    for name, values in (("Account", {"addresses": "x" * 10_000}), ("Lead", {"owner_id": "x" * 10_000})):
        _, problems = check_draft(entity(name), values, partial=True)
        assert [len(problem.message) < 200 for problem in problems] == [True]


def test_json_may_nest_but_not_without_end(database: object) -> None:
    nested: Any = "深"
    for _ in range(11):
        nested = {"a": [nested]}
    _, problems = check_draft(entity("Campaign"), {"tracking": nested}, partial=True)
    assert [problem.code for problem in problems] == ["CANNOT_BE_KEPT"]
    _, problems = check_draft(entity("Campaign"), {"tracking": nested["a"][0]}, partial=True)
    assert problems == []
