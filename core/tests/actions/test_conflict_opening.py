"""Cases that open by themselves: where the tenant wants it, once for a pair of records, in the same transaction."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.bulk import create_many
from evenhand.actions.conflicts.cases import withdraw_conflict
from evenhand.actions.conflicts.settings import conflict_choices, set_conflict_rules
from evenhand.actions.owners import set_owner
from evenhand.actions.pools.claims import claim_records
from evenhand.actions.pools.errors import HeldByConflict
from evenhand.actions.records import create_record, update_record
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities.enums import ConflictKind, ConflictState
from evenhand.events.models import OutboxEvent
from evenhand.notifications.models import Notification
from evenhand.ownership.conflicts.models import ConflictCase, ConflictParty
from evenhand.ownership.duplicates.errors import DuplicateOwned
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.testing import SomeTenant

TAX_ID = "91310000MA1K35XY2B"


class Scene:
    """Li and Wang under one manager; cases open by themselves."""

    def __init__(self, tenant: SomeTenant) -> None:
        self.tenant = tenant

    async def prepare(self) -> Scene:
        create = self.tenant.create
        self.boss = await create("User", name="Boss", role="manager")
        self.li = await create("User", name="Li", role="rep", manager_id=self.boss)
        self.wang = await create("User", name="Wang", role="rep", manager_id=self.boss)
        with acting_as(self.tenant.actor(Role.ADMIN)):
            await set_conflict_rules(open_by_itself=True)
        return self

    def rep(self, user_id: UUID) -> Actor:
        return Actor(tenant_id=self.tenant.id, user_id=user_id, role=Role.REP, via="test")

    async def account(self, owner_id: UUID, **values: Any) -> UUID:
        return await self.tenant.create("Account", **{"name": "Acme", "owner_id": owner_id, **values})

    async def cases(self) -> list[ConflictCase]:
        with acting_as(self.tenant.system):
            async with reading():
                return await ConflictCase.all().order_by("id")

    async def parties(self, case: ConflictCase) -> tuple[set[UUID], set[UUID]]:
        with acting_as(self.tenant.system):
            async with reading():
                rows = await ConflictParty.filter(case_id=case.id)
        users = {row.user_id for row in rows if row.user_id is not None}
        return users, {one for row in rows if (one := row.account_id or row.lead_id) is not None}


@pytest.fixture
async def scene(tenant: SomeTenant) -> Scene:
    return await Scene(tenant).prepare()


async def test_nothing_opens_unless_the_tenant_wants_it(tenant: SomeTenant) -> None:
    for role in (Role.REP, Role.MANAGER):
        parent = await tenant.create("Account", name="Acme", tax_id=TAX_ID, owner_id=tenant.users[role])
        await tenant.create("Account", name="Below", parent_id=parent, owner_id=tenant.users[Role.ADMIN])
    with acting_as(tenant.system):
        assert (await conflict_choices()).open_by_itself is False
        async with reading():
            assert await ConflictCase.all().count() == 0
    with acting_as(tenant.actor(Role.MANAGER)), pytest.raises(PermissionDenied):
        await set_conflict_rules(open_by_itself=True)


async def test_what_the_system_brings_in_opens_a_case(scene: Scene) -> None:
    first = await scene.account(scene.li, tax_id=TAX_ID, website="acme.com")
    second = await scene.account(scene.wang, tax_id=TAX_ID, website="acme.com", name="Acme Ltd")
    (case,) = await scene.cases()
    assert (case.kind, case.state, case.opened_by_id) == (ConflictKind.SAME_TAX_ID, ConflictState.OPEN, None)
    assert (case.title, case.judge_id) == ("Acme / Acme Ltd", scene.boss)
    assert await scene.parties(case) == ({scene.li, scene.wang}, {first, second})
    assert {one["kind"] for one in case.evidence["keys"]} == {"tax_id", "domain", "name"}
    assert all(len(one["ledger"]) == 1 for one in case.evidence["records"])
    with acting_as(scene.tenant.system):
        async with reading():
            told = set(await Notification.filter(record_id=case.id).values_list("user_id", flat=True))
            kinds = ["ConflictOpened", "DuplicateFound"]
            events = [one.type for one in await OutboxEvent.filter(type__in=kinds)]
    assert told == {scene.li, scene.wang, scene.boss}
    assert sorted(events) == ["ConflictOpened", "DuplicateFound"]
    with acting_as(scene.tenant.actor(Role.ADMIN)), pytest.raises(HeldByConflict):
        await set_owner("Account", [second], owner_id=scene.li)


async def test_an_override_opens_a_case_and_a_refusal_none(scene: Scene) -> None:
    held = await scene.account(scene.li, tax_id=TAX_ID)
    with acting_as(scene.rep(scene.wang)), pytest.raises(DuplicateOwned):
        await create_record("Account", {"name": "Other", "tax_id": TAX_ID})
    assert await scene.cases() == []
    draft = {"name": "Other", "tax_id": TAX_ID, "owner_id": scene.wang}
    with acting_as(scene.tenant.actor(Role.ADMIN)):
        made = await create_record("Account", draft, override="a branch")
        own = await create_record("Account", {**draft, "owner_id": scene.li}, override="Li's own branch")
    (case,) = await scene.cases()
    assert await scene.parties(case) == ({scene.li, scene.wang}, {held, made})
    assert own not in (await scene.parties(case))[1]


async def test_a_group_of_companies_with_two_owners(scene: Scene) -> None:
    parent = await scene.account(scene.li)
    same = await scene.account(scene.li, name="Acme East", parent_id=parent)
    assert await scene.cases() == []
    child = await scene.account(scene.wang, name="Acme West")
    with acting_as(scene.tenant.actor(Role.ADMIN)):
        await update_record("Account", child, {"parent_id": parent})
    (case,) = await scene.cases()
    assert case.kind is ConflictKind.PARENT_CHILD
    assert await scene.parties(case) == ({scene.li, scene.wang}, {parent, child})
    with acting_as(scene.tenant.actor(Role.ADMIN)):
        await withdraw_conflict(case.id)
        await update_record("Account", child, {"parent_id": same})
        assert [one.state for one in await scene.cases()] == [ConflictState.WITHDRAWN, ConflictState.OPEN]
        await withdraw_conflict((await scene.cases())[1].id)
        await update_record("Account", child, {"parent_id": parent})
    assert len(await scene.cases()) == 2, "there was a case about this pair"


async def test_records_that_wait_for_a_ruling_get_no_second_case(scene: Scene) -> None:
    first = await scene.account(scene.li, tax_id=TAX_ID)
    await scene.account(scene.wang, tax_id=TAX_ID)
    await scene.account(scene.boss, tax_id=TAX_ID)
    (case,) = await scene.cases()
    assert first in (await scene.parties(case))[1]


async def test_names_alone_and_customers_of_leads_open_nothing(scene: Scene) -> None:
    await scene.account(scene.li, website="acme.com")
    await scene.account(scene.wang)
    await scene.tenant.create("Lead", name="Li", email="li@acme.com", owner_id=scene.wang)
    assert await scene.cases() == []
    await scene.tenant.create("Lead", name="Li again", email="LI@acme.com", owner_id=scene.li)
    (case,) = await scene.cases()
    assert case.kind is ConflictKind.DUPLICATE_CUSTOMER


async def test_one_call_with_many_and_a_claim(scene: Scene) -> None:
    drafts = [
        {"name": "A", "tax_id": TAX_ID, "owner_id": scene.li},
        {"name": "B", "tax_id": TAX_ID, "owner_id": scene.wang},
        {"name": "C", "tax_id": "DE123456789", "owner_id": scene.li},
    ]
    with acting_as(scene.tenant.system):
        await create_many("Account", drafts)
    assert len(await scene.cases()) == 1
    pool = await scene.tenant.create("Pool", name="East")
    waiting = await scene.tenant.create("Lead", name="Zhao", email="z@acme.com", pool_id=pool)
    await scene.tenant.create("Lead", name="Zhao", email="z@acme.com", owner_id=scene.wang)
    assert len(await scene.cases()) == 1, "nobody holds the other one"
    with acting_as(scene.rep(scene.li)):
        await claim_records("Lead", [waiting])
    assert len(await scene.cases()) == 2


async def test_a_record_that_somebody_is_changing_does_not_stop_the_change(scene: Scene) -> None:
    held = await scene.account(scene.li, tax_id=TAX_ID)
    locked, done = asyncio.Event(), asyncio.Event()

    async def change() -> None:
        with acting_as(scene.tenant.system):
            async with transaction() as client:
                await raw_connection(client).execute("SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE", held)
                locked.set()
                await done.wait()

    changing = asyncio.create_task(change())
    await locked.wait()
    try:
        made = await scene.account(scene.wang, tax_id=TAX_ID)
    finally:
        done.set()
        await changing
    assert made != held
    assert await scene.cases() == []


async def test_of_parallel_ones_one_case_is_opened(scene: Scene) -> None:
    await scene.account(scene.li, tax_id=TAX_ID)
    made = await asyncio.gather(
        *(scene.account(scene.wang, tax_id=TAX_ID, name=f"Acme {number}") for number in range(20))
    )
    assert len(made) == 20
    assert len(await scene.cases()) == 1
