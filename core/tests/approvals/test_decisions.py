"""Requests and decisions: who may, what follows, and that nothing changes when it is refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.approvals.requests import cancel_approval, request_approval
from evenhand.actions.criteria import CriteriaNotMet
from evenhand.actions.opportunities import move_opportunity
from evenhand.actions.records import update_record
from evenhand.approvals.errors import (
    AlreadyDecided,
    ApprovalEnded,
    ApprovalRequired,
    NoApprovalNeeded,
    NoApprover,
    NotApprover,
    StepPassed,
)
from evenhand.approvals.models import ApprovalDecision, ApprovalPolicy, ApprovalRequest, ApprovalSeat
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Opportunity
from evenhand.entities.enums import ApprovalKind, ApprovalState, ApprovalVerdict
from evenhand.errors import InvalidInput, NotFound
from evenhand.events.models import OutboxEvent
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Role, Scope, acting_as
from evenhand.tenancy.models import TenantModel, uuid7
from evenhand.testing import SomeTenant

from .conftest import BY_MANAGER, Company

TABLES: tuple[type[TenantModel], ...] = (
    ApprovalRequest,
    ApprovalSeat,
    ApprovalDecision,
    Opportunity,
    AuditEntry,
    OutboxEvent,
    Notification,
)


async def everything(tenant: SomeTenant) -> list[Any]:
    """All rows that approvals write."""
    with acting_as(tenant.system):
        async with reading():
            return [[row.columns() for row in await model.all().order_by("id")] for model in TABLES]


async def stage_of(company: Company, deal: UUID) -> UUID:
    with acting_as(company.tenant.system):
        async with reading():
            return (await Opportunity.get(id=deal)).stage_id


async def test_a_move_waits_for_its_approval_and_uses_it_once(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    deal = await company.deal()
    with acting_as(company.actor(Role.REP)):
        with pytest.raises(ApprovalRequired, match="was not requested") as refused:
            await move_opportunity(deal, company.way[1])
        assert refused.value.pending is None
        request = await company.ask(deal, 1)
        assert await company.ask(deal, 1) == request
        with pytest.raises(ApprovalRequired) as refused:
            await move_opportunity(deal, company.way[1])
        assert refused.value.pending == request
    assert await company.decide(request, Role.MANAGER, comment="好")
    assert not await company.decide(request, Role.MANAGER)
    with acting_as(company.actor(Role.REP)):
        assert await move_opportunity(deal, company.way[1])
        assert (await company.read(request)).used_at is not None
        assert await move_opportunity(deal, company.way[0])
        with pytest.raises(ApprovalRequired, match="used before"):
            await move_opportunity(deal, company.way[1])


async def test_changed_facts_make_the_approval_worthless(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    deal = await company.deal()
    request = await company.ask(deal, 1)
    await company.decide(request, Role.MANAGER)
    with acting_as(company.actor(Role.REP)):
        await update_record("Opportunity", deal, {"amount": "1000.01"})
        with pytest.raises(ApprovalRequired, match="other facts"):
            await move_opportunity(deal, company.way[1])
        with pytest.raises(ApprovalRequired):
            await update_record("Opportunity", deal, {"amount": "1000", "stage_id": company.way[2]})
        await update_record("Opportunity", deal, {"amount": "1000", "stage_id": company.way[1]})
    assert (await company.read(request)).used_at is not None


async def test_a_request_with_other_facts_takes_the_place_of_the_pending_one(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    deal = await company.deal()
    first = await company.ask(deal, 1)
    with acting_as(company.actor(Role.REP)):
        await update_record("Opportunity", deal, {"amount": "2000"})
    second = await company.ask(deal, 1)
    assert (await company.state(first), await company.state(second)) == ("cancelled", "pending")
    assert (await company.read(second)).facts["amount"] == "2000"


async def test_steps_follow_one_another_and_the_change_is_applied(company: Company) -> None:
    other = await company.user("另一位经理", Role.MANAGER)
    steps: list[dict[str, Any]] = [
        {"approver": "requester_manager"},
        {"approver": "role", "role": "manager", "need": "all"},
        {"approver": "users", "users": [str(company.tenant.users[Role.ADMIN])]},
    ]
    await company.policy("stage_move", steps, name="Large deals", valid_days=3)
    await company.gate(0, {"rule": "approval", "policy": "Large deals"})
    deal = await company.deal()
    request = await company.ask(deal, 1, apply=True)
    with pytest.raises(NotApprover):
        await company.decide(request, Role.ADMIN)
    await company.decide(request, Role.MANAGER, step=1)
    # The same call again does not decide on the next step.
    assert not await company.decide(request, Role.MANAGER, step=1)
    with pytest.raises(StepPassed):
        await company.decide(request, other, step=1)
    await company.decide(request, Role.MANAGER, step=2)
    with pytest.raises(AlreadyDecided):
        await company.decide(request, Role.MANAGER, "reject", step=2)
    assert (await company.read(request)).step == 2
    await company.decide(request, other, step=2)
    assert await stage_of(company, deal) == company.way[0]
    await company.decide(request, Role.ADMIN)
    done = await company.read(request)
    assert (done.state, done.used_at is not None, done.end_reason) == (ApprovalState.APPROVED, True, None)
    assert done.valid_until is not None
    assert await stage_of(company, deal) == company.way[1]
    with acting_as(company.tenant.system):
        async with reading():
            events = [event.type for event in await OutboxEvent.filter(record_id=request).order_by("id")]
            assert events == ["ApprovalRequested", "ApprovalApproved"]
            told = [one.user_id for one in await Notification.filter(kind="approval_ended")]
            assert told == [company.tenant.users[Role.REP]]
            waiting = [str(one.user_id) for one in await Notification.filter(kind="approval_waiting")]
            manager, admin = company.tenant.users[Role.MANAGER], company.tenant.users[Role.ADMIN]
            assert sorted(waiting) == sorted(map(str, [manager, manager, other.user_id, admin]))


async def test_an_approval_stays_when_the_change_cannot_be_applied(company: Company) -> None:
    await company.gate(0, {"rule": "approval"}, {"rule": "required", "field": "next_step"})
    deal = await company.deal()
    request = await company.ask(deal, 1, apply=True)
    await company.decide(request, Role.MANAGER)
    done = await company.read(request)
    assert (done.state, done.used_at) == (ApprovalState.APPROVED, None)
    assert done.end_reason is not None
    assert "next_step" in done.end_reason
    with acting_as(company.actor(Role.REP)):
        await update_record("Opportunity", deal, {"next_step": "签约", "stage_id": company.way[1]})


async def test_one_rejection_ends_it(company: Company) -> None:
    await company.policy("stage_move", [{"approver": "role", "role": "admin"}, *BY_MANAGER], name="P")
    await company.gate(0, {"rule": "approval", "policy": "P"})
    deal = await company.deal()
    request = await company.ask(deal, 1)
    await company.decide(request, Role.ADMIN, "reject", comment="太贵")
    assert await company.state(request) == "rejected"
    before = await everything(company.tenant)
    with pytest.raises(ApprovalEnded):
        await company.decide(request, Role.MANAGER)
    with acting_as(company.actor(Role.REP)), pytest.raises(ApprovalRequired, match="rejected"):
        await move_opportunity(deal, company.way[1])
    assert await everything(company.tenant) == before
    assert await company.ask(deal, 1) != request


async def test_nobody_decides_who_may_not_and_nothing_changes(company: Company, other_tenant: SomeTenant) -> None:
    await company.gate(0, {"rule": "approval"})
    stranger = await company.user("路人", Role.MANAGER)
    request = await company.ask(await company.deal(), 1)
    before = await everything(company.tenant)
    for actor, error in (
        (company.actor(Role.REP), NotApprover),
        (company.actor(Role.ADMIN), NotApprover),
        (stranger, NotApprover),
        (company.actor(Role.READ_ONLY), PermissionDenied),
        (company.tenant.system, PermissionDenied),
        (other_tenant.actor(Role.MANAGER), NotFound),
    ):
        for verdict in ApprovalVerdict:
            with pytest.raises(error):
                await company.decide(request, actor, verdict.value)
    manager = company.actor(Role.MANAGER)
    with pytest.raises(PermissionDenied):
        await company.decide(request, replace(manager, scopes=frozenset({Scope.READ})))
    for role in (Role.MANAGER, Role.READ_ONLY):
        with acting_as(company.actor(role)), pytest.raises(PermissionDenied):
            await cancel_approval(request)
    with acting_as(other_tenant.actor(Role.ADMIN)), pytest.raises(NotFound):
        await cancel_approval(request)
    assert await everything(company.tenant) == before


async def test_a_manager_does_not_approve_an_own_request_and_overrides_no_approval(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    deal = await company.deal()
    request = await company.ask(deal, 1, role=Role.MANAGER)
    with pytest.raises(NotApprover, match="yourself"):
        await company.decide(request, Role.MANAGER)
    with acting_as(company.actor(Role.MANAGER)), pytest.raises(ApprovalRequired):
        await move_opportunity(deal, company.way[1], override_reason="我说可以")
    await company.decide(request, Role.ADMIN)
    with acting_as(company.actor(Role.ADMIN)):
        await move_opportunity(deal, company.way[1], override_reason="例外")
    assert (await company.read(request)).used_at is not None


async def test_with_other_criteria_missing_all_are_named(company: Company) -> None:
    await company.gate(0, {"rule": "approval"}, {"rule": "required", "field": "next_step"})
    deal = await company.deal()
    with acting_as(company.actor(Role.REP)), pytest.raises(CriteriaNotMet) as refused:
        await move_opportunity(deal, company.way[1])
    assert {(one.field, one.code) for one in refused.value.problems} == {
        ("approvals", "APPROVAL_REQUIRED"),
        ("next_step", "REQUIRED_BY_STAGE"),
    }


async def test_requests_end_with_their_requester_or_an_admin(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    request = await company.ask(await company.deal(), 1)
    with acting_as(company.actor(Role.REP)):
        assert await cancel_approval(request, reason="客户改主意了")
        assert not await cancel_approval(request)
    with pytest.raises(ApprovalEnded):
        await company.decide(request, Role.MANAGER)
    with acting_as(company.tenant.system):
        async with reading():
            assert await ApprovalSeat.filter(closed_at=None).count() == 0


async def test_policies_apply_from_their_thresholds_on(company: Company) -> None:
    least = {"fact": "amount", "at_least": "5000", "currency": "CNY"}
    await company.policy("stage_move", BY_MANAGER, name="Large", conditions=[least])
    await company.gate(0, {"rule": "approval", "policy": "Large"})
    small, large = await company.deal(amount="4999.99"), await company.deal(amount="5000")
    dollars = await company.deal(amount="9999", currency="USD")
    with acting_as(company.actor(Role.REP)):
        assert await move_opportunity(small, company.way[1])
        assert await move_opportunity(dollars, company.way[1])
        with pytest.raises(ApprovalRequired):
            await move_opportunity(large, company.way[1])
        with pytest.raises(NoApprovalNeeded):
            await request_approval("Opportunity", small, stage_id=company.way[2])
    with acting_as(company.tenant.system):
        async with reading():
            policy = await ApprovalPolicy.get(name="Large")
        await update_record("ApprovalPolicy", policy.id, {"is_active": False})
    # A criterion that names a policy which is not in use does not let anybody pass.
    with acting_as(company.actor(Role.REP)), pytest.raises(ApprovalRequired, match="not in use"):
        await move_opportunity(large, company.way[1])


async def test_a_later_policy_changes_no_request(company: Company) -> None:
    policy = await company.policy("stage_move", BY_MANAGER, name="P")
    await company.gate(0, {"rule": "approval", "policy": "P"})
    deal = await company.deal()
    request = await company.ask(deal, 1)
    with acting_as(company.tenant.system):
        await update_record("ApprovalPolicy", policy, {"steps": [{"approver": "role", "role": "admin"}]})
    await company.decide(request, Role.MANAGER)
    kept = await company.read(request)
    assert (kept.state, kept.policy_version) == (ApprovalState.APPROVED, 1)


async def test_without_anybody_else_nothing_is_requested(tenant: SomeTenant) -> None:
    company = Company(tenant, [])
    with acting_as(tenant.system):
        for role in (Role.MANAGER, Role.REP):
            await update_record("User", tenant.users[role], {"is_active": False})
    await company.policy("custom", BY_MANAGER)
    account = await tenant.create("Account", name="甲")
    before = await everything(tenant)
    with acting_as(tenant.actor(Role.ADMIN)), pytest.raises(NoApprover):
        await request_approval("Account", account, kind=ApprovalKind.CUSTOM, facts={"credit": 10})
    assert await everything(tenant) == before


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "NOTHING_INTENDED"),
        ({"facts": {"amount": 1}, "kind": ApprovalKind.DISCOUNT}, "NOT_YOURS"),
        ({"stage_id": uuid7()}, "REFERENCE_NOT_FOUND"),
        ({"kind": ApprovalKind.CUSTOM, "facts": {"x": object()}}, "CANNOT_BE_KEPT"),
    ],
)
async def test_requests_that_mean_nothing_are_refused(company: Company, given: dict[str, Any], code: str) -> None:
    deal = await company.deal()
    with acting_as(company.actor(Role.REP)), pytest.raises(InvalidInput) as refused:
        await request_approval("Opportunity", deal, **given)
    assert [one.code for one in refused.value.problems] == [code]


async def test_facts_are_kept_as_they_were(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    deal = await company.deal(amount="1234.5")
    kept = await company.read(await company.ask(deal, 1))
    assert Decimal(kept.facts["amount"]) == Decimal("1234.5")
    assert kept.facts == {
        "amount": "1234.5",
        "currency": "CNY",
        "stage_id": str(company.way[1]),
        "pipeline_id": kept.facts["pipeline_id"],
    }
