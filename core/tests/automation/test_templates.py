"""Texts with places: only named values go in, whatever they hold."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.automation.shapes import Field, Kind, Shape
from evenhand.automation.templates import check_template, render

ZONE = ZoneInfo("Asia/Shanghai")
SHAPE: Shape = {"record": {"name": Field(Kind.TEXT), "amount": Field(Kind.NUMBER)}, "tags": Field(Kind.TEXTS)}


def test_values_are_written_as_people_write_them() -> None:
    view = {
        "record": {"name": "华星", "amount": Decimal("1234.5000"), "on": date(2026, 5, 31), "done": True, "none": None},
        "now": datetime(2026, 5, 31, 17, tzinfo=UTC),
        "tags": ["A", "B"],
    }
    text = "{record.name}: {record.amount}, {record.on}, {record.done}, {record.none}{now} {tags} {{x}}"
    assert render(text, view, "zh", ZONE) == "华星: 1,234.50, 2026-05-31, 是, 2026-06-01 01:00 A、B {x}"
    assert render("{record.done}", view, "en", ZONE) == "yes"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{record.nmae}", "UNKNOWN_FIELD"),
        ("{record}", "UNKNOWN_FIELD"),
        ("{record.name.__class__}", "UNKNOWN_FIELD"),
        ("{record.__class__.__init__}", "UNKNOWN_FIELD"),
        ("{}", "BAD_PLACE"),
        ("{0}", "BAD_PLACE"),
        ("{record.name!r}", "BAD_PLACE"),
        ("{record['name']}", "BAD_PLACE"),
        ("{record.name", "BAD_PLACE"),
        ("}", "BAD_PLACE"),
    ],
)
def test_bad_places_are_refused(text: str, code: str) -> None:
    (problem, *_) = check_template(text, SHAPE, "actions.0.title")
    assert (problem.field, problem.code) == ("actions.0.title", code)


@given(st.text(), st.text())
def test_a_value_is_never_read_as_a_template(name: str, around: str) -> None:
    plain = around.replace("{", "{{").replace("}", "}}")
    view = {"record": {"name": name, "amount": None}}
    assert check_template(f"{plain}{{record.name}}", SHAPE, "x") == []
    assert render(f"{plain}{{record.name}}", view, "en", ZONE) == around + name[:500]


@given(st.text(alphabet="{}.record name", max_size=30))
def test_whatever_was_taken_can_be_rendered(text: str) -> None:
    if not check_template(text, SHAPE, "x"):
        render(text, {"record": {"name": "A", "amount": None}}, "en", ZONE)
