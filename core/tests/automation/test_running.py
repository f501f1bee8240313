"""Rules over real events: views, actions, exactly once, failures, isolation."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, create_record, update_record
from evenhand.actions.tags import tag_records
from evenhand.actions.webhooks import create_webhook_endpoint
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.automation.defaults import WON
from evenhand.automation.models import AutomationCount, AutomationRule, RunOutcome
from evenhand.automation.ordering import reorder_rules
from evenhand.automation.running import DEEPEST, MOST_FAILURES, run_rules
from evenhand.automation.trying import try_rule
from evenhand.db.session import transaction
from evenhand.entities import Account, Lead, Opportunity, Tagging, Task, Ticket
from evenhand.errors import InvalidInput
from evenhand.events.models import EventDelivery, EventSubscriber
from evenhand.notifications.models import Notification
from evenhand.ownership.models import Pool
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant

from .conftest import NOTIFY, deliver, drain, events_of, make_rule, rows, runs

TICKET = {"do": "create_ticket", "subject": "Set up"}


async def test_a_rule_acts_when_its_condition_holds(tenant: SomeTenant) -> None:
    rule = await make_rule(tenant, "Lead", ["LeadCreated"], condition='record.company == "Huaxing"')
    owner = tenant.users[Role.REP]
    await tenant.create("Lead", name="Li Wei", company="Huaxing", owner_id=owner)
    await tenant.create("Lead", name="Wang Fang", company="Other", owner_id=owner)
    await drain(tenant)
    (told,) = await rows(tenant, Notification)
    assert (told.user_id, told.title, told.kind) == (owner, "Look at Li Wei", "automation")
    (run,) = await runs(tenant)
    assert (run.rule_id, run.outcome, run.event_type) == (rule, RunOutcome.DONE, "LeadCreated")
    assert "Look at Li Wei" in run.results[0]["en"]
    (count,) = await rows(tenant, AutomationCount)
    assert (count.checked, count.matched, count.failed) == (2, 1, 0)


async def test_the_same_event_runs_once_also_in_parallel(tenant: SomeTenant) -> None:
    await make_rule(tenant, "Lead", ["LeadCreated"], {"do": "create_task", "subject": "Call {record.name}"})
    await tenant.create("Lead", name="Li Wei", owner_id=tenant.users[Role.REP])
    await asyncio.gather(*(deliver(tenant, "LeadCreated") for _ in range(4)))
    await deliver(tenant, "LeadCreated")
    assert [task.subject for task in await rows(tenant, Task)] == ["Call Li Wei"]
    assert len(await runs(tenant)) == 1


async def test_every_action_is_done_as_the_rule(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    with acting_as(tenant.system):
        await update_record("User", rep, {"manager_id": manager})
        await create_record("CustomField", {"entity": "Opportunity", "key": "budget", "type": "text"})
    tag, gone = await tenant.create("Tag", name="Hot"), await tenant.create("Tag", name="Cold")
    account = await tenant.create("Account", name="Huaxing", owner_id=rep)
    rule = await make_rule(
        tenant,
        "Opportunity",
        ["OpportunityCreated"],
        {"do": "create_task", "subject": "Prepare {record.name}", "due_in_days": 3, "priority": "high"},
        {"do": "create_ticket", "subject": "Set up {account.name}", "assignee": f"user:{manager}"},
        {"do": "notify", "to": ["owner", "owner_manager", "admins"], "title": "{owner.name}: {record.amount}"},
        {"do": "set_field", "field": "nextStep", "value": "Send offer to {account.name}"},
        {"do": "set_field", "field": "custom.budget", "value": "{record.amount}"},
        {"do": "add_tag", "tag": str(tag), "why": "Because of {event.type}"},
        {"do": "remove_tag", "tag": str(gone)},
    )
    deal = await tenant.create("Opportunity", name="Deal", account_id=account, owner_id=rep, amount=Decimal("1234.5"))
    with acting_as(tenant.system):
        await tag_records("Opportunity", [deal], gone)
    await drain(tenant)
    (run,) = await runs(tenant)
    assert (run.error, len(run.results)) == (None, 7)
    (task,) = await rows(tenant, Task)
    assert (task.subject, task.assignee_id, task.priority.value) == ("Prepare Deal", rep, "high")
    assert (task.opportunity_id, task.account_id) == (deal, account)
    assert (task.due_at.date() - datetime.now(UTC).date()).days == 3
    (ticket,) = await rows(tenant, Ticket)
    assert (ticket.subject, ticket.account_id, ticket.assignee_id) == ("Set up Huaxing", account, manager)
    told = await rows(tenant, Notification)
    assert {one.user_id for one in told} == {rep, manager, tenant.users[Role.ADMIN]}
    assert "1,234.50" in told[0].title
    (record,) = await rows(tenant, Opportunity, id=deal)
    assert (record.next_step, record.custom) == ("Send offer to Huaxing", {"budget": "1,234.50"})
    assert [one.tag_id for one in await rows(tenant, Tagging)] == [tag]
    audits = await rows(tenant, AuditEntry, via=f"automation:{rule}")
    assert {entry.entity for entry in audits} == {"Task", "Ticket", "Opportunity"}


async def test_a_record_goes_into_a_pool(tenant: SomeTenant) -> None:
    (pool,) = await rows(tenant, Pool)
    await make_rule(tenant, "Lead", ["LeadUpdated"], {"do": "move_to_pool", "pool": str(pool.id), "note": "Idle"})
    lead = await tenant.create("Lead", name="Li Wei", owner_id=tenant.users[Role.REP])
    with acting_as(tenant.system):
        await update_record("Lead", lead, {"company": "Huaxing"})
    await drain(tenant)
    (record,) = await rows(tenant, Lead)
    assert (record.owner_id, record.pool_id) == (None, pool.id)


async def test_an_event_goes_to_a_webhook_that_did_not_ask_for_it(tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.ADMIN)):
        endpoint = (await create_webhook_endpoint("https://example.com/hook", ["AccountCreated"])).endpoint_id
    await make_rule(tenant, "Lead", ["LeadCreated"], {"do": "call_webhook", "endpoint": str(endpoint)})
    await tenant.create("Lead", name="Li Wei", owner_id=tenant.users[Role.REP])
    await deliver(tenant, "LeadCreated")
    await deliver(tenant, "LeadCreated")
    (subscriber,) = await rows(tenant, EventSubscriber, kind="webhook")
    (waiting,) = await rows(tenant, EventDelivery, subscriber_id=subscriber.id)
    (event,) = await events_of(tenant, "LeadCreated")
    assert waiting.event_id == event.id
    assert "https://example.com/hook" in (await runs(tenant))[0].results[0]["en"]
    with pytest.raises(InvalidInput):
        await make_rule(tenant, "Lead", ["LeadCreated"], {"do": "call_webhook", "endpoint": str(uuid7())})


async def test_conditions_see_what_changed_and_what_is_around(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    account = await tenant.create("Account", name="Huaxing", owner_id=rep, tier="A")
    tag = await tenant.create("Tag", name="VIP")
    deal = await tenant.create("Opportunity", name="Deal", account_id=account, owner_id=rep, amount=Decimal(100))
    with acting_as(tenant.system):
        await tag_records("Opportunity", [deal], tag)
    with acting_as(tenant.actor(Role.MANAGER)):
        await update_record("Opportunity", deal, {"amount": Decimal(5000)})
    holds = [
        "before.amount == 100 && record.amount == 5000",
        '"amount" in changed && !("name" in changed)',
        'account.tier == "a" && stage.kind == "open" && "VIP" in tags',
        'actor.role == "manager" && owner.role == "rep" && event.via == "test"',
        "before.name == record.name && record.createdAt <= event.at && event.at <= now",
        "record.closedOn == null && pool.name == null",
    ]
    for number, condition in enumerate(holds):
        await make_rule(tenant, "Opportunity", ["OpportunityUpdated"], condition=condition, name=str(number))
    await make_rule(tenant, "Opportunity", ["OpportunityUpdated"], condition="before.amount == 5000", name="wrong")
    await deliver(tenant, "OpportunityUpdated")
    names = {rule.id: rule.name for rule in await rows(tenant, AutomationRule, key=None)}
    assert sorted(names[run.rule_id] for run in await runs(tenant)) == [str(n) for n in range(len(holds))]


async def test_what_one_rule_cannot_do_is_undone_and_disturbs_no_other(tenant: SomeTenant) -> None:
    pool = await tenant.create("Pool", name="Later")
    bad = await make_rule(
        tenant,
        "Lead",
        ["LeadCreated"],
        {"do": "create_task", "subject": "First"},
        {"do": "set_field", "field": "email", "value": "{record.name}"},
        position=1,
    )
    good = await make_rule(tenant, "Lead", ["LeadCreated"], {"do": "move_to_pool", "pool": str(pool)}, position=2)
    await tenant.create("Lead", name="no address", owner_id=tenant.users[Role.REP])
    await drain(tenant)
    assert await rows(tenant, Task) == []
    outcomes = {run.rule_id: run for run in await runs(tenant)}
    assert outcomes[bad].outcome is RunOutcome.FAILED
    assert "email" in outcomes[bad].error
    assert outcomes[good].outcome is RunOutcome.DONE


async def test_a_rule_that_fails_again_and_again_is_suspended_until_it_is_changed(tenant: SomeTenant) -> None:
    rule = await make_rule(
        tenant, "Lead", ["LeadCreated"], {"do": "set_field", "field": "email", "value": "{record.name}"}
    )
    for number in range(MOST_FAILURES + 2):
        await tenant.create("Lead", name=f"Lead {number}", owner_id=tenant.users[Role.REP])
    await drain(tenant)
    (suspended,) = await rows(tenant, AutomationRule, key=None)
    assert suspended.suspended_at is not None
    assert f"{MOST_FAILURES} times" in suspended.suspended_reason
    assert len(await runs(tenant)) == MOST_FAILURES
    (told,) = await rows(tenant, Notification)
    assert (told.user_id, told.kind, told.record_id) == (tenant.users[Role.ADMIN], "rule_suspended", rule)
    with acting_as(tenant.actor(Role.ADMIN)):
        await update_record("AutomationRule", rule, {"actions": [NOTIFY]})
    (back,) = await rows(tenant, AutomationRule, key=None)
    assert (back.suspended_at, back.failures) == (None, 0)
    await tenant.create("Lead", name="One more", owner_id=tenant.users[Role.REP])
    await drain(tenant)
    assert (await runs(tenant))[-1].outcome is RunOutcome.DONE


async def test_rules_in_circles_are_stopped_with_the_reason(tenant: SomeTenant) -> None:
    await make_rule(tenant, "Lead", ["LeadCreated"])
    await tenant.create("Lead", name="Li Wei", owner_id=tenant.users[Role.REP])
    (event,) = await events_of(tenant, "LeadCreated")
    names = ("id", "type", "entity", "record_id", "user_id", "via", "occurred_at")
    deep: Any = SimpleNamespace(**{name: getattr(event, name) for name in names}, depth=DEEPEST)
    with acting_as(tenant.system):
        async with transaction():
            await run_rules([deep])
    (run,) = await runs(tenant)
    assert (run.outcome, run.results) == (RunOutcome.STOPPED, [])
    assert "circles" in run.error
    assert await rows(tenant, Notification) == []


async def test_a_match_can_end_it_and_off_is_off(tenant: SomeTenant) -> None:
    await make_rule(tenant, "Lead", ["LeadCreated"], name="off", enabled=False, position=1)
    first = await make_rule(tenant, "Lead", ["LeadCreated"], name="first", stop_on_match=True, position=2)
    await make_rule(tenant, "Lead", ["LeadCreated"], name="later", position=3)
    await make_rule(tenant, "Account", ["OwnerChanged"], name="other entity", position=1)
    await tenant.create("Lead", name="Li Wei", owner_id=tenant.users[Role.REP])
    await drain(tenant)
    assert [run.rule_id for run in await runs(tenant)] == [first]


async def test_rules_of_one_tenant_never_meet_events_of_another(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await make_rule(tenant, "Lead", ["LeadCreated"])
    await other_tenant.create("Lead", name="Li Wei", owner_id=other_tenant.users[Role.REP])
    events = await events_of(other_tenant, "LeadCreated")
    with acting_as(tenant.system):
        async with transaction():
            await run_rules(events)
    await drain(other_tenant)
    assert await runs(tenant) == []
    assert await runs(other_tenant) == []
    theirs = await other_tenant.create("Tag", name="Hot")
    with pytest.raises(InvalidInput) as refused:
        await make_rule(tenant, "Lead", ["LeadCreated"], {"do": "add_tag", "tag": str(theirs)})
    assert refused.value.problems[0].code == "REFERENCE_NOT_FOUND"


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"entity": "Nothing"}, "entity", "UNKNOWN_ENTITY"),
        ({"events": []}, "events", "REQUIRED"),
        ({"events": ["AccountCreated"]}, "events", "UNKNOWN_EVENT"),
        ({"condition": "record.nmae == 'x'"}, "condition", "UNKNOWN_FIELD"),
        ({"condition": "record.status == 'Won'"}, "condition", "NOT_A_CHOICE"),
        ({"actions": []}, "actions", "REQUIRED"),
        ({"actions": [{"do": "explode"}]}, "actions.0", "BAD_ACTION"),
        ({"actions": [{"do": "create_task"}]}, "actions.0.subject", "BAD_ACTION"),
        ({"actions": [{"do": "create_task", "subject": "{record.nmae}"}]}, "actions.0.subject", "UNKNOWN_FIELD"),
        ({"actions": [{"do": "create_task", "subject": "x", "assignee": "x"}]}, "actions.0.assignee", "BAD_ACTION"),
        ({"actions": [{"do": "set_field", "field": "nope", "value": 1}]}, "actions.0.field", "UNKNOWN_FIELD"),
        ({"actions": [{"do": "set_field", "field": "ownerId", "value": None}]}, "actions.0.field", "UNKNOWN_FIELD"),
        ({"actions": [{"do": "set_field", "field": "status", "value": "x"}]}, "actions.0.value", "NOT_A_CHOICE"),
        (
            {"actions": [{"do": "set_field", "field": "custom.x", "value": 1}]},
            "actions.0.value",
            "UNKNOWN_CUSTOM_FIELD",
        ),
        ({"entity": "Campaign", "events": ["CampaignCreated"], "actions": [TICKET]}, "actions.0", "NO_ACCOUNT"),
    ],
)
async def test_bad_rules_are_refused_by_name(tenant: SomeTenant, values: dict[str, Any], field: str, code: str) -> None:
    rule = {"name": "Bad", "entity": "Lead", "events": ["LeadCreated"], "actions": [NOTIFY], **values}
    with acting_as(tenant.actor(Role.ADMIN)), pytest.raises(InvalidInput) as refused:
        await create_record("AutomationRule", rule)
    assert (refused.value.problems[0].field, refused.value.problems[0].code) == (field, code)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP, Role.READ_ONLY])
async def test_only_admins_make_rules(tenant: SomeTenant, role: Role) -> None:
    rule = {"name": "Mine", "entity": "Lead", "events": ["LeadCreated"], "actions": [NOTIFY]}
    with acting_as(tenant.actor(role)):
        with pytest.raises(PermissionDenied):
            await create_record("AutomationRule", rule)
        with pytest.raises(PermissionDenied):
            await try_rule({**rule, "condition": None})
    assert await rows(tenant, AutomationRule, key=None) == []


async def test_a_trial_tells_everything_and_changes_nothing(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    await tenant.create("Account", name="Huaxing", owner_id=rep, employees=50)
    await tenant.create("Account", name="Small", owner_id=rep, employees=0)
    await tenant.create("Account", name="Unknown", owner_id=rep)
    before = [len(await rows(tenant, model)) for model in (Task, Notification, AuditEntry, Account)]
    values = {
        "entity": "Account",
        "events": ["AccountCreated"],
        "condition": "1000 / record.employees >= 20",
        "actions": [{"do": "create_task", "subject": {"en": "Visit {record.name}", "zh": "拜访{record.name}"}}, NOTIFY],
    }
    with acting_as(tenant.actor(Role.ADMIN)):
        unknown, small, huaxing = await try_rule(values)
    assert (unknown.matched, unknown.empty, unknown.error) == (False, ("record.employees",), None)
    assert not small.matched
    assert "division by zero" in str(small.error)
    assert huaxing.matched
    assert huaxing.actions[0]["en"].startswith("Creates the task “Visit Huaxing” for rep of")
    assert huaxing.actions[0]["zh"].startswith("创建任务“拜访Huaxing”")
    assert "Look at Huaxing" in huaxing.actions[1]["en"]
    assert before == [len(await rows(tenant, model)) for model in (Task, Notification, AuditEntry, Account)]


async def test_owner_changes_are_events_with_old_owners(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    await make_rule(
        tenant,
        "Lead",
        ["OwnerChanged"],
        condition=f'before.ownerId == "{rep}" && owner.id == "{manager}"',
    )
    lead = await tenant.create("Lead", name="Li Wei", owner_id=rep)
    with acting_as(tenant.system):
        await set_owner("Lead", [lead], owner_id=manager)
    await drain(tenant)
    (told,) = await rows(tenant, Notification)
    assert told.user_id == manager
    assert told.created_at - datetime.now(UTC) < timedelta(minutes=1)


async def test_events_that_rules_cause_name_their_cause_and_end(tenant: SomeTenant) -> None:
    """A rule that changes its record is asked about its own change, and again, until it is stopped."""
    await make_rule(
        tenant,
        "Lead",
        ["LeadUpdated"],
        {"do": "set_field", "field": "notes", "value": "{before.notes}x"},
    )
    lead = await tenant.create("Lead", name="Li Wei", owner_id=tenant.users[Role.REP], notes="x")
    with acting_as(tenant.system):
        await update_record("Lead", lead, {"notes": "xx"})
    await drain(tenant)
    found = await runs(tenant)
    outcomes = [run.outcome for run in found]
    events = await events_of(tenant, "LeadUpdated")
    assert len(events) <= DEEPEST + 1
    assert outcomes[-1] in (RunOutcome.STOPPED, RunOutcome.DONE)
    assert [event.depth for event in events] == list(range(len(events)))
    assert [event.cause for event in events[1:]] == [event.id for event in events[:-1]]


async def test_only_events_that_rules_wait_for_are_delivered(tenant: SomeTenant) -> None:
    rule = await make_rule(tenant, "Lead", ["LeadCreated"])
    second = await make_rule(tenant, "Account", ["OwnerChanged", "AccountCreated"])
    (subscriber,) = await rows(tenant, EventSubscriber, kind="automation")
    assert sorted(subscriber.events) == ["AccountCreated", "LeadCreated", "OpportunityWon", "OwnerChanged"]
    with acting_as(tenant.system):
        await update_record("AutomationRule", rule, {"enabled": False})
        (subscriber,) = await rows(tenant, EventSubscriber, kind="automation")
        assert (sorted(subscriber.events), subscriber.active) == (
            ["AccountCreated", "OpportunityWon", "OwnerChanged"],
            True,
        )
        await archive_record("AutomationRule", second)
        (own,) = await rows(tenant, AutomationRule, key=WON)
        await archive_record("AutomationRule", own.id)
    (subscriber,) = await rows(tenant, EventSubscriber, kind="automation")
    assert not subscriber.active


async def test_rules_made_at_once_all_get_their_events(tenant: SomeTenant) -> None:
    wanted = ["LeadCreated", "LeadUpdated", "LeadArchived", "LeadRestored", "LeadConverted", "OwnerChanged"]
    await asyncio.gather(*(make_rule(tenant, "Lead", [event]) for event in wanted))
    (subscriber,) = await rows(tenant, EventSubscriber, kind="automation")
    assert sorted(subscriber.events) == sorted([*wanted, "OpportunityWon"])


async def test_rules_are_put_into_an_order(tenant: SomeTenant) -> None:
    ids = [await make_rule(tenant, "Lead", ["LeadCreated"], name=str(number)) for number in range(4)]
    with acting_as(tenant.actor(Role.ADMIN)):
        assert await reorder_rules([ids[2], ids[0]]) == 5
        assert await reorder_rules([ids[2], ids[0]]) == 0
        with pytest.raises(InvalidInput):
            await reorder_rules([ids[2], ids[2]])
    ordered = sorted(await rows(tenant, AutomationRule, key=None), key=lambda rule: rule.position)
    assert [rule.name for rule in ordered] == ["2", "0", "1", "3"]
    with acting_as(tenant.actor(Role.MANAGER)), pytest.raises(PermissionDenied):
        await reorder_rules(ids)
