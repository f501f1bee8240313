"""Merging accounts moves all that refers to them, and undoing it puts back what still stands."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest
from tortoise.fields.relational import ForeignKeyFieldInstance

from evenhand.actions.errors import RecordArchived, VersionConflict
from evenhand.actions.merges import AlreadyMerged, AlreadyUndone, Source, merge_accounts, unmerge_account
from evenhand.actions.merges.references import STAYS, references
from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, restore_record, update_record
from evenhand.actions.tags import tag_records
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities import Account, AccountMerge, AccountMergeRow, Contact, ExternalId, Lead, Tagging
from evenhand.entities.enums import OwnershipReason
from evenhand.errors import InvalidInput, NotFound
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import TenantModel, uuid7
from evenhand.testing import SomeTenant
from evenhand.testing.rows import insert_some_row, tenant_models


def _columns_that_name_accounts() -> list[tuple[type[TenantModel], str]]:
    """Found here by another way than the action does: by the foreign keys of all models."""
    found = []
    for model in tenant_models():
        for name in model._meta.fk_fields:
            field = cast(ForeignKeyFieldInstance[Any], model._meta.fields_map[name])
            if field.related_model is Account:
                found.append((model, str(field.source_field)))
    return found


async def test_whatever_refers_to_an_account_moves_and_comes_back(tenant: SomeTenant) -> None:
    """A new table that names accounts moves by itself, or is named among those that stay."""
    winner, loser = [await tenant.create("Account", name=name) for name in ("甲", "乙")]
    rows: dict[tuple[str, str], UUID] = {}
    with acting_as(tenant.system):
        async with transaction() as client:
            for model, column in _columns_that_name_accounts():
                if model in STAYS or model.append_only:
                    continue
                rows[model._meta.db_table, column] = await insert_some_row(client, model, **{column: loser})
            external = {"entity": "Account", "record_id": loser}
            rows["external_ids", "record_id"] = await insert_some_row(client, ExternalId, **external)
            stays = await insert_some_row(client, ExternalId, entity="Lead", record_id=loser)
        assert len(rows) > 10
        (merge_id,) = await merge_accounts(winner, [Source(loser)])
        assert await _named(rows) == dict.fromkeys(rows, winner)
        async with reading():
            assert (await ExternalId.get(id=stays)).record_id == loser
            assert await AccountMergeRow.filter(merge_id=merge_id).count() == len(rows)
        unmerged = await unmerge_account(merge_id)
        assert (unmerged.put_back, unmerged.left) == (len(rows), [])
        assert await _named(rows) == dict.fromkeys(rows, loser)


async def _named(rows: dict[tuple[str, str], UUID]) -> dict[tuple[str, str], UUID]:
    async with reading() as client:
        return {
            (table, column): await raw_connection(client).fetchval(
                f'SELECT "{column}" FROM "{table}" WHERE id = $1',
                row_id,
            )
            for (table, column), row_id in rows.items()
        }


def test_the_action_knows_every_reference() -> None:
    known = {(one.model, one.column) for one in references()}
    for model, column in _columns_that_name_accounts():
        assert (model, column) in known or model in STAYS or model.append_only


async def test_the_winner_keeps_its_owner_and_the_ledger_says_why(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    winner = await tenant.create("Account", name="甲", owner_id=manager)
    loser = await tenant.create("Account", name="乙", owner_id=rep)
    contact = await tenant.create("Contact", name="李雷", account_id=loser)
    with acting_as(tenant.actor(Role.MANAGER)):
        (merge_id,) = await merge_accounts(winner, [Source(loser, 1)], version=1)
        async with reading():
            gone = await Account.get(id=loser)
            line = await OwnershipEntry.filter(record_id=loser).order_by("-started_at").first()
            moved = await AuditEntry.get(record_id=contact, action="merge_accounts")
            told = [event.type for event in await OutboxEvent.filter(record_id=loser).order_by("id")]
            assert (await Account.get(id=winner)).owner_id == manager
            assert await OwnershipEntry.filter(record_id=winner).count() == 1
            assert (await Contact.get(id=contact)).version == 2
        assert gone.archived_at is not None
        assert (gone.merged_into_id, gone.owner_id) == (winner, manager)
        assert line is not None
        assert (line.reason, line.owner_id, line.actor_id) == (OwnershipReason.MERGED, manager, manager)
        assert moved.before == {"account_id": str(loser)}
        assert told[1:] == ["AccountMerged", "AccountArchived"]
        with pytest.raises(InvalidInput, match="merged"):
            await restore_record("Account", loser)
        await unmerge_account(merge_id)
        async with reading():
            back = await Account.get(id=loser)
            line = await OwnershipEntry.filter(record_id=loser).order_by("-started_at").first()
        assert line is not None
        assert (back.archived_at, back.merged_into_id, back.owner_id) == (None, None, rep)
        assert (line.reason, line.owner_id) == (OwnershipReason.UNMERGED, rep)
        with pytest.raises(AlreadyUndone):
            await unmerge_account(merge_id)


async def test_what_was_changed_since_stays_and_is_reported(tenant: SomeTenant) -> None:
    winner, loser, other = [await tenant.create("Account", name=name) for name in ("甲", "乙", "丙")]
    kept, taken = [await tenant.create("Contact", name=name, account_id=loser) for name in ("a", "b")]
    with acting_as(tenant.system):
        await update_record("Account", loser, {"region": "East", "industry": "Steel"})
        (merge_id,) = await merge_accounts(winner, [Source(loser)], fill_empty=True)
        await update_record("Contact", kept, {"title": "CEO"})
        await update_record("Contact", taken, {"account_id": other})
        await update_record("Account", winner, {"region": "West"})
        unmerged = await unmerge_account(merge_id)
        async with reading():
            assert (await Contact.get(id=kept)).account_id == loser
            assert (await Contact.get(id=taken)).account_id == other
            account = await Account.get(id=winner)
    assert unmerged.put_back == 1
    assert {(one.entity, one.record_id, one.field) for one in unmerged.left} == {
        ("Contact", taken, "account_id"),
        ("Account", winner, "region"),
    }
    assert (account.region, account.industry) == ("West", None)


async def test_empty_fields_are_filled_only_when_asked(tenant: SomeTenant) -> None:
    await tenant.create("CustomField", entity="Account", key="budget")
    await tenant.create("CustomField", entity="Account", key="color")
    full = {"region": "East", "annual_revenue": "5", "annual_revenue_currency": "EUR"}
    with acting_as(tenant.system):
        for fill in (False, True):
            winner = await tenant.create("Account", name="甲", phone="1", custom={"color": "red"})
            given = {**full, "phone": "2", "custom": {"color": "blue", "budget": "9"}}
            loser = await tenant.create("Account", name="乙", **given)
            (merge_id,) = await merge_accounts(winner, [Source(loser)], fill_empty=fill)
            async with reading():
                account = await Account.get(id=winner)
            assert account.region == ("East" if fill else None)
            assert account.annual_revenue_currency == ("EUR" if fill else None)
            assert account.phone == "1"
            assert account.custom == ({"color": "red", "budget": "9"} if fill else {"color": "red"})
            assert (await unmerge_account(merge_id)).left == []
            async with reading():
                account = await Account.get(id=winner)
            assert (account.region, account.annual_revenue, account.custom) == (None, None, {"color": "red"})


async def test_tags_that_both_have_stay_once(tenant: SomeTenant) -> None:
    tag = await tenant.create("Tag", name="VIP")
    accounts = [await tenant.create("Account", name=name) for name in "abc"]
    with acting_as(tenant.system):
        await tag_records("account", accounts[1:], tag)
        merges = await merge_accounts(accounts[0], [Source(one) for one in accounts[1:]])
        async with reading():
            assert await Tagging.filter(account_id=accounts[0]).count() == 1
        for merge_id in reversed(merges):
            await unmerge_account(merge_id)
        async with reading():
            assert [await Tagging.filter(account_id=one).count() for one in accounts] == [0, 1, 1]


async def test_what_cannot_be_merged_is_refused(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    a, b, c, d = [await tenant.create("Account", name=name) for name in "abcd"]
    foreign = await other_tenant.create("Account", name="x")
    with acting_as(tenant.system):
        for sources in ([Source(a)], [Source(b), Source(b)], []):
            with pytest.raises(InvalidInput):
                await merge_accounts(a, sources)
        for unknown in (foreign, uuid7()):
            with pytest.raises(NotFound):
                await merge_accounts(a, [Source(unknown)])
        with pytest.raises(VersionConflict):
            await merge_accounts(a, [Source(b, 7)])
        with pytest.raises(VersionConflict):
            await merge_accounts(a, [Source(b)], version=7)
        await archive_record("Account", d)
        with pytest.raises(RecordArchived):
            await merge_accounts(d, [Source(a)])
        with pytest.raises(RecordArchived):
            await merge_accounts(a, [Source(d)])
        (first,) = await merge_accounts(b, [Source(c)])
        for into, source in ((a, c), (c, a), (b, c)):
            with pytest.raises(AlreadyMerged):
                await merge_accounts(into, [Source(source)])
        await merge_accounts(a, [Source(b)])
        async with reading():
            assert (await Account.get(id=c)).merged_into_id == a
        with pytest.raises(AlreadyMerged):
            await unmerge_account(first)
        with pytest.raises(NotFound):
            await unmerge_account(uuid7())
    with acting_as(tenant.actor(Role.REP)), pytest.raises(PermissionDenied):
        await merge_accounts(a, [Source(d)])


async def test_trees_stay_trees(tenant: SomeTenant) -> None:
    top = await tenant.create("Account", name="top")
    loser = await tenant.create("Account", name="loser", parent_id=top)
    winner = await tenant.create("Account", name="winner", parent_id=loser)
    child = await tenant.create("Account", name="child", parent_id=loser)
    between = await tenant.create("Account", name="between", parent_id=winner)
    below = await tenant.create("Account", name="below", parent_id=between)
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput) as invalid:
            await merge_accounts(below, [Source(winner)])
        assert invalid.value.problems[0].code == "LOOP"
        (merge_id,) = await merge_accounts(winner, [Source(loser)])
        async with reading():
            parents = {account.id: account.parent_id for account in await Account.all()}
        assert (parents[winner], parents[child], parents[loser]) == (top, winner, top)
        await unmerge_account(merge_id)
        async with reading():
            parents = {account.id: account.parent_id for account in await Account.all()}
        assert (parents[winner], parents[child]) == (loser, loser)


async def test_a_former_owner_who_left_does_not_get_it_back(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    winner = await tenant.create("Account", name="甲")
    loser = await tenant.create("Account", name="乙", owner_id=rep)
    lead = await tenant.create("Lead", name="L", account_id=loser)
    with acting_as(tenant.system):
        (merge_id,) = await merge_accounts(winner, [Source(loser)])
        await archive_record("User", rep)
        await set_owner("Lead", [lead], owner_id=tenant.users[Role.MANAGER])
        await unmerge_account(merge_id)
        async with reading():
            back = await Account.get(id=loser)
            assert (await Lead.get(id=lead)).owner_id == tenant.users[Role.MANAGER]
            assert (await AccountMerge.get(id=merge_id)).undone_at is not None
    assert back.owner_id is None
    assert back.pool_id is not None
