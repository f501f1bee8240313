from __future__ import annotations

import asyncio

import pytest

from evenhand.actions.tags import tag_records, untag_records
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Tagging
from evenhand.errors import InvalidInput, NotFound
from evenhand.events.models import OutboxEvent
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


async def test_a_tag_says_who_put_it_there_and_why(tenant: SomeTenant) -> None:
    tag = await tenant.create("Tag", name="重点客户")
    rep = tenant.users[Role.REP]
    accounts = [await tenant.create("Account", name=name, owner_id=rep) for name in ("甲", "乙")]
    with acting_as(tenant.actor(Role.REP)):
        assert await tag_records("account", accounts[:1], tag, why="年采购额高") == 1
        assert await tag_records("account", accounts, tag, why="again") == 1
        async with reading():
            first = await Tagging.get(account_id=accounts[0])
        assert (first.actor_id, first.why) == (tenant.users[Role.REP], "年采购额高")
        assert await untag_records("account", [*accounts, uuid7()], tag) == 2
        assert await untag_records("account", accounts, tag) == 0
        async with reading():
            assert not await Tagging.all().exists()
            actions = await AuditEntry.filter(record_id=accounts[0]).order_by("id")
            told = await OutboxEvent.filter(record_id=accounts[0]).order_by("id")
    assert [entry.action for entry in actions] == ["create_account", "tag_records", "untag_records"]
    assert [event.type for event in told] == ["AccountCreated", "Tagged", "Untagged"]


async def test_racers_put_a_tag_on_once(tenant: SomeTenant) -> None:
    tag = await tenant.create("Tag", name="hot")
    lead = await tenant.create("Lead", name="Li")

    async def put() -> int:
        with acting_as(tenant.system):
            return await tag_records("lead", [lead], tag)

    assert sum(await asyncio.gather(*(put() for _ in range(6)))) == 1


async def test_only_what_can_be_tagged_is_tagged(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    tag = await tenant.create("Tag", name="hot")
    foreign = await other_tenant.create("Lead", name="Li")
    lead = await tenant.create("Lead", name="Li")
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput, match="have no tags"):
            await tag_records("product", [uuid7()], tag)
        with pytest.raises(InvalidInput, match="have no tags"):
            await untag_records("product", [uuid7()], tag)
        with pytest.raises(InvalidInput, match="lead_id"):
            await tag_records("lead", [lead, foreign], tag)
        with pytest.raises(NotFound):
            await tag_records("lead", [lead], uuid7())
    with acting_as(tenant.actor(Role.READ_ONLY)):
        for change in (tag_records, untag_records):
            with pytest.raises(PermissionDenied):
                await change("lead", [lead], tag)
    with acting_as(tenant.system):
        async with reading():
            assert not await Tagging.all().exists()


@pytest.mark.parametrize("why", ["长" * 501, "\x00", "\ud800"])
async def test_reasons_that_cannot_be_kept_are_refused(tenant: SomeTenant, why: str) -> None:
    lead, tag = await tenant.create("Lead", name="Li"), await tenant.create("Tag", name="重点")
    with acting_as(tenant.system), pytest.raises(InvalidInput):
        await tag_records("Lead", [lead], tag, why=why)
