"""What is not decided in time: reminded, escalated or ended, once each, also by several workers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand import clock
from evenhand.actions.approvals.deadlines import settle_deadlines
from evenhand.approvals.errors import ApprovalEnded, NotApprover
from evenhand.approvals.models import ApprovalSeat
from evenhand.db.session import reading, transaction
from evenhand.events.models import OutboxEvent
from evenhand.jobs import drain_jobs, enqueue
from evenhand.jobs.models import Schedule
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant

from .conftest import Company


@contextmanager
def later(**delta: float) -> Iterator[None]:
    with clock.use_clock(lambda: clock.system_clock() + timedelta(**delta)):
        yield


async def waiting(company: Company, at_deadline: str, **step: Any) -> UUID:
    """A request that is due in a day."""
    first = {"approver": "requester_manager", "hours": 24, "at_deadline": at_deadline, **step}
    await company.policy("stage_move", [first], name="P")
    await company.gate(0, {"rule": "approval", "policy": "P"})
    return await company.ask(await company.deal(), 1)


async def settle(tenant: SomeTenant) -> int:
    with acting_as(tenant.system):
        return await settle_deadlines()


async def told(company: Company, role: Role, kind: str = "approval_waiting") -> int:
    with acting_as(company.tenant.system):
        async with reading():
            return await Notification.filter(kind=kind, user_id=company.tenant.users[role]).count()


async def test_nothing_happens_before_the_deadline(company: Company) -> None:
    request = await waiting(company, "expire")
    with later(hours=23):
        assert await settle(company.tenant) == 0
    assert await company.state(request) == "pending"


@pytest.mark.parametrize(("at_deadline", "state"), [("expire", "expired"), ("reject", "rejected")])
async def test_it_ends_once(company: Company, at_deadline: str, state: str) -> None:
    request = await waiting(company, at_deadline)
    with later(hours=25):
        settled = await asyncio.gather(*(settle(company.tenant) for _ in range(4)))
        assert sum(settled) == 1
        assert await settle(company.tenant) == 0
        with pytest.raises(ApprovalEnded):
            await company.decide(request, Role.MANAGER)
    assert await company.state(request) == state
    assert await told(company, Role.REP, "approval_ended") == 1
    with acting_as(company.tenant.system):
        async with reading():
            ends = [event.type for event in await OutboxEvent.filter(record_id=request).order_by("id")]
    assert ends == ["ApprovalRequested", f"Approval{state.capitalize()}"]


async def test_reminders_come_once_in_each_period(company: Company) -> None:
    request = await waiting(company, "remind")
    for hours, reminders in ((25, 2), (26, 2), (50, 3)):
        with later(hours=hours):
            await settle(company.tenant)
            await settle(company.tenant)
        assert await told(company, Role.MANAGER) == reminders
    assert await company.decide(request, Role.MANAGER)


async def test_it_passes_up_the_chain_and_stays_with_the_last(company: Company) -> None:
    request = await waiting(company, "escalate")
    with later(hours=25):
        assert await settle(company.tenant) == 1
        assert await settle(company.tenant) == 0
    with acting_as(company.tenant.system):
        async with reading():
            seats = await ApprovalSeat.filter(request_id=request).order_by("id")
            manager, admin = company.tenant.users[Role.MANAGER], company.tenant.users[Role.ADMIN]
            assert [(seat.user_id, seat.closed_at is None, seat.escalated_from_id) for seat in seats] == [
                (manager, False, None),
                (admin, True, manager),
            ]
    with pytest.raises(NotApprover):
        await company.decide(request, Role.MANAGER)
    with later(hours=50):
        assert await settle(company.tenant) == 1
    assert await told(company, Role.ADMIN) == 2
    assert await company.decide(request, Role.ADMIN)


async def test_another_tenants_deadlines_are_left_alone(company: Company, other_tenant: SomeTenant) -> None:
    request = await waiting(company, "expire")
    with later(hours=25):
        assert await settle(other_tenant) == 0
    assert await company.state(request) == "pending"


async def test_the_schedule_of_every_tenant_does_it(company: Company) -> None:
    request = await waiting(company, "expire")
    with later(hours=25):
        with acting_as(company.tenant.system):
            async with reading():
                schedule = await Schedule.get(name="approval_deadlines")
            async with transaction():
                await enqueue(schedule.kind, schedule.payload, title="approvals")
        await drain_jobs()
    assert await company.state(request) == "expired"
