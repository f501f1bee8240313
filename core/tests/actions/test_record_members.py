"""The team on a record: who may change it, what becomes of it when the owner changes, and shares on any day."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from evenhand.actions.errors import OwnerNotEligible, RecordArchived
from evenhand.actions.owners import set_owner
from evenhand.actions.record_members import add_record_member, remove_record_member, set_record_members
from evenhand.actions.records import archive_record, create_record, update_record
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities.enums import MemberRole
from evenhand.errors import EvenhandError, InvalidInput, NotFound
from evenhand.events.models import OutboxEvent
from evenhand.ownership.members.models import MembershipEntry, RecordMember
from evenhand.ownership.members.rules import WHOLE, Member
from evenhand.ownership.members.shares import shares_of
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import Clock, SomeTenant

COLLABORATOR, WATCHER = MemberRole.COLLABORATOR, MemberRole.WATCHER


async def _rep(tenant: SomeTenant, name: str, **values: object) -> UUID:
    return await tenant.create("User", name=name, role="rep", **values)


def _as(tenant: SomeTenant, user_id: UUID, role: Role = Role.REP) -> Actor:
    return Actor(tenant_id=tenant.id, user_id=user_id, role=role, via="test")


@pytest.mark.parametrize("entity", ["Account", "Lead", "Opportunity"])
async def test_shares_make_a_whole_with_the_owners_rest(tenant: SomeTenant, entity: str) -> None:
    owner, helper, watcher = tenant.users[Role.REP], await _rep(tenant, "Han"), tenant.users[Role.READ_ONLY]
    record = await tenant.create(entity, name="Acme", owner_id=owner)
    members = [Member(helper, COLLABORATOR, Decimal("33.33")), Member(watcher, WATCHER)]
    with acting_as(tenant.actor(Role.REP)):
        assert await set_record_members(entity, record, members) is True
        assert await set_record_members(entity, record, members) is False
        assert (await shares_of(entity, [record]))[record] == {owner: Decimal("66.67"), helper: Decimal("33.33")}
        assert await add_record_member(entity, record, helper, COLLABORATOR, Decimal(100)) is True
        assert (await shares_of(entity, [record]))[record] == {owner: Decimal(0), helper: WHOLE}
        assert await remove_record_member(entity, record, helper) is True
        assert await remove_record_member(entity, record, helper) is False
        assert (await shares_of(entity, [record]))[record] == {owner: WHOLE}
        async with reading():
            assert await OutboxEvent.filter(record_id=record, type="TeamChanged").count() == 3
            audit = await AuditEntry.filter(record_id=record, action="add_record_member").get()
    assert {one["share"] for one in (audit.after or {})["team"]} == {None, "100"}


async def test_bad_teams_change_nothing(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    owner, helper = tenant.users[Role.REP], await _rep(tenant, "Han")
    record = await tenant.create("Account", name="Acme", owner_id=owner)
    waiting = await tenant.create("Account", name="Waiting")
    archived = await tenant.create("Account", name="Old", owner_id=owner)
    cases: list[tuple[UUID, list[Member], type[EvenhandError]]] = [
        (record, [Member(helper, COLLABORATOR, Decimal("100.01"))], InvalidInput),
        (record, [Member(owner, COLLABORATOR, Decimal(1))], InvalidInput),
        (record, [Member(tenant.users[Role.READ_ONLY], COLLABORATOR, Decimal(1))], OwnerNotEligible),
        (record, [Member(uuid7(), WATCHER)], NotFound),
        (record, [Member(other_tenant.users[Role.REP], COLLABORATOR, Decimal(1))], InvalidInput),
        (record, [Member(other_tenant.users[Role.REP], WATCHER)], NotFound),
        (waiting, [Member(helper, WATCHER)], InvalidInput),
        (archived, [Member(helper, WATCHER)], RecordArchived),
        (uuid7(), [], NotFound),
    ]
    with acting_as(tenant.system):
        await archive_record("Account", archived)
        for record_id, members, error in cases:
            with pytest.raises(error):
                await set_record_members("Account", record_id, members)
        with pytest.raises(InvalidInput):
            await set_record_members("Contact", record, [])
        async with reading():
            assert await RecordMember.all().count() == 0
            assert await MembershipEntry.all().count() == 0
    with acting_as(other_tenant.system), pytest.raises(NotFound):
        await set_record_members("Account", record, [])


async def test_the_owner_and_who_stands_above_may(tenant: SomeTenant) -> None:
    manager = tenant.users[Role.MANAGER]
    top = await tenant.create("Team", name="East")
    below = await tenant.create("Team", name="East 1", parent_id=top)
    lead = await tenant.create("User", name="Lead of East", role="manager", team_id=top)
    other = await tenant.create("User", name="Lead of West", role="manager")
    owner = await _rep(tenant, "Owner", manager_id=manager, team_id=below)
    helper = await _rep(tenant, "Helper")
    record = await tenant.create("Account", name="Acme", owner_id=owner)
    allowed = [
        (_as(tenant, owner), True),
        (tenant.actor(Role.MANAGER), True),
        (_as(tenant, lead, Role.MANAGER), True),
        (tenant.actor(Role.ADMIN), True),
        (_as(tenant, other, Role.MANAGER), False),
        (_as(tenant, helper), False),
        (tenant.actor(Role.READ_ONLY), False),
    ]
    for number, (actor, may) in enumerate(allowed):
        with acting_as(actor):
            if may:
                assert await add_record_member("Account", record, helper, COLLABORATOR, Decimal(number + 1))
            else:
                with pytest.raises((PermissionDenied, NotFound)):
                    await add_record_member("Account", record, helper, WATCHER)
    with acting_as(_as(tenant, helper)):
        assert await remove_record_member("Account", record, helper) is True


async def test_the_team_follows_the_owner(tenant: SomeTenant) -> None:
    owner, second, third = tenant.users[Role.REP], await _rep(tenant, "Second"), await _rep(tenant, "Third")
    record = await tenant.create("Account", name="Acme", owner_id=owner)
    pool = await tenant.create("Pool", name="East")
    with acting_as(tenant.system):
        await set_record_members(
            "Account",
            record,
            [Member(second, COLLABORATOR, Decimal(30)), Member(third, COLLABORATOR, Decimal(20))],
        )
        await set_owner("Account", [record], owner_id=second)
        assert (await shares_of("Account", [record]))[record] == {second: Decimal(80), third: Decimal(20)}
        await set_owner("Account", [record], pool_id=pool)
        assert await shares_of("Account", [record]) == {}
        async with reading():
            assert await RecordMember.all().count() == 0
        await set_owner("Account", [record], owner_id=owner)
        assert (await shares_of("Account", [record]))[record] == {owner: WHOLE}


async def test_shares_on_a_day_are_those_of_its_end(tenant: SomeTenant, clock: Clock) -> None:
    owner, helper = tenant.users[Role.REP], await _rep(tenant, "Han")
    with acting_as(tenant.system):
        record = await create_record("Opportunity", {"name": "Deal", "owner_id": owner})
    first = clock.now().date()
    clock.advance(timedelta(days=2))
    with acting_as(tenant.system):
        await add_record_member("Opportunity", record, helper, COLLABORATOR, Decimal("12.50"))
    second = clock.now().date()
    clock.advance(timedelta(days=2))
    with acting_as(tenant.system):
        await update_record("User", helper, {"is_active": False})
        await set_owner("Opportunity", [record], owner_id=tenant.users[Role.MANAGER])
        await remove_record_member("Opportunity", record, helper)

        async def on(days: timedelta) -> dict[UUID, Decimal]:
            return (await shares_of("Opportunity", [record], first + days)).get(record, {})

        assert await on(timedelta(days=-1)) == {}
        assert await on(timedelta(0)) == {owner: WHOLE}
        assert await on(second - first) == {owner: Decimal("87.50"), helper: Decimal("12.50")}
        assert await on(timedelta(days=9)) == {tenant.users[Role.MANAGER]: WHOLE}


async def test_members_who_join_at_once_never_exceed_the_whole(tenant: SomeTenant) -> None:
    record = await tenant.create("Account", name="Acme", owner_id=tenant.users[Role.REP])
    helpers = [await _rep(tenant, f"Helper {number}") for number in range(12)]

    async def join(user_id: UUID) -> bool:
        with acting_as(tenant.system):
            return await add_record_member("Account", record, user_id, COLLABORATOR, Decimal(15))

    came = await asyncio.gather(*(join(user_id) for user_id in helpers), return_exceptions=True)
    refused = [one for one in came if isinstance(one, InvalidInput)]
    assert (came.count(True), len(refused)) == (6, 6)
    assert {problem.code for one in refused for problem in one.problems} == {"OVER_WHOLE"}
    with acting_as(tenant.system):
        shares = (await shares_of("Account", [record]))[record]
    assert sum(shares.values()) == WHOLE
    assert shares[tenant.users[Role.REP]] == Decimal(10)
