"""Writes of many records, upserts, refunds and merges when several do them at once, each on its own connection."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

from evenhand.actions.bulk import Item, ItemStatus, update_many
from evenhand.actions.merges import AlreadyMerged, Source, merge_accounts
from evenhand.actions.records import Change, archive_record, create_record, update_record
from evenhand.actions.tags import tag_records
from evenhand.actions.upserts import Upsert, upsert_many
from evenhand.db.session import reading
from evenhand.entities import Account, AccountMerge, Contact, ExternalId, Payment
from evenhand.errors import EvenhandError
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


async def together(tenant: SomeTenant, count: int, work: Callable[[int], Awaitable[object]]) -> list[object]:
    """Do it `count` times at once. Returns: results, and expected errors."""

    async def one(number: int) -> object:
        with acting_as(tenant.system):
            try:
                return await work(number)
            except EvenhandError as error:
                return error

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def test_parallel_upserts_of_the_same_names_make_one_record_each(tenant: SomeTenant) -> None:
    names = [f"x{n}" for n in range(20)]

    async def upsert(number: int) -> list[Item]:
        order = names if number % 2 else names[::-1]
        return await upsert_many("Account", "shop", [Upsert(name, {"name": name}) for name in order])

    results = await together(tenant, 8, upsert)
    created = Counter(item.status for items in results if isinstance(items, list) for item in items)
    assert created == {ItemStatus.CREATED: 20, ItemStatus.UNCHANGED: 140}
    with acting_as(tenant.system):
        async with reading():
            assert await Account.all().count() == 20
            assert await ExternalId.all().count() == 20


async def test_parallel_bulk_updates_in_any_order_do_not_block_each_other(tenant: SomeTenant) -> None:
    leads = [await tenant.create("Lead", name=f"L{n}") for n in range(20)]

    async def update(number: int) -> list[Item]:
        order = leads if number % 2 else leads[::-1]
        return await update_many("Lead", [Change(lead, {"company": f"C{number}"}, 1) for lead in order])

    results = await together(tenant, 6, update)
    won = [items for items in results if isinstance(items, list) and items[0].status is ItemStatus.UPDATED]
    assert len(won) == 1
    assert all(item.status is ItemStatus.UPDATED for item in won[0])


async def test_parallel_refunds_pay_nothing_back_twice(tenant: SomeTenant) -> None:
    account = await tenant.create("Account", name="A")
    order = await tenant.create("Order", number="SO", account_id=account, total="10")
    await tenant.create("Payment", order_id=order, amount="10")
    results = await together(
        tenant,
        8,
        lambda number: create_record("Payment", {"order_id": order, "amount": "-4", "reference": str(number)}),
    )
    assert sum(isinstance(result, UUID) for result in results) == 2
    with acting_as(tenant.system):
        async with reading():
            assert sum([payment.amount for payment in await Payment.all()], Decimal(0)) == Decimal(2)


async def test_racing_merges_take_an_account_in_once(tenant: SomeTenant) -> None:
    accounts = [await tenant.create("Account", name=f"A{n}") for n in range(6)]
    loser = accounts[0]
    results = await together(tenant, 5, lambda number: merge_accounts(accounts[1 + number], [Source(loser)]))
    assert sum(isinstance(result, list) for result in results) == 1
    assert sum(isinstance(result, AlreadyMerged) for result in results) == 4
    with acting_as(tenant.system):
        async with reading():
            assert await AccountMerge.all().count() == 1


async def test_merges_and_other_writes_do_not_wait_for_each_other_in_a_circle(tenant: SomeTenant) -> None:
    accounts = [await tenant.create("Account", name=f"A{n}") for n in range(10)]
    contacts = [await tenant.create("Contact", name=f"C{n}", account_id=account) for n, account in enumerate(accounts)]
    tag = await tenant.create("Tag", name="T")

    async def work(number: int) -> object:
        one, other = accounts[number % 10], accounts[(number * 7 + 3) % 10]
        match number % 5:
            case 0:
                return await merge_accounts(one, [Source(other)])
            case 1:
                return await update_record("Account", one, {"parent_id": other, "region": str(number)})
            case 2:
                return await update_record("Contact", contacts[number % 10], {"title": str(number)})
            case 3:
                return await tag_records("account", [one, other], tag)
        return await create_record("Contact", {"name": f"N{number}", "account_id": one})

    results = await together(tenant, 60, work)
    assert any(isinstance(result, list) for result in results)
    with acting_as(tenant.system):
        async with reading():
            gone = {account.id for account in await Account.exclude(merged_into_id=None)}
            assert not await Contact.filter(id__in=contacts, account_id__in=list(gone)).exists()
            assert not await Account.filter(merged_into_id__in=list(gone)).exists()


async def test_archiving_and_tagging_at_once_leave_no_tag_on_archived_records_unseen(tenant: SomeTenant) -> None:
    tag = await tenant.create("Tag", name="T")
    accounts = [await tenant.create("Account", name=f"A{n}") for n in range(8)]

    async def work(number: int) -> object:
        account = accounts[number // 2]
        return await (archive_record("Account", account) if number % 2 else tag_records("account", [account], tag))

    results = await together(tenant, 16, work)
    assert all(isinstance(result, (bool, int)) or result.code == "RECORD_ARCHIVED" for result in results)  # type: ignore[attr-defined]
