"""Reminders: each occurrence once, for the right person, as events too; and the rule that begins the service."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand import clock as time
from evenhand.actions.journal import writing
from evenhand.actions.records import Change, create_records, update_record, update_records
from evenhand.auth.permissions import PermissionDenied
from evenhand.automation.defaults import WON
from evenhand.automation.models import AutomationRule
from evenhand.automation.reminders import KINDS, remind, reminder_choices, set_reminders
from evenhand.automation.views import surroundings
from evenhand.entities import Opportunity, Stage, Task, Ticket
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput
from evenhand.notifications.models import Notification
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.tenants import make_tenant

from .conftest import drain, events_of, make_rule, rows


async def _remind(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        for kind in KINDS:
            async with writing("remind") as journal:
                await remind(kind, await surroundings(), await reminder_choices(), journal)


async def _told(tenant: SomeTenant) -> list[tuple[str, str]]:
    return [(one.kind, one.title) for one in await rows(tenant, Notification)]


async def _old(tenant: SomeTenant, kind: str, days: float, **values: Any) -> UUID:
    """A record that was created some days ago."""
    with acting_as(tenant.system):
        async with writing("test") as journal:
            at = [time.now() - timedelta(days=days)]
            return (await create_records(entity(kind), [values], journal=journal, moments=at))[0]


async def test_each_occurrence_is_told_once(tenant: SomeTenant) -> None:
    rep, now = tenant.users[Role.REP], datetime.now(UTC)
    task = await tenant.create("Task", subject="Call", assignee_id=rep, due_at=now - timedelta(minutes=1))
    await tenant.create("Task", subject="Later", assignee_id=rep, due_at=now + timedelta(days=1))
    await tenant.create("Task", subject="Done", assignee_id=rep, due_at=now - timedelta(days=1), done_at=now)
    await tenant.create("Task", subject="Ancient", assignee_id=rep, due_at=now - timedelta(days=30))
    await tenant.create("Task", subject="Nobody's", due_at=now - timedelta(hours=1))
    await asyncio.gather(*(_remind(tenant) for _ in range(3)))
    assert await _told(tenant) == [("task_due", "Task due: Call")]
    events = await events_of(tenant, "TaskDue")
    assert len(events) == 2
    assert task in {event.record_id for event in events}
    with acting_as(tenant.system):
        await update_record("Task", task, {"due_at": now - timedelta(seconds=1)})
    await _remind(tenant)
    assert len(await _told(tenant)) == 2


async def test_deals_and_leads_are_told_of(tenant: SomeTenant) -> None:
    rep, today = tenant.users[Role.REP], datetime.now(UTC).date()
    (stage, *_) = sorted(await rows(tenant, Stage), key=lambda one: one.position)
    await tenant.create("Opportunity", name="Step", owner_id=rep, next_step_on=today)
    await tenant.create("Opportunity", name="Not yet", owner_id=rep, next_step_on=today + timedelta(days=1))
    await _old(tenant, "Opportunity", stage.expected_days + 1.5, name="Slow", owner_id=rep)
    await _old(tenant, "Lead", 8, name="Lonely", owner_id=rep)
    busy = await _old(tenant, "Lead", 8, name="Busy", owner_id=rep)
    await tenant.create("Activity", kind="call", subject="Called", lead_id=busy)
    await _remind(tenant)
    await _remind(tenant)
    assert sorted(await _told(tenant)) == [
        ("lead_untouched", "Nobody works on this lead: Lonely"),
        ("next_step_due", "Next step due: Step"),
        ("stage_overdue", "Longer in its stage than expected: Slow"),
    ]
    (overdue,) = await events_of(tenant, "StageOverdue")
    assert (overdue.payload["expected_days"], overdue.payload["days"]) == (stage.expected_days, stage.expected_days + 1)


async def test_rules_act_on_reminders(tenant: SomeTenant) -> None:
    await make_rule(tenant, "Lead", ["LeadUntouched"], {"do": "create_task", "subject": "Call {record.name} today"})
    await _old(tenant, "Lead", 8, name="Lonely", owner_id=tenant.users[Role.REP])
    await _remind(tenant)
    await drain(tenant)
    assert [task.subject for task in await rows(tenant, Task)] == ["Call Lonely today"]


async def test_admins_set_of_what_is_reminded(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.ADMIN)):
        assert (await set_reminders(lead_untouched_days=30, task_due=False)).lead_untouched_days == 30
        assert not (await set_reminders(lead_untouched_days=20)).task_due
        with pytest.raises(InvalidInput):
            await set_reminders(lead_untouched_days=0)
    with acting_as(tenant.actor(Role.MANAGER)), pytest.raises(PermissionDenied):
        await set_reminders(task_due=True)
    for one in (tenant, other_tenant):
        await _old(one, "Lead", 8, name="Lonely", owner_id=one.users[Role.REP])
        await _remind(one)
    assert await _told(tenant) == []
    assert len(await _told(other_tenant)) == 1


@pytest.mark.parametrize(("locale", "subject"), [("en", "Onboarding: Huaxing"), ("zh-CN", "客户上线：Huaxing")])
async def test_a_won_deal_begins_the_service(database: object, locale: str, subject: str) -> None:
    tenant = await make_tenant(locale=locale)
    rep = tenant.users[Role.REP]
    account = await tenant.create("Account", name="Huaxing", owner_id=rep)
    deal = await tenant.create("Opportunity", name="Deal", account_id=account, owner_id=rep)
    (won,) = [stage for stage in await rows(tenant, Stage) if stage.kind.value == "won"]
    with acting_as(tenant.system):
        await update_record("Opportunity", deal, {"stage_id": won.id})
    await drain(tenant)
    await drain(tenant)
    (ticket,) = await rows(tenant, Ticket)
    assert (ticket.subject, ticket.account_id) == (subject, account)
    tasks = await rows(tenant, Task)
    today = datetime.now(UTC).date()
    assert [(task.due_at.date() - today).days for task in tasks] == [1, 7, 30]
    assert {(task.assignee_id, task.opportunity_id) for task in tasks} == {(rep, deal)}


async def test_the_service_can_be_switched_off_and_history_begins_nothing(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Huaxing", owner_id=tenant.users[Role.REP])
    (won,) = [stage for stage in await rows(tenant, Stage) if stage.kind.value == "won"]
    with acting_as(tenant.system):
        async with writing("test") as journal:
            draft = {"name": "Old", "account_id": account, "stage_id": won.id}
            await create_records(
                entity("Opportunity"), [draft], journal=journal, moments=[time.now() - timedelta(days=60)]
            )
    await drain(tenant)
    (rule,) = await rows(tenant, AutomationRule, key=WON)
    with acting_as(tenant.system):
        async with writing("test") as journal:
            await update_records(entity("AutomationRule"), [Change(rule.id, {"enabled": False})], journal=journal)
    await tenant.create("Opportunity", name="New", account_id=account, stage_id=won.id)
    await drain(tenant)
    assert len(await rows(tenant, Opportunity)) == 2
    assert await rows(tenant, Ticket) == []
