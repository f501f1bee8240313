from __future__ import annotations

import asyncio
from uuid import UUID

from evenhand.actions.journal import writing
from evenhand.actions.records import Change, create_records, update_records
from evenhand.actions.tags import tag_records, untag_records
from evenhand.db.session import reading
from evenhand.entities import Account, Contact
from evenhand.entities.registry import entity
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


async def test_changing_and_referring_to_records_never_deadlocks(tenant: SomeTenant) -> None:
    first = await tenant.create("Account", name="甲")
    second = await tenant.create("Account", name="乙")
    both_changed = asyncio.Barrier(2)

    async def change_and_refer(changed: UUID, referred: UUID) -> None:
        async with writing("test") as journal:
            await update_records(entity("Account"), [Change(changed, {"region": "East"})], journal=journal)
            await both_changed.wait()
            await create_records(entity("Contact"), [{"name": "王", "account_id": referred}], journal=journal)

    with acting_as(tenant.system):
        async with asyncio.timeout(10):
            await asyncio.gather(change_and_refer(first, second), change_and_refer(second, first))
        async with reading():
            assert await Account.filter(region="East").count() == 2
            assert await Contact.all().count() == 2


async def test_tags_put_on_and_taken_off_at_once_leave_a_clean_end(tenant: SomeTenant) -> None:
    tag = await tenant.create("Tag", name="重点")
    leads = [await tenant.create("Lead", name=f"Lead {n}") for n in range(20)]
    with acting_as(tenant.system):
        async with asyncio.timeout(20):
            await asyncio.gather(
                *(tag_records("Lead", leads[::step], tag) for step in (1, -1)),
                *(untag_records("Lead", leads[::step], tag) for step in (1, -1)),
            )
        await untag_records("Lead", leads, tag)
        assert await untag_records("Lead", leads, tag) == 0
