"""Discounts, quotes and contracts: the customer is not bound before they are approved, on every path."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.approvals.requests import request_approval
from evenhand.actions.approvals.requirements import require_approval
from evenhand.actions.bulk import ItemStatus, update_many
from evenhand.actions.gates import gate_reports
from evenhand.actions.journal import writing
from evenhand.actions.opportunities import move_opportunity
from evenhand.actions.records import Change, create_record, update_record
from evenhand.approvals.errors import ApprovalRequired, NoApprovalNeeded
from evenhand.approvals.models import ApprovalRequest
from evenhand.db.session import reading
from evenhand.entities import Order
from evenhand.entities.enums import ApprovalKind, OnApproved, OrderStatus
from evenhand.tenancy.context import Role, acting_as

from .conftest import BY_MANAGER, Company

OVER_15 = [{"fact": "discount_percent", "more_than": 15}]


async def product(company: Company) -> UUID:
    return await company.tenant.create("Product", code="P", name="压机", list_price="100", currency="CNY")


async def order(company: Company, price: str, **values: Any) -> UUID:
    rep = company.tenant.users[Role.REP]
    account = await company.tenant.create("Account", name="客户", owner_id=rep)
    lines = [{"product_id": await product(company), "quantity": "2", "unit_price": price}]
    given = {"number": "Q-1", "account_id": account, "currency": "CNY", "lines": lines, **values}
    with acting_as(company.actor(Role.REP)):
        return await create_record("Order", given)


async def ask_status(company: Company, record: UUID, status: str, *, apply: bool = False) -> list[UUID]:
    with acting_as(company.actor(Role.REP)):
        return await request_approval(
            "Order",
            record,
            status=OrderStatus(status),
            on_approved=OnApproved.APPLY if apply else OnApproved.NOTHING,
        )


async def test_a_quote_with_a_large_discount_waits_for_two_approvals(company: Company) -> None:
    await company.policy("discount", BY_MANAGER, conditions=OVER_15)
    await company.policy("quote", [{"approver": "role", "role": "admin"}])
    quote = await order(company, "80", kind="quote")
    with acting_as(company.actor(Role.REP)):
        with pytest.raises(ApprovalRequired) as refused:
            await update_record("Order", quote, {"status": "issued"})
        assert refused.value.kind is ApprovalKind.QUOTE
    requests = await ask_status(company, quote, "issued", apply=True)
    assert len(requests) == 2
    by_kind = {(await company.read(one)).kind: one for one in requests}
    assert (await company.read(by_kind[ApprovalKind.DISCOUNT])).facts == {
        "amount": "160",
        "currency": "CNY",
        "discount_percent": "20",
        "total_discount_percent": "20",
    }
    await company.decide(by_kind[ApprovalKind.QUOTE], Role.ADMIN)
    first = await company.read(by_kind[ApprovalKind.QUOTE])
    assert (first.used_at, first.end_reason is None) == (None, False)
    await company.decide(by_kind[ApprovalKind.DISCOUNT], Role.MANAGER)
    with acting_as(company.tenant.system):
        async with reading():
            assert (await Order.get(id=quote)).status is OrderStatus.ISSUED
            assert await ApprovalRequest.filter(used_at=None).count() == 0
    with acting_as(company.actor(Role.REP)):
        # What follows from the approved paper needs nothing more, other prices do.
        await update_record("Order", quote, {"status": "accepted", "notes": "加急"})
        line = {"quantity": "2", "unit_price": "100"}
        with pytest.raises(ApprovalRequired):
            await update_record("Order", quote, {"lines": [{**line, "discount_percent": "30"}]})


async def test_small_discounts_need_nothing_and_tenants_without_policies_are_not_asked(company: Company) -> None:
    small = await order(company, "85")
    with acting_as(company.actor(Role.REP)):
        await update_record("Order", small, {"status": "issued"})
        await update_record("Order", small, {"status": "draft"})
    await company.policy("discount", BY_MANAGER, conditions=OVER_15)
    with acting_as(company.actor(Role.REP)):
        with pytest.raises(NoApprovalNeeded):
            await request_approval("Order", small, status=OrderStatus.ISSUED)
        await update_record("Order", small, {"status": "issued"})


async def test_no_way_around_it(company: Company) -> None:
    await company.policy("discount", BY_MANAGER, conditions=OVER_15)
    with pytest.raises(ApprovalRequired, match="draft"):
        await order(company, "80", status="issued")
    with acting_as(company.tenant.system):
        async with reading():
            assert await Order.all().count() == 0
    rep = company.tenant.users[Role.REP]
    account = await company.tenant.create("Account", name="客户", owner_id=rep)
    lines = [{"quantity": "1", "unit_price": "100", "discount_percent": "15.01"}]
    deep = {"number": "D", "account_id": account, "currency": "CNY", "lines": lines}
    fine = {**deep, "number": "F", "lines": [{"quantity": "1", "unit_price": "100", "discount_percent": "15"}]}
    ids = [await company.tenant.create("Order", **one) for one in (deep, fine)]
    with acting_as(company.actor(Role.REP)):
        items = await update_many("Order", [Change(one, {"status": "accepted"}) for one in ids])
    assert [item.status for item in items] == [ItemStatus.FAILED, ItemStatus.UPDATED]
    assert isinstance(items[0].error, ApprovalRequired)


async def test_a_deal_is_won_with_its_discount_approved(company: Company) -> None:
    await company.policy("discount", BY_MANAGER, conditions=OVER_15)
    lines = [{"product_id": await product(company), "unit_price": "50"}]
    deal = await company.deal(lines=lines)
    won = company.way[4]
    with acting_as(company.actor(Role.REP)):
        with pytest.raises(ApprovalRequired) as refused:
            await move_opportunity(deal, won)
        assert refused.value.kind is ApprovalKind.DISCOUNT
        with pytest.raises(ApprovalRequired):
            await create_record("Opportunity", {"name": "x", "currency": "CNY", "lines": lines, "stage_id": won})
        (report,) = await gate_reports([(deal, won)])
    assert report is not None
    assert [(one.field, one.code) for one in report.problems] == [("approvals", "APPROVAL_REQUIRED")]
    request = await company.ask(deal, 4)
    await company.decide(request, Role.MANAGER)
    with acting_as(company.actor(Role.REP)):
        (report,) = await gate_reports([(deal, won)])
        assert report is not None
        assert report.problems == ()
        await move_opportunity(deal, won)
        with pytest.raises(ApprovalRequired):
            await update_record("Opportunity", deal, {"lines": [{**lines[0], "unit_price": "40"}]})
        await update_record("Opportunity", deal, {"lines": [{**lines[0], "unit_price": "90"}], "next_step": "交付"})


async def test_a_stage_asks_for_the_approval_of_a_kind(company: Company) -> None:
    await company.policy("contract", BY_MANAGER, conditions=[{"fact": "currency", "one_of": ["CNY"]}])
    await company.gate(0, {"rule": "approval", "kind": "contract"})
    deal = await company.deal()
    with acting_as(company.actor(Role.REP)):
        (request,) = await request_approval("Opportunity", deal, kind=ApprovalKind.CONTRACT)
        (same,) = await request_approval("Opportunity", deal, stage_id=company.way[1])
    assert same == request
    await company.decide(request, Role.MANAGER)
    with acting_as(company.actor(Role.REP)):
        assert await move_opportunity(deal, company.way[1])


async def test_counts_of_activities_and_named_tasks(company: Company) -> None:
    await company.gate(
        0, {"rule": "activity", "kind": "meeting", "count": 2}, {"rule": "task", "subject": "Send  the offer"}
    )
    await company.gate(1, {"rule": "task"})
    deal = await company.deal()

    async def lacking() -> list[str]:
        with acting_as(company.actor(Role.REP)):
            (report,) = await gate_reports([(deal, None)])
        assert report is not None
        return [one.code for one in report.problems]

    assert await lacking() == ["ACTIVITY_REQUIRED", "TASK_REQUIRED"]
    for subject in ("一", "二"):
        await company.tenant.create("Activity", kind="meeting", subject=subject, opportunity_id=deal)
    task = await company.tenant.create("Task", subject="send the Offer", opportunity_id=deal)
    assert await lacking() == ["TASK_REQUIRED"]
    with acting_as(company.actor(Role.REP)):
        await update_record("Task", task, {"done_at": "2026-01-01T00:00:00+00:00"})
        await move_opportunity(deal, company.way[1])
    await company.tenant.create("Task", subject="还没做", opportunity_id=deal)
    assert await lacking() == ["TASK_OPEN"]


async def test_any_action_can_require_an_approval(company: Company) -> None:
    limit = {"fact": "credit", "more_than": "5000"}
    await company.policy("custom", BY_MANAGER, conditions=[limit])
    rep = company.tenant.users[Role.REP]
    account = await company.tenant.create("Account", name="客户", owner_id=rep)

    async def grant(credit: int) -> None:
        async with writing("grant_credit") as journal:
            await require_approval(
                journal, kind="custom", entity="Account", record_id=account, facts={"credit": credit}
            )

    with acting_as(company.actor(Role.REP)):
        await grant(5000)
        with pytest.raises(ApprovalRequired):
            await grant(5001)
        (request,) = await request_approval("Account", account, kind=ApprovalKind.CUSTOM, facts={"credit": 5001})
    await company.decide(request, Role.MANAGER)
    with acting_as(company.actor(Role.REP)):
        with pytest.raises(ApprovalRequired):
            await grant(5002)
        await grant(5001)
        with pytest.raises(ApprovalRequired):
            await grant(5001)
