"""Cursors carry their place exactly, and nothing else is taken for one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand_schema.declare import TYPES
from evenhand_schema.errors import InvalidCursor
from evenhand_schema.reads.ordering import Order, Ordering
from evenhand_schema.types import Opportunity

ITEM = TYPES[Opportunity.__name__]
ORDERING = ITEM.ordering(Order("amount", descending=True), Order("name"), Order("created_at"))
RECORDS = st.builds(
    SimpleNamespace,
    id=st.uuids(),
    amount=st.none() | st.decimals(min_value=0, max_value=10**13, places=4),
    name=st.text(),
    created_at=st.datetimes(timezones=st.just(UTC)),
)


@given(RECORDS)
def test_a_cursor_gives_back_its_values(record: SimpleNamespace) -> None:
    assert ORDERING.values(ORDERING.cursor(record)) == [record.amount, record.name, record.created_at, record.id]


@given(RECORDS, st.data())
def test_a_changed_cursor_is_refused(record: SimpleNamespace, data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(ORDERING.cursor(record) + "=="))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidCursor):
        ORDERING.values(base64.urlsafe_b64encode(bytes(raw)).decode())


@given(st.text())
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidCursor, match="not a cursor"):
        ORDERING.values(text)


@pytest.mark.parametrize(
    "other",
    [
        ITEM.ordering(),
        ITEM.ordering(Order("amount"), Order("name"), Order("created_at")),
        TYPES["Account"].ordering(Order("name")),
    ],
)
def test_a_cursor_of_another_ordering_is_refused(other: Ordering) -> None:
    record = SimpleNamespace(id=UUID(int=1), amount=Decimal(1), name="张", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidCursor, match="belongs to the ordering"):
        ORDERING.values(other.cursor(record))


def test_an_ordering_ends_with_the_id_and_names_each_column_once() -> None:
    ordering = ITEM.ordering(Order("name"), Order("amount"), Order("name", descending=True))
    assert ordering.signature == "Opportunity:name,amount,id"
    assert ITEM.ordering(Order("id", descending=True)).signature == "Opportunity:-id"
