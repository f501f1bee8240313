"""Lists that are written with their record: totals, journal, and lists that stay as they were."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.records import update_record
from evenhand.audit.models import AuditEntry
from evenhand.db.session import reading
from evenhand.entities import Order
from evenhand.errors import InvalidInput
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

LINES = [{"quantity": "2", "unit_price": "5"}, {"quantity": "1", "unit_price": "7"}]


async def order(tenant: SomeTenant, **values: Any) -> UUID:
    account = await tenant.create("Account", name="Acme")
    return await tenant.create("Order", number="SO-1", account_id=account, **values)


async def test_the_journal_keeps_lists_as_they_were(tenant: SomeTenant) -> None:
    order_id = await order(tenant, lines=LINES)
    with acting_as(tenant.system):
        assert not await update_record("Order", order_id, {"lines": LINES})
        assert await update_record("Order", order_id, {"lines": LINES[:1]})
        async with reading():
            entries = await AuditEntry.filter(record_id=order_id).order_by("occurred_at", "id")
            assert (await Order.get(id=order_id)).version == 2
    assert len(entries) == 2
    assert [Decimal(line["amount"]) for line in entries[-1].before["lines"]] == [10, 7]
    assert [Decimal(line["amount"]) for line in entries[-1].after["lines"]] == [10]


async def test_a_total_is_the_sum_of_the_lines(tenant: SomeTenant) -> None:
    order_id = await order(tenant, lines=LINES)
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput) as invalid:
            await update_record("Order", order_id, {"total": "99"})
        assert invalid.value.problems[0].code == "NOT_THE_SUM"
        assert not await update_record("Order", order_id, {"total": "17"})
        assert await update_record("Order", order_id, {"total": "99", "lines": []})
        async with reading():
            assert (await Order.get(id=order_id)).total == 99


@pytest.mark.parametrize(("quantity", "price"), [("99999999999", "99999999999999"), ("99999999", "9999999999999")])
async def test_lines_that_no_amount_can_hold_are_refused(tenant: SomeTenant, quantity: str, price: str) -> None:
    with pytest.raises(InvalidInput):
        await order(tenant, lines=[{"quantity": quantity, "unit_price": price}])
