"""Cursors carry their place exactly, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.db.session import raw_connection, transaction
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant
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
    name=st.text(st.characters(exclude_categories=["Cs"])),
    created_at=st.datetimes(timezones=st.just(UTC)),
)


def _written(ordering: Ordering, record: SimpleNamespace) -> str:
    """A cursor as the database writes it."""
    values = [getattr(record, term.name) for term in ordering.terms]
    plain = [
        value.isoformat()
        if isinstance(value, datetime)
        else str(value)
        if isinstance(value, (UUID, Decimal))
        else value
        for value in values
    ]
    payload = json.dumps([ordering.signature, *plain], ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(sha256(payload).digest()[:6] + payload).decode().rstrip("=")


async def _from_database(ordering: Ordering, record: SimpleNamespace) -> str:
    row = "(SELECT $1::uuid AS id, $2::numeric AS amount, $3::text AS name, $4::timestamptz AS created_at) AS t"
    async with transaction() as client:
        statement = f"SELECT {ordering.cursor_of('t')} FROM {row}"
        values = (record.id, record.amount, record.name, record.created_at)
        found: str = await raw_connection(client).fetchval(statement, *values)
    return found


@pytest.mark.parametrize("amount", [None, Decimal("12.3400")])
@pytest.mark.parametrize("name", ["", '张伟 "Ltd" \\ \n\t\x01\x7f', "x" * 200, "😀"])
async def test_the_database_writes_the_cursors_that_we_read(
    tenant: SomeTenant, amount: Decimal | None, name: str
) -> None:
    moment = datetime(2026, 5, 31, 6, 30, 0, 481370, UTC)
    record = SimpleNamespace(id=UUID(int=7), amount=amount, name=name, created_at=moment)
    with acting_as(tenant.system):
        cursor = await _from_database(ORDERING, record)
    assert ORDERING.values(cursor) == [amount, name, moment, record.id]


@given(RECORDS)
def test_a_cursor_gives_back_its_values(record: SimpleNamespace) -> None:
    assert ORDERING.values(_written(ORDERING, record)) == [record.amount, record.name, record.created_at, record.id]


@given(RECORDS, st.data())
def test_a_changed_cursor_is_refused(record: SimpleNamespace, data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(_written(ORDERING, record) + "=="))
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
        ORDERING.values(_written(other, record))


def test_an_ordering_ends_with_the_id_and_names_each_column_once() -> None:
    ordering = ITEM.ordering(Order("name"), Order("amount"), Order("name", descending=True))
    assert ordering.signature == "Opportunity:name,amount,id"
    assert ITEM.ordering(Order("id", descending=True)).signature == "Opportunity:-id"
