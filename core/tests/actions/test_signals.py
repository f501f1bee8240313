"""Signals from real writes: found once, told to the manager, judged by people."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from evenhand.actions.errors import AlreadyReviewed
from evenhand.actions.journal import Why, writing
from evenhand.actions.owners import Holder, change_holders
from evenhand.actions.pools.views import view_record
from evenhand.actions.reclaims.warning import warn_batch
from evenhand.actions.records import create_records
from evenhand.actions.signals import bounds_of, find_signals, review_signal
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.clock import now
from evenhand.db.session import reading
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, NotFound
from evenhand.notifications.models import Notification
from evenhand.ownership.holders import default_pool_id
from evenhand.ownership.signals.models import OwnershipSignal, SignalState
from evenhand.ownership.signals.rules import Bounds, SignalKind
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.clock import Clock


async def give(tenant: SomeTenant, account: UUID, owner: UUID | None, reason: OwnershipReason, days_ago: float) -> None:
    with acting_as(tenant.system):
        async with writing("import") as journal:
            holder = Holder(owner_id=owner) if owner is not None else Holder(pool_id=await default_pool_id())
            at = now() - timedelta(days=days_ago)
            await change_holders(
                entity("Account"), {account: holder}, {account: Why(reason)}, journal=journal, moments={account: at}
            )


async def old_account(tenant: SomeTenant, owner: UUID, days_ago: float = 80) -> UUID:
    with acting_as(tenant.system):
        async with writing("import") as journal:
            at = now() - timedelta(days=days_ago)
            drafts = [{"name": "华兴", "owner_id": owner}]
            return (await create_records(entity("Account"), drafts, journal=journal, moments=[at]))[0]


async def loops(tenant: SomeTenant, rep: UUID, *ends: float) -> UUID:
    """An account that the rep gave back and claimed a day later, so many days ago each."""
    account = await old_account(tenant, rep)
    for end in ends:
        await give(tenant, account, None, OwnershipReason.RETURNED, end + 1)
        await give(tenant, account, rep, OwnershipReason.CLAIMED, end)
    return account


async def signals(tenant: SomeTenant) -> list[OwnershipSignal]:
    with acting_as(tenant.system):
        async with reading():
            return await OwnershipSignal.all().order_by("found_at", "id")


async def find(tenant: SomeTenant) -> int:
    with acting_as(tenant.system):
        return await find_signals()


async def test_a_loop_is_found_once_and_the_manager_is_told(tenant: SomeTenant) -> None:
    rep, manager = tenant.users[Role.REP], tenant.users[Role.MANAGER]
    await tenant.update("User", rep, manager_id=manager)
    account = await loops(tenant, rep, 60, 2)
    assert await find(tenant) == 1
    assert await find(tenant) == 0
    (found,) = await signals(tenant)
    assert (found.kind, found.user_id, found.times, found.state) == (
        SignalKind.RETURN_AND_CLAIM,
        rep,
        2,
        SignalState.OPEN,
    )
    assert len(found.evidence) == 4
    assert {one["record"] for one in found.evidence} == {str(account)}
    assert all(one["line"] for one in found.evidence)
    with acting_as(tenant.system):
        async with reading():
            told = await Notification.filter(kind="ownership_signal")
            assert [one.user_id for one in told] == [manager]
            assert "2 times" in told[0].title
            # It is told, and nothing else: the record stays where it is.
            account_now = await entity("Account").model.get(id=account)
            assert account_now.columns()["owner_id"] == rep


async def test_what_is_added_goes_to_the_same_signal(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    account = await loops(tenant, rep, 2.5, 1.2)
    assert await find(tenant) == 1
    await give(tenant, account, None, OwnershipReason.RETURNED, 0.02)
    await give(tenant, account, rep, OwnershipReason.CLAIMED, 0.01)
    found = await find(tenant)
    times = sorted(one.times for one in await signals(tenant))
    # On the first day of a month the new part is a signal of that month.
    assert (found, times) in ((0, [3]), (1, [2, 3]))


async def test_a_parked_customer(tenant: SomeTenant) -> None:
    rep, colleague = tenant.users[Role.REP], await tenant.create("User", name="王芳")
    for _ in range(2):
        account = await old_account(tenant, rep)
        await give(tenant, account, colleague, OwnershipReason.MANUAL, 30)
        await give(tenant, account, rep, OwnershipReason.MANUAL, 10)
    busy = await old_account(tenant, rep)
    await give(tenant, busy, colleague, OwnershipReason.MANUAL, 30)
    await tenant.create(
        "Activity",
        kind="call",
        subject="Call",
        account_id=busy,
        author_id=colleague,
        occurred_at=now() - timedelta(days=20),
    )
    await give(tenant, busy, rep, OwnershipReason.MANUAL, 10)
    assert await find(tenant) == 1
    (found,) = await signals(tenant)
    assert (found.kind, found.user_id, found.colleague_id, found.times) == (SignalKind.PARKING, rep, colleague, 2)


async def test_deadlines_saved_by_empty_notes(tenant: SomeTenant, clock: Clock) -> None:
    rep = tenant.users[Role.REP]
    with acting_as(tenant.system):
        async with writing("set_up") as journal:
            pool = await default_pool_id()
            rule = {"name": "30", "pool_id": pool, "entity": "Account", "idle_days": 30}
            rule["valid_from"] = (clock.now() - timedelta(days=400)).date()
            await create_records(entity("PoolRule"), [rule], journal=journal)
    accounts = [await old_account(tenant, rep, days_ago=29.5) for _ in range(3)]
    with acting_as(tenant.system):
        assert (await warn_batch("Account"))[1] == 6  # the holder, and the manager above
    clock.advance(hours=6)
    for number, account in enumerate(accounts):
        body = "" if number else "."
        await tenant.create(
            "Activity",
            kind="call",
            subject="跟进",
            body=body,
            account_id=account,
            author_id=rep,
            occurred_at=clock.now(),
        )
    clock.advance(days=1)
    assert await find(tenant) == 1
    (found,) = await signals(tenant)
    assert (found.kind, found.user_id, found.times) == (SignalKind.SHAM_FOLLOW_UP, rep, 3)
    assert {one["record"] for one in found.evidence} == {str(account) for account in accounts}


async def test_looking_into_the_pool_without_claiming(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    waiting = [await tenant.create("Account", name=f"公司 {number}") for number in range(50)]
    with acting_as(tenant.actor(Role.REP)):
        for account in waiting:
            await view_record("Account", account)
    assert await find(tenant) == 1
    (found,) = await signals(tenant)
    assert (found.kind, found.user_id, found.times) == (SignalKind.LOOKING_ONLY, rep, 50)


async def test_people_judge_once_and_never_about_themselves(tenant: SomeTenant) -> None:
    rep = tenant.users[Role.REP]
    await tenant.update("User", rep, manager_id=None)
    await loops(tenant, rep, 6, 2)
    await find(tenant)
    (found,) = await signals(tenant)
    for role in (Role.REP, Role.READ_ONLY):
        with acting_as(tenant.actor(role)), pytest.raises(PermissionDenied):
            await review_signal(found.id, SignalState.DISMISSED)
    with acting_as(tenant.actor(Role.MANAGER)), pytest.raises(NotFound):  # of somebody else's people
        await review_signal(found.id, SignalState.DISMISSED)
    with acting_as(tenant.actor(Role.ADMIN)):
        with pytest.raises(InvalidInput):
            await review_signal(found.id, SignalState.OPEN)
        await review_signal(found.id, SignalState.DISMISSED, note="Agreed with the customer")
        with pytest.raises(AlreadyReviewed):
            await review_signal(found.id, SignalState.CONFIRMED)
        async with reading():
            (entry,) = await AuditEntry.filter(action="review_signal")
            assert entry.after == {"state": "dismissed", "note": "Agreed with the customer"}
    assert await find(tenant) == 0
    (again,) = await signals(tenant)
    assert (again.state, again.reviewer_id) == (SignalState.DISMISSED, tenant.users[Role.ADMIN])


async def test_an_admin_does_not_judge_the_own_signal(tenant: SomeTenant) -> None:
    admin = tenant.users[Role.ADMIN]
    await loops(tenant, admin, 6, 2)
    await find(tenant)
    (found,) = await signals(tenant)
    with acting_as(tenant.actor(Role.ADMIN)), pytest.raises(PermissionDenied):
        await review_signal(found.id, SignalState.DISMISSED)


async def test_other_tenants_have_their_own(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await loops(tenant, tenant.users[Role.REP], 6, 2)
    assert await find(other_tenant) == 0
    assert await find(tenant) == 1
    assert await signals(other_tenant) == []


def test_bounds_can_be_set() -> None:
    assert bounds_of({"loops": 5, "claimed_share": 0.5}) == Bounds(loops=5, claimed_share=0.5)
    with pytest.raises(InvalidInput) as refused:
        bounds_of({"loop": 5, "days": 0, "looks": True})
    assert [problem.field for problem in refused.value.problems] == ["loop", "days", "looks"]
