"""Deputies decide for those who are away, and it is kept for whom."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand import clock
from evenhand.actions.approvals.deputies import end_deputy, set_deputy
from evenhand.approvals.errors import NotApprover
from evenhand.approvals.models import ApprovalDecision, Deputy
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.errors import InvalidInput, NotFound
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant

from .conftest import Company


def today() -> date:
    return clock.now().date()


async def deputies(tenant: SomeTenant) -> list[tuple[UUID, UUID]]:
    with acting_as(tenant.system):
        async with reading():
            return [(one.user_id, one.deputy_id) for one in await Deputy.filter(archived_at=None).order_by("id")]


async def test_a_deputy_decides_within_the_days_and_it_is_kept_for_whom(company: Company) -> None:
    colleague = await company.user("代理")
    assert colleague.user_id is not None
    with acting_as(company.actor(Role.MANAGER)):
        past = await set_deputy(
            colleague.user_id, starts_on=today() - timedelta(days=9), ends_on=today() - timedelta(days=2)
        )
    await company.gate(0, {"rule": "approval"})
    request = await company.ask(await company.deal(), 1)
    with pytest.raises(NotApprover):
        await company.decide(request, colleague)
    with acting_as(company.actor(Role.MANAGER)):
        days: dict[str, Any] = {"starts_on": today() - timedelta(days=1), "ends_on": today() + timedelta(days=1)}
        now = await set_deputy(colleague.user_id, **days)
        assert await set_deputy(colleague.user_id, **days) == now
        assert await end_deputy(past)
        assert not await end_deputy(past)
    assert await company.decide(request, colleague, comment="代批")
    with acting_as(company.tenant.system):
        async with reading():
            decision = await ApprovalDecision.get(request_id=request)
            assert (decision.seat_user_id, decision.decided_by_id) == (
                company.tenant.users[Role.MANAGER],
                colleague.user_id,
            )


async def test_without_days_a_deputy_decides_while_the_user_is_absent(company: Company) -> None:
    colleague = await company.user("代理")
    other = await company.user("前任代理")
    assert colleague.user_id is not None
    assert other.user_id is not None
    with acting_as(company.actor(Role.MANAGER)):
        await set_deputy(other.user_id)
        await set_deputy(colleague.user_id)
    manager = company.tenant.users[Role.MANAGER]
    assert await deputies(company.tenant) == [(manager, colleague.user_id)]
    await company.gate(0, {"rule": "approval"})
    request = await company.ask(await company.deal(), 1)
    with pytest.raises(NotApprover):
        await company.decide(request, colleague)
    await company.tenant.create(
        "Absence", user_id=manager, starts_on=today() - timedelta(days=1), ends_on=today() + timedelta(days=1)
    )
    with pytest.raises(NotApprover):
        await company.decide(request, other)
    assert await company.decide(request, colleague)
    # While the manager is away, also the deputy is told.
    second = await company.ask(await company.deal(name="二"), 1)
    with acting_as(company.tenant.system):
        async with reading():
            keys = await Notification.filter(user_id=colleague.user_id)
    assert [one.key for one in keys] == [f"approval:{second}:1:asked"]


async def test_requesters_do_not_decide_as_deputies_and_nobody_decides_twice_at_a_step(company: Company) -> None:
    second = await company.user("经理二", Role.MANAGER)
    assert second.user_id is not None
    manager, rep = company.tenant.users[Role.MANAGER], company.tenant.users[Role.REP]
    days: dict[str, Any] = {"starts_on": today() - timedelta(days=1), "ends_on": today() + timedelta(days=1)}
    with acting_as(company.actor(Role.MANAGER)):
        await set_deputy(rep, **days)
    with acting_as(second):
        await set_deputy(manager, **days)
    await company.policy("stage_move", [{"approver": "role", "role": "manager", "need": "all"}], name="P")
    await company.gate(0, {"rule": "approval", "policy": "P"})
    request = await company.ask(await company.deal(), 1)
    with pytest.raises(NotApprover, match="yourself"):
        await company.decide(request, Role.REP)
    assert await company.decide(request, Role.MANAGER)
    assert not await company.decide(request, Role.MANAGER)
    assert await company.state(request) == "pending"
    assert await company.decide(request, second)
    assert await company.state(request) == "approved"


async def test_only_managers_name_deputies_of_others(company: Company, other_tenant: SomeTenant) -> None:
    users = company.tenant.users
    before = await deputies(company.tenant)
    for role, error in ((Role.REP, PermissionDenied), (Role.READ_ONLY, PermissionDenied)):
        with acting_as(company.actor(role)), pytest.raises(error):
            await set_deputy(users[Role.REP], user_id=users[Role.MANAGER])
    with acting_as(company.actor(Role.ADMIN)), pytest.raises(InvalidInput):
        await set_deputy(users[Role.READ_ONLY], user_id=users[Role.REP])
    with acting_as(company.actor(Role.REP)), pytest.raises(InvalidInput):
        await set_deputy(users[Role.REP])
    with acting_as(company.actor(Role.REP)), pytest.raises(InvalidInput):
        await set_deputy(users[Role.MANAGER], starts_on=today())
    with acting_as(company.actor(Role.REP)), pytest.raises(InvalidInput):
        await set_deputy(other_tenant.users[Role.MANAGER])
    with acting_as(other_tenant.actor(Role.ADMIN)), pytest.raises(NotFound):
        await set_deputy(other_tenant.users[Role.MANAGER], user_id=users[Role.REP])
    assert await deputies(company.tenant) == before
    with acting_as(company.actor(Role.MANAGER)):
        made = await set_deputy(users[Role.MANAGER], user_id=users[Role.REP])
    for actor, wrong in ((other_tenant.actor(Role.ADMIN), NotFound), (company.actor(Role.READ_ONLY), PermissionDenied)):
        with acting_as(actor), pytest.raises(wrong):
            await end_deputy(made)
