"""Conditions: checked when saved, safe with empty values, within limits."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.automation.rules import ConditionFailed, check, evaluate
from evenhand.automation.shapes import Field, Kind, Shape

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 5, 31, 17, tzinfo=UTC)
SHAPE: Shape = {
    "record": {
        "name": Field(Kind.TEXT),
        "amount": Field(Kind.NUMBER),
        "employees": Field(Kind.INTEGER),
        "createdAt": Field(Kind.MOMENT),
        "expectedClose": Field(Kind.DAY),
        "active": Field(Kind.FLAG),
        "custom": {"budget": Field(Kind.NUMBER)},
    },
    "stage": {"kind": Field(Kind.TEXT, ("open", "won", "lost"))},
    "tags": Field(Kind.TEXTS),
    "now": Field(Kind.MOMENT),
    "today": Field(Kind.DAY),
}


def _view(**record: Any) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(("name", "amount", "employees", "createdAt", "expectedClose", "active"))
    return {
        "record": {**empty, "custom": {"budget": None}, **record},
        "stage": {"kind": "won"},
        "tags": ["VIP"],
        "now": NOW,
        "today": date(2026, 6, 1),
    }


GOOD = [
    'record.amount > 1000 && stage.kind == "won"',
    'record.amount >= 1000.5 || "VIP" in tags',
    "record.amount * 2.0 > 10.0",
    "record.employees * 2 > 10",
    'record.name.startsWith("A") && !record.name.contains("test")',
    "record.expectedClose < today && record.createdAt < now",
    'now - record.createdAt > duration("48h")',
    "daysSince(record.createdAt) > 30 && daysUntil(record.expectedClose) <= 7",
    'tags.exists(tag, tag.startsWith("V"))',
    'stage.kind in ["won", "lost"]',
    "record.name == null",
    "record.custom.budget > 5",
    "record.active ? record.amount > 5 : record.employees > 5",
    'record["name"] == "A"',
    'lower(record.name) == "a" // why',
    "size(tags) > 2",
]


@pytest.mark.parametrize("condition", [*GOOD, None, "  "])
def test_good_conditions_are_taken(condition: str | None) -> None:
    assert check(condition, SHAPE, ZONE) == []


@pytest.mark.parametrize(
    ("condition", "code", "where"),
    [
        ("record.amount >", "SYNTAX", "line 1, column 16"),
        ("record.amount >\n  > 5", "SYNTAX", "line 2, column 3"),
        ("record.amuont > 5", "UNKNOWN_FIELD", "line 1, column 8: there is no record.amuont"),
        ("true ||\n recrod.amount > 5", "UNKNOWN_FIELD", "line 2, column 2: there is no recrod"),
        ("record.custom.budgte > 5", "UNKNOWN_FIELD", "column 15"),
        ("record.name.first == 'x'", "UNKNOWN_FIELD", "record.name is a text and has no first"),
        ('stage.kind == "Won"', "NOT_A_CHOICE", "column 15"),
        ('"Won" != stage.kind', "NOT_A_CHOICE", "column 1"),
        ('stage.kind in ["won", "lsot"]', "NOT_A_CHOICE", "column 23"),
        ('true || record.amount > "5"', "WRONG_TYPE", "column 9"),
        ("false && (true || !(record.name > 5))", "WRONG_TYPE", "column 21"),
        ("record.amount * 2 > 1.0", "WRONG_TYPE", "column 1"),
        ("record.createdAt > 5", "WRONG_TYPE", "column 1"),
        ("record.amount.contains('x')", "WRONG_TYPE", "column 1"),
        ("record.amount", "NOT_BOOLEAN", "column 1"),
        ("true && record.name", "NOT_BOOLEAN", "column 9"),
        ("size(tags)", "NOT_BOOLEAN", "column 1"),
        ("__import__('os') == 1", "UNKNOWN_FUNCTION", "column 1"),
        ("record.name.upper() == 'A'", "UNKNOWN_FUNCTION", "column 13"),
        ("now > timestamp('2026-13-01')", "WRONG_VALUE", "column 7"),
        ("(" * 50 + "true" + ")" * 50, "TOO_DEEP", ""),
        ("tags.exists(a, tags.exists(b, tags.exists(c, a == c)))", "TOO_DEEP", ""),
        ("true" + " || true" * 300, "TOO_LONG", ""),
    ],
)
def test_bad_conditions_are_refused_with_the_place(condition: str, code: str, where: str) -> None:
    problem = check(condition, SHAPE, ZONE)[0]
    assert (problem.field, problem.code) == ("condition", code)
    assert where in problem.message
    assert problem.hint


@pytest.mark.parametrize("condition", GOOD)
def test_no_condition_fails_on_a_view_without_values(condition: str) -> None:
    evaluate(condition, _view(), NOW, ZONE)


def test_what_is_compared_with_nothing_is_neither_true_nor_false() -> None:
    assert not evaluate("record.amount > 5", _view(), NOW, ZONE).matched
    assert evaluate("record.amount > 5", _view(), NOW, ZONE).empty == ("record.amount",)
    assert not evaluate("!(record.amount > 5)", _view(), NOW, ZONE).matched
    assert evaluate('record.amount > 5 || "VIP" in tags', _view(), NOW, ZONE).matched
    assert evaluate("record.amount == null", _view(), NOW, ZONE).matched
    assert not evaluate("record.active", _view(), NOW, ZONE).matched


def test_money_compares_as_a_number() -> None:
    assert evaluate("record.amount > 1000", _view(amount=Decimal("1000.0001")), NOW, ZONE).matched
    assert evaluate("record.amount == 0.1", _view(amount=Decimal("0.1000")), NOW, ZONE).matched
    assert not evaluate("record.amount > 1000", _view(amount=Decimal(1000)), NOW, ZONE).matched


def test_days_are_those_of_the_tenant() -> None:
    """At 17:00 UTC it is the next day in Shanghai."""
    assert evaluate("daysUntil(record.expectedClose) == 0", _view(expectedClose=date(2026, 6, 1)), NOW, ZONE).matched
    assert evaluate("record.expectedClose == today", _view(expectedClose=date(2026, 6, 1)), NOW, ZONE).matched
    assert evaluate("record.expectedClose < today", _view(expectedClose=date(2026, 5, 31)), NOW, ZONE).matched


def test_what_cannot_be_evaluated_fails_by_name() -> None:
    with pytest.raises(ConditionFailed, match="division by zero"):
        evaluate("1 / record.employees > 1", _view(employees=0), NOW, ZONE)


@given(st.decimals(min_value=0, max_value=10**11, places=4), st.decimals(min_value=0, max_value=10**11, places=4))
def test_amounts_compare_exactly(left: Decimal, right: Decimal) -> None:
    """Up to a hundred thousand million, four decimals are told apart."""
    assert evaluate(f"record.amount < {right:f}", _view(amount=left), NOW, ZONE).matched is (left < right)


@given(st.text(alphabet="record.amount><=&|!()[]{}\"'5 sizetag?:,+-\n#@华", max_size=60))
def test_no_text_breaks_the_check(text: str) -> None:
    """Whatever is written is either refused with words or can be evaluated."""
    if not check(text, SHAPE, ZONE):
        with suppress(ConditionFailed):
            evaluate(text, _view(name="A", amount=Decimal(1), employees=1, active=True), NOW, ZONE)
