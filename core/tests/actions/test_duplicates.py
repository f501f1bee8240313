"""A customer that somebody has is not created or claimed a second time."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from evenhand.actions.bulk import ItemStatus, create_many, update_many
from evenhand.actions.duplicates.keys import rebuild_keys
from evenhand.actions.duplicates.settings import set_duplicate_checks
from evenhand.actions.leads import convert_lead
from evenhand.actions.merges import Source, merge_accounts, unmerge_account
from evenhand.actions.records import Change, archive_record, create_record, restore_record, update_record
from evenhand.actions.upserts import Upsert, upsert_many
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities import Account
from evenhand.entities.enums import Strictness
from evenhand.errors import EvenhandError, InvalidInput
from evenhand.events.models import OutboxEvent
from evenhand.ownership.duplicates.errors import DuplicateInPool, DuplicateOwned
from evenhand.ownership.duplicates.models import DuplicateKey
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.testing import SomeTenant

TAX_ID = "91310000MA1K35XY2B"


def _as(tenant: SomeTenant, user_id: UUID, role: Role = Role.REP) -> Actor:
    return Actor(tenant_id=tenant.id, user_id=user_id, role=role, via="test")


async def test_who_and_since_when_is_told(tenant: SomeTenant) -> None:
    owner = await tenant.create("User", name="Li Wei", role="rep")
    held = await tenant.create("Account", name="Acme", tax_id=TAX_ID, website="https://www.acme.com", owner_id=owner)
    pool = await tenant.create("Pool", name="East")
    waiting = await tenant.create("Account", name="Waiting", tax_id="DE123456789", pool_id=pool)
    with acting_as(tenant.actor(Role.ADMIN)):
        with pytest.raises(
            DuplicateOwned, match=r"^Acme is held by Li Wei since \d{4}-\d\d-\d\d \(same tax id\)"
        ) as one:
            await create_record("Account", {"name": "Other", "tax_id": " 91310000-ma1k35xy2b "})
        assert str(held) in one.value.hint
        with pytest.raises(DuplicateOwned, match="same domain"):
            await create_record("Account", {"name": "Other", "website": "acme.com/contact"})
        with pytest.raises(DuplicateInPool, match="Waiting is there already, in pool East since") as two:
            await create_record("Account", {"name": "Other", "tax_id": "de 123 456 789"})
        assert str(waiting) in two.value.hint
        same_name = await create_record("Account", {"name": "ACME Ltd"})
        async with reading():
            assert await Account.all().count() == 3
            event = await OutboxEvent.filter(record_id=same_name, type="DuplicateFound").get()
    assert event.payload["of_id"] == str(held)


async def test_a_hidden_customer_is_only_said_to_be_protected(tenant: SomeTenant) -> None:
    owner = await tenant.create("User", name="Li Wei", role="rep")
    held = await tenant.create("Account", name="Secret customer", tax_id=TAX_ID, owner_id=owner)
    with (
        acting_as(tenant.actor(Role.REP)),
        pytest.raises(DuplicateOwned, match="protected by another team") as hidden,
    ):
        await create_record("Account", {"name": "Other", "tax_id": TAX_ID})
    assert "Secret" not in str(hidden.value)
    assert "Li Wei" not in str(hidden.value)
    assert str(held) in hidden.value.hint
    with acting_as(_as(tenant, owner)), pytest.raises(DuplicateOwned, match="You hold Secret customer"):
        await create_record("Account", {"name": "Other", "tax_id": TAX_ID})


async def test_managers_go_on_with_words_that_are_kept(tenant: SomeTenant) -> None:
    await tenant.create("Account", name="Acme", tax_id=TAX_ID, owner_id=tenant.users[Role.REP])
    with acting_as(tenant.actor(Role.REP)), pytest.raises(PermissionDenied):
        await create_record("Account", {"name": "Branch", "tax_id": TAX_ID}, override="a branch")
    with acting_as(tenant.actor(Role.MANAGER)):
        with pytest.raises(InvalidInput):
            await create_record("Account", {"name": "Branch", "tax_id": TAX_ID}, override="  ")
        branch = await create_record("Account", {"name": "Branch", "tax_id": TAX_ID}, override="a branch of it")
        async with reading():
            assert (await OwnershipEntry.get(record_id=branch)).override == "a branch of it"


async def test_companies_of_one_group_share_a_domain(tenant: SomeTenant) -> None:
    parent = await tenant.create("Account", name="Acme", website="acme.com", owner_id=tenant.users[Role.REP])
    with acting_as(tenant.actor(Role.ADMIN)):
        child = await create_record("Account", {"name": "Acme East", "website": "acme.com", "parent_id": parent})
        with pytest.raises(DuplicateOwned):
            await create_record("Account", {"name": "Acme", "website": "acme.com"})
        await create_record("Account", {"name": "Acme West", "website": "acme.com", "parent_id": parent})
    assert child != parent


async def test_one_call_is_compared_with_itself(tenant: SomeTenant) -> None:
    await tenant.create("Account", name="Acme", tax_id=TAX_ID, owner_id=tenant.users[Role.REP])
    drafts = [
        {"name": "A", "tax_id": "FR12345678"},
        {"name": "B", "tax_id": "FR12345678"},
        {"name": "C", "tax_id": TAX_ID},
        {"name": "D", "tax_id": "IT12345678"},
    ]
    with acting_as(tenant.actor(Role.ADMIN)):
        items = await create_many("Account", drafts)
    assert [item.status for item in items] == [
        ItemStatus.CREATED,
        ItemStatus.FAILED,
        ItemStatus.FAILED,
        ItemStatus.CREATED,
    ]


async def test_leads_are_compared_with_leads_and_warned_of_customers(tenant: SomeTenant) -> None:
    await tenant.create("Account", name="Acme", website="acme.com", owner_id=tenant.users[Role.REP])
    await tenant.create("Lead", name="Li", email="li@acme.com", owner_id=tenant.users[Role.REP])
    with acting_as(tenant.actor(Role.ADMIN)):
        await create_record("Lead", {"name": "Li again", "email": "LI@acme.com"})
        await set_duplicate_checks(email=Strictness.STOP)
        with pytest.raises(DuplicateOwned, match="Li is held by"):
            await create_record("Lead", {"name": "Li again", "email": "LI@acme.com"})
        await create_record("Lead", {"name": "Wang", "email": "wang@acme.com"})


async def test_a_conversion_is_told_where_the_customer_is(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    held = await tenant.create("Account", name="Acme", phone="13812345678", owner_id=tenant.users[Role.MANAGER])
    lead = await tenant.create("Lead", name="Li", company="Acme Ltd", phone="+86 138 1234 5678", owner_id=rep)
    with acting_as(tenant.actor(Role.ADMIN)):
        await set_duplicate_checks(phone=Strictness.STOP)
        with pytest.raises(DuplicateOwned, match="phone number"):
            await convert_lead(lead)
        assert (await convert_lead(lead, account_id=held)).account_id == held


async def test_a_change_is_compared_as_a_new_record_is(tenant: SomeTenant) -> None:
    owner = await tenant.create("User", name="Li Wei", role="rep")
    held = await tenant.create("Account", name="Acme", tax_id=TAX_ID, website="acme.com", owner_id=owner)
    own = await tenant.create("Account", name="Own", phone="13812345678", owner_id=tenant.users[Role.REP])
    with acting_as(tenant.actor(Role.REP)):
        with pytest.raises(DuplicateOwned, match="An account with the same tax id is protected by another team"):
            await update_record("Account", own, {"tax_id": TAX_ID.lower()})
        with pytest.raises(DuplicateOwned, match="same domain"):
            await update_record("Account", own, {"website": "www.acme.com"})
        assert await update_record("Account", own, {"tax_id": "DE123456789", "name": "ACME Ltd"})
        async with reading():
            told = await OutboxEvent.filter(record_id=own, type="DuplicateFound").get()
            assert (await Account.get(id=own)).website is None
    assert (told.payload["of_id"], told.payload["keys"]) == (str(held), ["name"])
    with acting_as(tenant.actor(Role.ADMIN)):
        with pytest.raises(DuplicateOwned, match=r"^Acme is held by Li Wei since"):
            await update_record("Account", own, {"website": "https://acme.com/"})
        await update_record("Account", held, {"website": "https://www.acme.com/about", "tax_id": f" {TAX_ID}"})
        await update_record("Account", own, {"website": "acme.com", "parent_id": held})
        await set_duplicate_checks(tax_id=Strictness.WARN)
        await update_record("Account", own, {"tax_id": TAX_ID})
        await update_record("Account", own, {"industry": "Steel"})
        async with reading():
            assert await OutboxEvent.filter(record_id=own, type="DuplicateFound").count() == 2


async def test_changes_of_one_call_are_compared_with_each_other(tenant: SomeTenant) -> None:
    records = [await tenant.create("Account", name=f"Acme {n}", owner_id=tenant.users[Role.REP]) for n in range(3)]
    await tenant.create("Account", name="Held", tax_id=TAX_ID, owner_id=tenant.users[Role.MANAGER])
    values = ["FR12345678", "FR12345678", TAX_ID]
    with acting_as(tenant.actor(Role.ADMIN)):
        changes = [Change(one, {"tax_id": value}) for one, value in zip(records, values, strict=True)]
        items = await update_many("Account", changes)
    assert [item.status for item in items] == [ItemStatus.UPDATED, ItemStatus.FAILED, ItemStatus.FAILED]
    assert [type(item.error) for item in items[1:]] == [DuplicateOwned, DuplicateOwned]


async def test_of_parallel_changes_and_creations_one_gets_through(tenant: SomeTenant) -> None:
    records = [await tenant.create("Account", name=f"A {n}", owner_id=tenant.users[Role.REP]) for n in range(20)]

    async def attempt(number: int) -> bool:
        with acting_as(tenant.actor(Role.ADMIN)):
            try:
                if number % 2:
                    await create_record("Account", {"name": f"B {number}", "tax_id": TAX_ID})
                else:
                    await update_record("Account", records[number // 2], {"tax_id": TAX_ID})
            except (DuplicateOwned, DuplicateInPool):
                return False
            return True

    assert sum(await asyncio.gather(*(attempt(number) for number in range(40)))) == 1


async def test_a_merge_takes_keys_over(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    into = await tenant.create("Account", name="Acme", owner_id=rep)
    other = await tenant.create("Account", name="Acme Ltd", tax_id=TAX_ID, website="acme.com", owner_id=rep)
    with acting_as(tenant.actor(Role.ADMIN)):
        (merge,) = await merge_accounts(into, [Source(other)], fill_empty=True)
        async with reading():
            assert (await Account.get(id=into)).tax_id == TAX_ID
        await unmerge_account(merge)
        async with reading():
            assert (await Account.get(id=other)).tax_id == TAX_ID


async def test_many_go_on_with_words(tenant: SomeTenant) -> None:
    await tenant.create("Account", name="Acme", tax_id=TAX_ID, owner_id=tenant.users[Role.REP])
    drafts = [{"name": "Branch", "tax_id": TAX_ID}, {"name": "Free", "tax_id": "DE123456789"}]
    with acting_as(tenant.actor(Role.REP)), pytest.raises(PermissionDenied):
        await create_many("Account", drafts, override="branches")
    with acting_as(tenant.actor(Role.MANAGER)):
        with pytest.raises(InvalidInput):
            await create_many("Account", drafts, override=" ")
        items = await create_many("Account", drafts, override="branches")
        assert [item.status for item in items] == [ItemStatus.CREATED] * 2
        again = Upsert("7", {"name": "Third", "tax_id": TAX_ID})
        (refused,) = await upsert_many("Account", "erp", [again])
        assert isinstance(refused.error, DuplicateOwned)
        (made,) = await upsert_many("Account", "erp", [again], override="as in the ERP")
        assert made.status is ItemStatus.CREATED
        async with reading():
            lines = {line.record_id: line.override for line in await OwnershipEntry.all()}
    words = [lines[item.record_id] for item in [*items, made] if item.record_id is not None]
    assert words == ["branches", None, "as in the ERP"]


async def test_settings_say_how_strictly(tenant: SomeTenant) -> None:
    await tenant.create("Account", name="Acme", website="acme.com", tax_id=TAX_ID, owner_id=tenant.users[Role.REP])
    with acting_as(tenant.actor(Role.MANAGER)), pytest.raises(PermissionDenied):
        await set_duplicate_checks(tax_id=Strictness.OFF)
    with acting_as(tenant.actor(Role.ADMIN)):
        await set_duplicate_checks(tax_id=Strictness.WARN, free_domains=["WWW.Acme.com"], name=Strictness.OFF)
        with pytest.raises(InvalidInput):
            await set_duplicate_checks(free_domains=["no domain"])
        record = await create_record("Account", {"name": "Acme", "website": "acme.com", "tax_id": TAX_ID})
        async with reading():
            told = await OutboxEvent.filter(record_id=record, type="DuplicateFound").get()
    assert told.payload["keys"] == ["tax_id"]


async def test_the_system_is_warned_and_goes_on(tenant: SomeTenant) -> None:
    first = await tenant.create("Account", name="Acme", tax_id=TAX_ID)
    second = await tenant.create("Account", name="Other", tax_id=TAX_ID)
    with acting_as(tenant.system):
        async with reading():
            told = await OutboxEvent.filter(record_id=second, type="DuplicateFound").get()
    assert told.payload["of_id"] == str(first)


async def test_keys_follow_their_records(tenant: SomeTenant) -> None:
    record = await tenant.create("Account", name="Acme", tax_id=TAX_ID)

    async def keys() -> set[str]:
        with acting_as(tenant.system):
            async with reading():
                return {row.value for row in await DuplicateKey.filter(record_id=record)}

    assert await keys() == {"acme", TAX_ID.lower()}
    await tenant.update("Account", record, name="Acme Ltd", tax_id=None, phone="021 5555 6666")
    assert await keys() == {"acme", "+862155556666"}
    with acting_as(tenant.system):
        await archive_record("Account", record)
        assert await keys() == set()
        await restore_record("Account", record)
        assert await keys() == {"acme", "+862155556666"}
        other = await create_record("Account", {"name": "Winner"})
        (merge,) = await merge_accounts(other, [Source(record)])
        assert await keys() == set()
        await unmerge_account(merge)
        assert await keys() == {"acme", "+862155556666"}
        async with transaction() as client:
            await raw_connection(client).execute("DELETE FROM duplicate_keys WHERE tenant_id = $1", tenant.id)
        assert await rebuild_keys() == 2
        assert await keys() == {"acme", "+862155556666"}


async def test_other_tenants_customers_are_no_duplicates(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await other_tenant.create("Account", name="Acme", tax_id=TAX_ID, owner_id=other_tenant.users[Role.REP])
    with acting_as(tenant.actor(Role.REP)):
        await create_record("Account", {"name": "Acme", "tax_id": TAX_ID})


async def test_of_200_parallel_creations_one_gets_through(tenant: SomeTenant) -> None:
    async def create(number: int) -> UUID | EvenhandError:
        with acting_as(tenant.actor(Role.REP if number % 2 else Role.MANAGER)):
            try:
                return await create_record("Account", {"name": f"Acme {number}", "tax_id": TAX_ID})
            except EvenhandError as error:
                return error

    results = await asyncio.gather(*(create(number) for number in range(200)))
    refused = [one for one in results if isinstance(one, EvenhandError)]
    assert len(refused) == 199
    assert {type(one) for one in refused} == {DuplicateOwned}
    with acting_as(tenant.system):
        async with reading():
            assert await Account.all().count() == 1
    await update_nothing(tenant)


async def update_nothing(tenant: SomeTenant) -> None:
    """The one that got through can still be changed."""
    with acting_as(tenant.system):
        async with reading():
            record = await Account.all().get()
        assert await update_record("Account", record.id, {"name": "Acme"}) is True
