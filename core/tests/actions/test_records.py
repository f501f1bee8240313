from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.errors import DuplicateValue, OwnerNotEligible, RecordArchived, VersionConflict
from evenhand.actions.journal import writing
from evenhand.actions.records import (
    archive_record,
    create_record,
    create_records,
    restore_record,
    update_record,
)
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import (
    Account,
    Activity,
    Contact,
    ContactChannel,
    Lead,
    Opportunity,
    Order,
    OrderLine,
    Stage,
    StageChange,
)
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import ENTITIES, entity
from evenhand.errors import InvalidInput, NotFound
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import OwnershipEntry, Pool
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


async def traces(record_id: UUID) -> tuple[list[str], list[str], int]:
    """Actions audited, events told and ledger lines of a record; call inside `reading()`."""
    audited = await AuditEntry.filter(record_id=record_id).order_by("id").values_list("action", flat=True)
    told = await OutboxEvent.filter(record_id=record_id).order_by("id").values_list("type", flat=True)
    held = await OwnershipEntry.filter(record_id=record_id).count()
    return [str(item) for item in audited], [str(item) for item in told], held


async def needed(tenant: SomeTenant, name: str) -> dict[str, Any]:
    """The least that a draft of each entity needs."""
    match name:
        case "Product":
            return {"code": f"P-{uuid7()}", "name": "Press"}
        case "Stage":
            pipeline = await tenant.create("Pipeline", name=f"Renewals {uuid7()}")
            return {"pipeline_id": pipeline, "name": "First"}
        case "Absence":
            return {"user_id": tenant.users[Role.REP], "starts_on": "2026-01-01", "ends_on": "2026-01-02"}
        case "ApprovalPolicy":
            steps = [{"approver": "role", "role": "admin"}]
            return {"name": f"{name} 名 {uuid7()}", "kind": "discount", "steps": steps}
        case "PoolMember":
            return {"pool_id": await tenant.create("Pool", name=f"Pool {uuid7()}"), "region": "East", "role": "member"}
        case "PoolRule":
            pool = await tenant.create("Pool", name=f"Pool {uuid7()}")
            return {"pool_id": pool, "name": "All leads", "entity": "Lead", "claims_per_day": 20}
        case "Deputy":
            return {"user_id": tenant.users[Role.REP], "deputy_id": tenant.users[Role.MANAGER]}
        case "Team" | "User" | "Pool" | "Account" | "Contact" | "Campaign" | "Lead" | "Pipeline" | "Opportunity":
            return {"name": f"{name} 名 {uuid7()}"}
        case "Competitor" | "Tag":
            return {"name": f"{name} 名 {uuid7()}"}
        case "CustomField":
            return {"entity": "Lead", "key": f"key_{uuid7().hex}"}
        case "VisibilityRule":
            return {"role": "rep", "entity": "Lead", "sees": "team", "edits": "own"}
        case "FieldRule":
            return {"role": "rep", "entity": "Lead", "field": "company", "effect": "mask"}
        case "ExportRight":
            return {"role": "rep", "entity": "Lead"}
        case "Holiday":
            return {"day": "2026-10-01", "name": "国庆节"}
        case "AutomationRule":
            action = {"do": "notify", "to": ["owner"], "title": "Look"}
            return {"name": "Rule", "entity": "Lead", "events": ["LeadCreated"], "actions": [action]}
    account = await tenant.create("Account", name="Acme")
    match name:
        case "Order":
            return {"number": f"SO-{uuid7()}", "account_id": account, "total": "10"}
        case "Payment":
            number = f"SO-{uuid7()}"
            order = await tenant.create("Order", number=number, account_id=account, total="10")
            return {"order_id": order, "amount": "3"}
        case "Activity":
            return {"kind": "call", "subject": "First call", "account_id": account}
        case "Task" | "Ticket":
            return {"subject": "Look into it", "account_id": account}
        case "SurveyAnswer":
            return {"kind": "nps", "score": 9, "account_id": account}
        case "Attachment":
            return {"file_name": "a.pdf", "size_bytes": 3, "sha256": "0" * 64, "account_id": account}
    raise AssertionError(f"no draft for {name}")


@pytest.mark.parametrize("name", ENTITIES)
async def test_every_entity_is_created_changed_archived_and_restored(tenant: SomeTenant, name: str) -> None:
    kind = entity(name)
    draft = await needed(tenant, name)
    with acting_as(tenant.system):
        record_id = await create_record(name, draft)
        assert await update_record(name, record_id, {kind.title: draft.get(kind.title)}, version=1) is False
        assert await archive_record(name, record_id) is True
        assert await archive_record(name, record_id) is False
        with pytest.raises(RecordArchived):
            await update_record(name, record_id, {})
        assert await restore_record(name, record_id) is True
        assert await restore_record(name, record_id) is False
        async with reading():
            record = await kind.model.get(id=record_id)
            audited, told, held = await traces(record_id)
    assert record.archived_at is None
    assert record.version == 3
    assert [action.split("_")[0] for action in audited] == ["create", "archive", "restore"]
    assert told == [f"{name}Created", f"{name}Archived", f"{name}Restored"]
    assert held == (1 if kind.ownable else 0)


async def test_a_change_is_journalled_with_before_and_after(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li", company="甲公司", owner_id=tenant.users[Role.REP])
    with acting_as(tenant.actor(Role.REP)):
        assert await update_record("lead", lead, {"company": "乙公司", "name": "Li"}, version=1) is True
        async with reading():
            entry = await AuditEntry.get(record_id=lead, action="update_lead")
    assert (entry.before, entry.after) == ({"company": "甲公司"}, {"company": "乙公司"})
    assert (entry.user_id, entry.via) == (tenant.users[Role.REP], "test")


async def test_a_stale_version_changes_nothing(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")
    with acting_as(tenant.system):
        await update_record("lead", lead, {"name": "Wang"}, version=1)
        with pytest.raises(VersionConflict) as conflict:
            await update_record("lead", lead, {"name": "Zhao"}, version=1)
        assert conflict.value.details == {"current": 2}
        async with reading():
            assert (await Lead.get(id=lead)).name == "Wang"


async def test_of_parallel_changes_to_one_version_one_wins(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")

    async def change(number: int) -> bool:
        with acting_as(tenant.system):
            try:
                return await update_record("lead", lead, {"name": f"Li {number}"}, version=1)
            except VersionConflict:
                return False

    assert sum(await asyncio.gather(*(change(number) for number in range(8)))) == 1


async def test_a_failing_draft_creates_nothing(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput) as invalid:
            async with writing("create_leads") as journal:
                await create_records(entity("lead"), [{"name": "Li"}, {"name": ""}, {"nome": "x"}], journal=journal)
        assert [problem.field for problem in invalid.value.problems] == ["1.name", "2.nome", "2.name"]
        async with reading():
            assert await Lead.all().count() == 0
            assert await AuditEntry.filter(entity="Lead").count() == 0
            assert await OutboxEvent.filter(entity="Lead").count() == 0


async def test_references_are_checked_and_named(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    foreign = await other_tenant.create("Campaign", name="Spring")
    with acting_as(tenant.system):
        for campaign in (foreign, uuid7()):
            with pytest.raises(InvalidInput) as invalid:
                await create_record("lead", {"name": "Li", "campaign_id": campaign})
            assert [(item.field, item.code) for item in invalid.value.problems] == [
                ("campaign_id", "REFERENCE_NOT_FOUND")
            ]


async def test_unique_values_are_unique_per_tenant(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await tenant.create("Product", code="X-1", name="Press")
    await other_tenant.create("Product", code="X-1", name="Press")
    with pytest.raises(DuplicateValue, match="X-1"):
        await tenant.create("Product", code="X-1", name="Other press")


async def test_unknown_records_are_not_found(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    foreign = await other_tenant.create("Lead", name="Li")
    with acting_as(tenant.system):
        for record_id in (foreign, uuid7()):
            with pytest.raises(NotFound):
                await update_record("lead", record_id, {"name": "x"})
            with pytest.raises(NotFound):
                await archive_record("lead", record_id)


async def test_who_creates_an_account_owns_it_and_leads_wait_in_the_pool(tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.REP)):
        account = await create_record("account", {"name": "Acme"})
        lead = await create_record("lead", {"name": "Li"})
        async with reading():
            assert (await Account.get(id=account)).owner_id == tenant.users[Role.REP]
            pool = await Pool.get(is_default=True)
            assert (await Lead.get(id=lead)).pool_id == pool.id
            line = await OwnershipEntry.get(record_id=lead)
    assert (line.pool_id, line.owner_id, line.reason) == (pool.id, None, OwnershipReason.CREATED)


async def test_nobody_owns_who_cannot(tenant: SomeTenant) -> None:
    gone = await tenant.create("User", name="Gone", is_active=False)
    for owner in (gone, tenant.users[Role.READ_ONLY]):
        with pytest.raises(OwnerNotEligible):
            await tenant.create("Lead", name="Li", owner_id=owner)
    pool = uuid7()
    with pytest.raises(InvalidInput):
        await tenant.create("Lead", name="Li", owner_id=tenant.users[Role.REP], pool_id=pool)


async def test_the_holder_cannot_be_changed_by_an_update(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")
    with acting_as(tenant.system), pytest.raises(InvalidInput) as invalid:
        await update_record("lead", lead, {"owner_id": tenant.users[Role.REP]})
    assert invalid.value.problems[0].code == "UNKNOWN_FIELD"


async def test_channels_are_written_and_replaced_with_their_contact(tenant: SomeTenant) -> None:
    channels = [{"kind": "email", "value": "li@example.com"}, {"kind": "wechat", "value": "li_wx"}]
    contact = await tenant.create("Contact", name="李雷", channels=channels)
    with acting_as(tenant.system):
        await update_record("contact", contact, {"channels": [{"kind": "phone", "value": "+86 10 5555 0100"}]})
        async with reading():
            kept = await ContactChannel.filter(contact_id=contact)
            assert [channel.value for channel in kept] == ["+86 10 5555 0100"]
            assert (await Contact.get(id=contact)).version == 2
        with pytest.raises(InvalidInput) as invalid:
            await update_record("contact", contact, {"channels": [{"kind": "pigeon", "value": ""}, "x"]})
    assert [item.field for item in invalid.value.problems] == ["channels.0.kind", "channels.0.value", "channels.1"]


async def test_addresses_and_definitions_are_checked(tenant: SomeTenant) -> None:
    with pytest.raises(InvalidInput) as invalid:
        await tenant.create("Contact", name="Li", channels=[{"kind": "email", "value": "nobody"}])
    assert [(item.field, item.code) for item in invalid.value.problems] == [("channels.0.value", "BAD_EMAIL")]
    with pytest.raises(InvalidInput) as invalid:
        await tenant.create("CustomField", entity="Spaceship", key="a", type="choice")
    assert [item.field for item in invalid.value.problems] == ["entity", "options"]


async def test_an_order_is_the_sum_of_its_lines(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Acme")
    lines = [
        {"quantity": "3", "unit_price": "19.99", "discount_percent": "10"},
        {"quantity": "1.5", "unit_price": "0.01"},
    ]
    order = await tenant.create("Order", number="SO-1", account_id=account, lines=lines)
    with acting_as(tenant.system):
        async with reading():
            kept = await Order.get(id=order)
            amounts = await OrderLine.filter(order_id=order).order_by("position").values_list("amount", flat=True)
    assert amounts == [Decimal("53.97"), Decimal("0.02")]
    assert (kept.total, kept.currency) == (Decimal("53.99"), "USD")
    with pytest.raises(InvalidInput, match="total"):
        await tenant.create("Order", number="SO-2", account_id=account)


async def test_an_opportunity_moves_through_its_stages(tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.REP)):
        deal = await create_record("opportunity", {"name": "New line", "amount": "500"})
        async with reading():
            opened = await Opportunity.get(id=deal)
            won = await Stage.get(pipeline_id=opened.pipeline_id, kind="won")
        assert (opened.currency, opened.closed_on) == ("USD", None)
        await update_record("opportunity", deal, {"stage_id": won.id})
        async with reading():
            closed = await Opportunity.get(id=deal)
            moves = (
                await StageChange.filter(opportunity_id=deal).order_by("id").values_list("from_stage_id", "to_stage_id")
            )
            _, told, _ = await traces(deal)
    assert closed.closed_on is not None
    assert moves == [(None, opened.stage_id), (opened.stage_id, won.id)]
    assert sorted(told) == ["OpportunityCreated", "OpportunityUpdated", "OpportunityWon", "StageChanged"]


async def test_a_stage_of_another_pipeline_is_refused(tenant: SomeTenant) -> None:
    other = await tenant.create("Pipeline", name="Renewals")
    stage = await tenant.create("Stage", pipeline_id=other, name="First")
    deal = await tenant.create("Opportunity", name="Deal")
    with acting_as(tenant.system), pytest.raises(InvalidInput):
        await update_record("opportunity", deal, {"stage_id": stage})


async def test_days_must_be_in_order(tenant: SomeTenant) -> None:
    with pytest.raises(InvalidInput, match="ends_on"):
        await tenant.create("Absence", user_id=tenant.users[Role.REP], starts_on="2026-02-02", ends_on="2026-02-01")
    campaign = await tenant.create("Campaign", name="Spring", starts_on="2026-02-02")
    with acting_as(tenant.system), pytest.raises(InvalidInput, match="ends_on"):
        await update_record("campaign", campaign, {"ends_on": "2026-01-01"})


@pytest.mark.parametrize(
    ("role", "name", "allowed"),
    [
        (Role.ADMIN, "User", True),
        (Role.MANAGER, "User", False),
        (Role.MANAGER, "Product", True),
        (Role.REP, "Product", False),
        (Role.REP, "Lead", True),
        (Role.READ_ONLY, "Lead", False),
    ],
)
async def test_roles_may_create_what_the_table_says(tenant: SomeTenant, role: Role, name: str, allowed: bool) -> None:
    draft = await needed(tenant, name)
    with acting_as(tenant.actor(role)):
        if allowed:
            assert await create_record(name, draft)
            return
        async with reading():
            before = await entity(name).model.all().count()
        with pytest.raises(PermissionDenied):
            await create_record(name, draft)
        async with reading():
            assert await entity(name).model.all().count() == before


async def test_who_notes_an_activity_is_its_author_unless_another_is_named(tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.REP)):
        own = await create_record("activity", {"kind": "call", "subject": "First call"})
        others = {"kind": "call", "subject": "Second call", "author_id": tenant.users[Role.MANAGER]}
        named = await create_record("activity", others)
        async with reading():
            assert (await Activity.get(id=own)).author_id == tenant.users[Role.REP]
            assert (await Activity.get(id=named)).author_id == tenant.users[Role.MANAGER]
