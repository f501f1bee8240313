from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evenhand.db.bulk import chunks, insert_rows, to_json, update_rows
from evenhand.db.session import transaction
from evenhand.entities import Tag
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


async def test_rows_go_in_and_change_in_one_statement(tenant: SomeTenant) -> None:
    names = ["热", "a'b", 'c"d', "e,f", "{g}", "NULL", "\\h", ""]
    with acting_as(tenant.system):
        async with transaction() as client:
            common: dict[str, Any] = {
                "tenant_id": tenant.id,
                "version": 1,
                "custom": {"k": ["v", None, 1.5]},
                "color": None,
            }
            common |= {"created_at": datetime.now(UTC), "updated_at": datetime.now(UTC)}
            rows: list[dict[str, Any]] = [{"id": uuid7(), "name": name, **common} for name in names]
            returned = await insert_rows(client, Tag, rows, suffix="RETURNING name")
            assert [row["name"] for row in returned] == names
            changed = [{"id": row["id"], "tenant_id": tenant.id, "color": row["name"]} for row in rows]
            assert await update_rows(client, Tag, changed) == len(names)
            kept = await Tag.all().order_by("id")
    assert [(tag.name, tag.color) for tag in kept] == [(name, name) for name in names]
    assert kept[0].custom == {"k": ["v", None, 1.5]}


async def test_nothing_to_write_writes_nothing(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with transaction() as client:
            assert await insert_rows(client, Tag, []) == []
            assert await update_rows(client, Tag, []) == 0


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=7))
def test_chunks_keep_everything_in_order(items: list[int], size: int) -> None:
    parts = list(chunks(items, size))
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1])


def test_json_takes_what_records_hold() -> None:
    assert to_json({"name": "漢", "amount": Decimal("1.50"), "on": date(2026, 1, 2)}) == (
        '{"name":"漢","amount":"1.50","on":"2026-01-02"}'
    )
