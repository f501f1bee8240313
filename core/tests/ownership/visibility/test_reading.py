from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from evenhand import clock
from evenhand.actions.records import archive_record, create_record, restore_record
from evenhand.auth.permissions import Operation
from evenhand.db.bulk import insert_rows
from evenhand.db.session import transaction
from evenhand.entities.enums import MemberRole
from evenhand.errors import InvalidInput
from evenhand.ownership.members.models import RecordMember
from evenhand.ownership.visibility.reading import current_sight, visible_ids
from evenhand.ownership.visibility.rules import HELD
from evenhand.tenancy.context import Actor, Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


async def sees(actor: Actor, entity: str, *ids: UUID, operation: Operation = Operation.READ) -> list[bool]:
    with acting_as(actor):
        found = await visible_ids(entity, ids, operation=operation)
    return [one in found for one in ids]


async def join(tenant: SomeTenant, role: MemberRole, user: UUID, **record: UUID) -> None:
    """Put a user into the team on a record."""
    with acting_as(tenant.system):
        async with transaction() as client:
            share = 10 if role is MemberRole.COLLABORATOR else None
            row = {"id": uuid7(), "tenant_id": tenant.id, "user_id": user, "role": role, "share": share}
            empty = {"account_id": None, "lead_id": None, "opportunity_id": None}
            await insert_rows(client, RecordMember, [{**row, **empty, **record, "created_at": clock.now()}])


@pytest.mark.parametrize("entity", ["Account", "Lead", "Opportunity"])
async def test_reps_see_their_own_and_the_pools(tenant: SomeTenant, entity: str) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    mine = await tenant.create(entity, name="Mine", owner_id=rep)
    theirs = await tenant.create(entity, name="Theirs", owner_id=manager)
    pooled = await tenant.create(entity, name="Nobody's")
    ids = (mine, theirs, pooled)
    assert await sees(tenant.actor(Role.REP), entity, *ids) == [True, False, True]
    assert await sees(tenant.actor(Role.REP), entity, *ids, operation=Operation.UPDATE) == [True, False, False]
    assert await sees(tenant.actor(Role.ADMIN), entity, *ids, operation=Operation.UPDATE) == [True] * 3
    assert await sees(tenant.actor(Role.READ_ONLY), entity, *ids) == [True] * 3
    assert await sees(tenant.actor(Role.READ_ONLY), entity, *ids, operation=Operation.UPDATE) == [False] * 3
    assert await sees(tenant.system, entity, *ids, operation=Operation.UPDATE) == [True] * 3


async def test_managers_see_their_teams_and_those_under_them(tenant: SomeTenant) -> None:
    manager = tenant.users[Role.MANAGER]
    top = await tenant.create("Team", name="Top")
    low = await tenant.create("Team", name="Low", parent_id=top)
    beside = await tenant.create("Team", name="Beside")
    owners = [
        await tenant.create("User", name=f"Rep {number}", team_id=team) for number, team in enumerate((low, beside))
    ]
    report = await tenant.create("User", name="Reports", manager_id=manager)
    leads = [await tenant.create("Lead", name="A lead", owner_id=owner) for owner in (*owners, report, manager)]
    actor = tenant.actor(Role.MANAGER)
    # Without a place in the tree: one's own and the direct reports'.
    assert await sees(actor, "Lead", *leads) == [False, False, True, True]
    await tenant.update("User", manager, team_id=top)
    assert await sees(actor, "Lead", *leads) == [True, False, True, True]
    assert await sees(actor, "Lead", *leads, operation=Operation.UPDATE) == [True, False, True, True]
    await tenant.update("Team", low, parent_id=beside)
    assert await sees(actor, "Lead", *leads) == [False, False, True, True]
    await tenant.update("Team", low, parent_id=top)
    with acting_as(tenant.system):
        await archive_record("Team", top)
    assert await sees(actor, "Lead", *leads) == [False, False, True, True]


async def test_collaborators_change_and_watchers_see(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    accounts = [await tenant.create("Account", name=f"Account {number}", owner_id=manager) for number in range(3)]
    await join(tenant, MemberRole.COLLABORATOR, rep, account_id=accounts[0])
    await join(tenant, MemberRole.WATCHER, rep, account_id=accounts[1])
    actor = tenant.actor(Role.REP)
    assert await sees(actor, "Account", *accounts) == [True, True, False]
    assert await sees(actor, "Account", *accounts, operation=Operation.UPDATE) == [True, False, False]
    contacts = [await tenant.create("Contact", name="Li", account_id=account) for account in accounts]
    assert await sees(actor, "Contact", *contacts) == [True, True, False]
    assert await sees(actor, "Contact", *contacts, operation=Operation.UPDATE) == [True, False, False]


async def test_what_belongs_to_a_record_is_seen_with_it(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    actor = tenant.actor(Role.REP)
    mine = await tenant.create("Account", name="Mine", owner_id=rep)
    theirs = await tenant.create("Account", name="Theirs", owner_id=manager)
    accounts: list[tuple[UUID, dict[str, str]]] = [(mine, {}), (theirs, {})]
    belonging: dict[str, dict[str, object]] = {
        "Contact": {"name": "Li"},
        "Activity": {"kind": "call", "subject": "Called", "author_id": manager},
        "Task": {"subject": "Call"},
        "Ticket": {"subject": "Help"},
        "SurveyAnswer": {"kind": "csat", "score": 3},
        "Attachment": {"file_name": "a.pdf", "size_bytes": 1, "sha256": "0" * 64},
        "Order": {"total": "1"},
    }
    for entity, values in belonging.items():
        if entity == "Order":
            accounts = [(mine, {"number": "1"}), (theirs, {"number": "2"})]
        ids = [await tenant.create(entity, **{**values, "account_id": account, **more}) for account, more in accounts]
        assert await sees(actor, entity, *ids) == [True, False], entity
        assert await sees(tenant.actor(Role.READ_ONLY), entity, *ids) == [True, True], entity
    own = [
        await tenant.create("Task", subject="Mine", assignee_id=rep, account_id=theirs),
        await tenant.create("Task", subject="Nobody's"),
        await tenant.create("Activity", kind="note", subject="Noted", author_id=rep),
        await tenant.create("Contact", name="Alone"),
    ]
    kinds = ("Task", "Task", "Activity", "Contact")
    assert [(await sees(actor, kind, one))[0] for kind, one in zip(kinds, own, strict=True)] == [
        True,
        False,
        True,
        False,
    ]
    assert await sees(actor, "Product", uuid7()) == [True]


async def test_rules_widen_and_narrow(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    await tenant.update("User", rep, regions=["East"])
    east = await tenant.create("Account", name="East", region="East", owner_id=manager)
    west = await tenant.create("Account", name="West", region="West", owner_id=manager)
    deal = await tenant.create("Opportunity", name="Deal", account_id=east, owner_id=manager)
    actor = tenant.actor(Role.REP)
    assert await sees(actor, "Account", east, west) == [False, False]
    rule = await tenant.create("VisibilityRule", role=Role.REP, entity="Account", sees="region", edits="own")
    await tenant.create("VisibilityRule", role=Role.REP, entity="Opportunity", sees="region", edits="none")
    assert await sees(actor, "Account", east, west) == [True, False]
    assert await sees(actor, "Account", east, operation=Operation.UPDATE) == [False]
    assert await sees(actor, "Opportunity", deal) == [True]
    await tenant.update("VisibilityRule", rule, sees="all")
    assert await sees(actor, "Account", east, west) == [True, True]
    await tenant.update("VisibilityRule", rule, sees="none", edits="none")
    assert await sees(actor, "Account", east, west) == [False, False]
    with acting_as(tenant.system):
        await archive_record("VisibilityRule", rule)
    assert await sees(actor, "Account", east, west) == [False, False]
    with acting_as(tenant.system):
        await restore_record("VisibilityRule", rule)
    with acting_as(actor):
        assert (await current_sight()).level("Account").value == "none"


async def test_rules_that_make_no_sense_are_refused(tenant: SomeTenant) -> None:
    for role, entity, more, less, code in (
        ("rep", "Contact", "all", "own", "NOT_HELD"),
        ("admin", "Lead", "own", "own", "ADMIN_SEES_ALL"),
        ("rep", "Lead", "own", "team", "MORE_THAN_SEEN"),
    ):
        with acting_as(tenant.system), pytest.raises(InvalidInput) as refused:
            await create_record("VisibilityRule", {"role": role, "entity": entity, "sees": more, "edits": less})
        assert code in {problem.code for problem in refused.value.problems}


async def test_another_tenants_records_are_never_seen(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    for entity in HELD:
        foreign = await other_tenant.create(entity, name="Foreign")
        assert await sees(tenant.actor(Role.REP), entity, foreign) == [False]
    stranger = replace(tenant.actor(Role.REP), user_id=other_tenant.users[Role.REP])
    mine = await tenant.create("Lead", name="Mine", owner_id=tenant.users[Role.REP])
    assert await sees(stranger, "Lead", mine) == [False]


async def test_pools_with_members_are_seen_by_these(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    pool = await tenant.create("Pool", name="East")
    lead = await tenant.create("Lead", name="Pooled", pool_id=pool)
    top = await tenant.create("Team", name="Top")
    low = await tenant.create("Team", name="Low", parent_id=top)
    await tenant.update("User", rep, team_id=low, regions=["East"])
    actors = tenant.actor(Role.REP), tenant.actor(Role.MANAGER), tenant.actor(Role.READ_ONLY)
    assert [(await sees(actor, "Lead", lead))[0] for actor in actors] == [True, True, True]
    by_manager = await tenant.create("PoolMember", pool_id=pool, user_id=manager, role="manager")
    assert [(await sees(actor, "Lead", lead))[0] for actor in actors] == [False, True, True]
    assert await sees(actors[1], "Lead", lead, operation=Operation.UPDATE) == [True]
    for more in ({"team_id": top}, {"region": "East"}):
        by_more = await tenant.create("PoolMember", pool_id=pool, role="member", **more)
        assert await sees(actors[0], "Lead", lead) == [True], more
        assert await sees(actors[0], "Lead", lead, operation=Operation.UPDATE) == [False]
        with acting_as(tenant.system):
            await archive_record("PoolMember", by_more)
        assert await sees(actors[0], "Lead", lead) == [False]
    with acting_as(tenant.system):
        await archive_record("PoolMember", by_manager)
    assert await sees(actors[0], "Lead", lead) == [True]
