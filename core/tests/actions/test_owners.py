from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from evenhand.actions.bulk import restore_many
from evenhand.actions.errors import AlreadyConverted, OwnerNotEligible, RecordArchived
from evenhand.actions.leads import Converted, convert_lead
from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, restore_record
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Account, Contact, ContactChannel, Lead, Opportunity, Stage
from evenhand.entities.enums import LeadStatus, OwnershipReason
from evenhand.errors import InvalidInput, NotFound
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import OwnershipEntry, Pool
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


async def test_a_change_of_owner_touches_ownership_only(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li", status="working", notes="called twice")
    rep = tenant.users[Role.REP]
    with acting_as(tenant.system):
        async with reading():
            before = (await Lead.get(id=lead)).columns()
    with acting_as(tenant.actor(Role.MANAGER)):
        assert await set_owner("lead", [lead], owner_id=rep, note="knows the region") == [lead]
        assert await set_owner("lead", [lead], owner_id=rep) == []
        async with reading():
            after = (await Lead.get(id=lead)).columns()
            line = await OwnershipEntry.filter(record_id=lead).order_by("-id").first()
            told = await OutboxEvent.filter(record_id=lead, type="OwnerChanged").count()
    assert {name for name in after if after[name] != before[name]} == {"owner_id", "pool_id", "held_since", "version"}
    assert line is not None
    assert (line.owner_id, line.reason, line.note) == (rep, OwnershipReason.MANUAL, "knows the region")
    assert line.actor_id == tenant.users[Role.MANAGER]
    assert told == 1


async def test_a_record_goes_back_to_a_pool(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li", owner_id=tenant.users[Role.REP])
    pool = await tenant.create("Pool", name="华东公海")
    with acting_as(tenant.actor(Role.MANAGER)):
        await set_owner("lead", [lead], pool_id=pool)
        async with reading():
            record = await Lead.get(id=lead)
            lines = await OwnershipEntry.filter(record_id=lead).order_by("id").values_list("owner_id", "pool_id")
    assert (record.owner_id, record.pool_id) == (None, pool)
    assert lines == [(tenant.users[Role.REP], None), (None, pool)]


async def test_bad_holders_change_nothing(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    leads = [await tenant.create("Lead", name=f"Li {number}") for number in range(3)]
    rep = tenant.users[Role.REP]
    with acting_as(tenant.actor(Role.MANAGER)):
        for owner, pool, error in (
            (None, None, InvalidInput),
            (rep, uuid7(), InvalidInput),
            (uuid7(), None, InvalidInput),
            (other_tenant.users[Role.REP], None, InvalidInput),
            (None, uuid7(), InvalidInput),
            (tenant.users[Role.READ_ONLY], None, OwnerNotEligible),
        ):
            with pytest.raises(error):
                await set_owner("lead", leads, owner_id=owner, pool_id=pool)
        with pytest.raises(NotFound):
            await set_owner("lead", [*leads, uuid7()], owner_id=rep)
        with pytest.raises(InvalidInput):
            await set_owner("contact", leads, owner_id=rep)
        async with reading():
            assert await Lead.filter(owner_id=rep).count() == 0
            assert await OwnershipEntry.filter(record_id__in=leads).count() == len(leads)


@pytest.mark.parametrize("role", [Role.REP, Role.READ_ONLY])
async def test_reps_cannot_hand_out_records(tenant: SomeTenant, role: Role) -> None:
    lead = await tenant.create("Lead", name="Li")
    with acting_as(tenant.actor(role)), pytest.raises(PermissionDenied):
        await set_owner("lead", [lead], owner_id=tenant.users[Role.REP])


async def test_parallel_changes_leave_ledger_and_column_in_step(tenant: SomeTenant) -> None:
    leads = [await tenant.create("Lead", name=f"Li {number}") for number in range(5)]
    owners = [tenant.users[Role.REP], tenant.users[Role.MANAGER], tenant.users[Role.ADMIN]]

    async def change(number: int) -> None:
        with acting_as(tenant.system):
            picked = leads[number % 5 :] + leads[: number % 5]
            await set_owner("lead", picked, owner_id=owners[number % 3])

    await asyncio.gather(*(change(number) for number in range(24)))
    with acting_as(tenant.system):
        async with reading():
            for lead in leads:
                lines = await OwnershipEntry.filter(record_id=lead).order_by("started_at", "id")
                assert lines[-1].owner_id == (await Lead.get(id=lead)).owner_id
                assert all(one.owner_id != two.owner_id for one, two in pairwise(lines))


async def test_a_lead_becomes_a_customer_of_the_same_owner(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    lead = await tenant.create(
        "Lead",
        name="张伟",
        company="杭州某某科技",
        email="zhang@example.com",
        wechat="zhangwei_88",
        value_estimate="8000",
        value_currency="CNY",
        owner_id=rep,
    )
    with acting_as(tenant.actor(Role.REP)):
        result = await convert_lead(lead, version=1)
        async with reading():
            account = await Account.get(id=result.account_id)
            contact = await Contact.get(id=result.contact_id)
            channels = await ContactChannel.filter(contact_id=contact.id).order_by("kind")
            deal = await Opportunity.get(id=result.opportunity_id)
            closed = await Lead.get(id=lead)
            line = await OwnershipEntry.get(record_id=account.id)
    assert (account.name, account.owner_id, contact.name) == ("杭州某某科技", rep, "张伟")
    assert [channel.value for channel in channels] == ["zhang@example.com", "zhangwei_88"]
    assert (deal.amount, deal.currency, deal.owner_id) == (8000, "CNY", rep)
    assert closed.status is LeadStatus.CONVERTED
    assert closed.converted_account_id == account.id
    assert line.reason is OwnershipReason.CONVERTED


async def test_a_lead_is_converted_once_also_by_racers(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")

    async def convert() -> Converted | None:
        with acting_as(tenant.system):
            try:
                return await convert_lead(lead)
            except AlreadyConverted:
                return None

    results = await asyncio.gather(*(convert() for _ in range(6)))
    assert sum(result is not None for result in results) == 1
    with acting_as(tenant.system):
        async with reading():
            assert await Account.all().count() == 1


async def test_a_lead_joins_an_existing_customer(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="Acme", owner_id=tenant.users[Role.MANAGER])
    lead = await tenant.create("Lead", name="Li", owner_id=tenant.users[Role.REP])
    with acting_as(tenant.system):
        result = await convert_lead(lead, account_id=account, with_opportunity=False)
        async with reading():
            assert (await Account.get(id=account)).owner_id == tenant.users[Role.MANAGER]
        with pytest.raises(NotFound):
            await convert_lead(uuid7())
    assert (result.account_id, result.opportunity_id) == (account, None)


async def test_archived_records_keep_their_owner(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")
    with acting_as(tenant.system):
        await archive_record("Lead", lead)
        with pytest.raises(RecordArchived):
            await set_owner("lead", [lead], owner_id=tenant.users[Role.REP])
        async with reading():
            assert await OwnershipEntry.filter(record_id=lead).count() == 1


@pytest.mark.parametrize("note", ["长" * 501, "\x00", "\ud800"])
async def test_notes_that_the_ledger_cannot_keep_are_refused(tenant: SomeTenant, note: str) -> None:
    lead = await tenant.create("Lead", name="Li")
    with acting_as(tenant.system), pytest.raises(InvalidInput) as invalid:
        await set_owner("lead", [lead], owner_id=tenant.users[Role.REP], note=note)
    assert invalid.value.problems[0].field == "note"


async def test_what_comes_back_does_not_come_to_somebody_who_left(tenant: SomeTenant) -> None:
    leaver = await tenant.create("User", name="Lei Li", role="rep")
    stays = tenant.users[Role.REP]
    account, kept = [await tenant.create("Account", name=name, owner_id=leaver) for name in ("Left", "Kept")]
    leads = [await tenant.create("Lead", name="L", owner_id=owner) for owner in (leaver, stays, leaver)]
    for name, record in (("Account", account), *(("Lead", lead) for lead in leads)):
        with acting_as(tenant.system):
            await archive_record(name, record)
    with acting_as(tenant.system):
        await set_owner("account", [kept], owner_id=stays)
    await tenant.update("User", leaver, is_active=False)
    with acting_as(tenant.actor(Role.ADMIN)):
        async with reading():
            default = await Pool.get(is_default=True)
            before = (await Account.get(id=account)).columns()
        assert await restore_record("Account", account, version=before["version"])
        assert not await restore_record("Account", account)
        items = await restore_many("Lead", leads)
        assert all(item.error is None for item in items)
        async with reading():
            found = await Account.get(id=account)
            lines = await OwnershipEntry.filter(record_id=account).order_by("started_at", "id")
            holders = [((lead := await Lead.get(id=one)).owner_id, lead.pool_id) for one in leads]
            told = await OutboxEvent.filter(record_id=account, type="OwnerChanged").count()
            restored = await OutboxEvent.filter(record_id=account, type="AccountRestored").count()
    assert (found.owner_id, found.pool_id, found.archived_at) == (None, default.id, None)
    assert found.version == before["version"] + 1
    assert found.held_since == lines[-1].started_at
    assert [(line.owner_id, line.pool_id, line.reason) for line in lines] == [
        (leaver, None, OwnershipReason.CREATED),
        (None, default.id, OwnershipReason.RELEASED),
    ]
    assert (told, restored) == (1, 1)
    assert holders == [(None, default.id), (stays, None), (None, default.id)]


async def test_a_won_deal_that_comes_back_stays_with_who_won_it(tenant: SomeTenant) -> None:
    leaver = await tenant.create("User", name="Lei Li", role="rep")
    with acting_as(tenant.system):
        async with reading():
            won = await Stage.filter(kind="won", archived_at=None).first()
    assert won is not None
    deal = await tenant.create("Opportunity", name="D", owner_id=leaver, stage_id=won.id, amount=1, currency="CNY")
    with acting_as(tenant.system):
        await archive_record("Opportunity", deal)
    await tenant.update("User", leaver, is_active=False)
    with acting_as(tenant.system):
        await restore_record("Opportunity", deal)
        async with reading():
            assert (await Opportunity.get(id=deal)).owner_id == leaver
            assert await OwnershipEntry.filter(record_id=deal).count() == 1
