"""Nobody who holds records leaves, also when records come at the same moment."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from evenhand.actions.errors import OwnerNotEligible
from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, update_record
from evenhand.db.session import reading
from evenhand.entities import Account, User
from evenhand.ownership.handovers.errors import HoldsRecords
from evenhand.tenancy.context import acting_as

from .conftest import Office


@pytest.mark.parametrize("values", [{"is_active": False}, {"role": "read_only"}, None])
async def test_who_holds_records_stays(office: Office, values: dict[str, Any] | None) -> None:
    account = await office.account("A")
    await office.deal(account, 5)
    with acting_as(office.tenant.system):

        async def leave() -> None:
            if values is None:
                await archive_record("User", office.leaver)
            else:
                await update_record("User", office.leaver, values)

        with pytest.raises(HoldsRecords, match="Lei Li still holds 1 accounts, 1 opportunities") as refused:
            await leave()
        assert "handover plan" in refused.value.hint
        async with reading():
            user = await User.get(id=office.leaver)
        assert (user.is_active, user.archived_at, user.role.value) == (True, None, "rep")
        await update_record("User", office.leaver, {"title": "Key account manager"})


async def test_history_keeps_nobody(office: Office) -> None:
    account = await office.account("A")
    await office.deal(account, 5, stage="lost")
    await office.tenant.create("Lead", name="Gone", owner_id=office.leaver, status="unqualified")
    with acting_as(office.tenant.system):
        await archive_record("Account", account)
        with pytest.raises(HoldsRecords, match="1 leads"):
            await archive_record("User", office.leaver)


async def test_records_that_come_at_the_same_moment_are_not_orphaned(office: Office) -> None:
    accounts = [await office.account(f"A {number}") for number in range(12)]
    for number, account in enumerate(accounts):
        heir = await office.tenant.create("User", name=f"Heir {number}")

        async def give(account: Any = account, heir: Any = heir) -> None:
            with acting_as(office.tenant.system), suppress(OwnerNotEligible):
                await set_owner("account", [account], owner_id=heir)

        async def leave(heir: Any = heir) -> None:
            with acting_as(office.tenant.system), suppress(HoldsRecords):
                await update_record("User", heir, {"is_active": False})

        await asyncio.gather(give(), leave(), leave(), give())
    with acting_as(office.tenant.system):
        async with reading():
            inactive = await User.filter(is_active=False).values_list("id", flat=True)
            assert await Account.filter(owner_id__in=list(inactive)).count() == 0
