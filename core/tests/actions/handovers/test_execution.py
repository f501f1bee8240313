"""Hand-overs are executed wholly, once, and touch ownership only."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from evenhand import clock as evenhand_clock
from evenhand.actions.errors import OwnerNotEligible, VersionConflict
from evenhand.actions.handovers.execution import Executed, execute_handover
from evenhand.actions.handovers.plans import LineChange, cancel_handover, change_handover_lines, plan_handover
from evenhand.actions.handovers.preview import preview_handover
from evenhand.actions.handovers.settings import set_handover_limits
from evenhand.actions.owners import set_owner
from evenhand.actions.records import archive_record, update_record
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Account, Opportunity, StageChange, Task
from evenhand.entities.enums import HandoverMethod, HandoverOutcome, HandoverState, MemberRole, OwnershipReason
from evenhand.errors import NotFound
from evenhand.events.models import OutboxEvent
from evenhand.notifications.models import Notification
from evenhand.ownership.handovers.errors import ChangedTooOften, HandoverEnded
from evenhand.ownership.handovers.models import Handover, HandoverLine
from evenhand.ownership.handovers.rules import Step, Target, Where
from evenhand.ownership.members.models import RecordMember
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant

from .conftest import Office

BALANCE = Step(HandoverMethod.BALANCE)


def to(user: UUID, **where: object) -> Step:
    return Step(HandoverMethod.HAND, (user,), where=Where(**where))  # type: ignore[arg-type]


async def test_a_book_changes_hands_and_nothing_else_changes(office: Office) -> None:
    account = await office.account("华信科技", tier="a")
    deal = await office.deal(account, 1000, next_step="Send the offer")
    lost = await office.deal(account, 70, stage="lost")
    lead = await office.tenant.create("Lead", name="Ana", owner_id=office.leaver)
    note = await office.tenant.create("Activity", kind="call", subject="Hello", account_id=account)
    task = await office.tenant.create("Task", subject="Call", account_id=account, assignee_id=office.leaver)
    other = await office.tenant.create("Task", subject="Mine", account_id=account, assignee_id=office.heirs[1])
    private = await office.tenant.create("Task", subject="Expenses", assignee_id=office.leaver)
    heir = office.heirs[0]
    with acting_as(office.tenant.system):
        async with reading():
            before = (await Opportunity.get(id=deal)).columns()
            changes = await StageChange.filter(opportunity_id=deal).count()
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [to(heir)], note="moves to Berlin", keep_watching=True)
        executed = await execute_handover(plan, version=1)
        assert executed == Executed(plan, 3, 0, 1)
        assert await execute_handover(plan, version=1) == executed
        async with reading():
            after = (await Opportunity.get(id=deal)).columns()
            assert {name for name in after if after[name] != before[name]} == {"owner_id", "held_since", "version"}
            assert await StageChange.filter(opportunity_id=deal).count() == changes
            assert (await Opportunity.get(id=lost)).owner_id == office.leaver
            lines = await OwnershipEntry.filter(reason=OwnershipReason.HANDED_OVER)
            assert {line.record_id for line in lines} == {account, deal, lead}
            assert {line.note for line in lines} == {f"hand-over {plan}: moves to Berlin"}
            assert (await Task.get(id=task)).assignee_id == heir
            assert (await Task.get(id=other)).assignee_id == office.heirs[1]
            assert (await Task.get(id=private)).assignee_id == office.leaver
            (entry,) = await AuditEntry.filter(record_id=task, action="execute_handover")
            assert entry.after == {"assignee_id": str(heir)}
            assert await AuditEntry.filter(record_id=note).count() == 1
            told = await Notification.filter(user_id=heir)
            assert [one.kind for one in told] == ["handover_received"]
            assert told[0].body == "1 account, 1 lead, 1 opportunity, with their open tasks. Note: moves to Berlin"
            (event,) = await OutboxEvent.filter(type="HandoverExecuted")
            assert event.payload["moved"] == {"Account": 1, "Lead": 1, "Opportunity": 1}
            watching = await RecordMember.filter(user_id=office.leaver)
            assert {one.role for one in watching} == {MemberRole.WATCHER}
            assert len(watching) == 3


async def test_two_executions_at_once_are_one(office: Office) -> None:
    account = await office.account("A")
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [to(office.heirs[0])])
        done = await asyncio.gather(*(execute_handover(plan) for _ in range(8)))
        assert set(done) == {Executed(plan, 1, 0, 0)}
        async with reading():
            assert await OwnershipEntry.filter(record_id=account).count() == 2


async def test_lines_that_changed_since_are_left_alone_and_told(office: Office) -> None:
    gone, archived, stays, back = [await office.account(name) for name in ("gone", "archived", "stays", "back")]
    closed = await office.deal(stays, 10)
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [to(office.heirs[0])])
        await set_owner("account", [gone], owner_id=office.heirs[1])
        await set_owner("account", [back], owner_id=office.heirs[1])
        await set_owner("account", [back], owner_id=office.leaver)
        await archive_record("Account", archived)
        await update_record("Opportunity", closed, {"stage_id": office.stages["lost"], "lost_reason": "price"})
        shown = await preview_handover(plan)
        assert (shown["moving"], shown["stale"]) == (1, 4)
        assert await execute_handover(plan) == Executed(plan, 1, 4, 0)
        async with reading():
            found = {line.record_id: line.outcome for line in await HandoverLine.filter(handover_id=plan)}
            assert found.pop(stays) is HandoverOutcome.MOVED
            assert set(found.values()) == {HandoverOutcome.STALE}
            assert (await Account.get(id=gone)).owner_id == office.heirs[1]
            assert (await Account.get(id=back)).owner_id == office.leaver


async def test_what_nobody_was_chosen_for_stays(office: Office) -> None:
    east, west = await office.account("E", region="East"), await office.account("W", region="West")
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [to(office.heirs[0], regions=frozenset({"West"}))])
        await execute_handover(plan)
        async with reading():
            assert (await Account.get(id=east)).owner_id == office.leaver
            assert (await Account.get(id=west)).owner_id == office.heirs[0]


async def test_records_can_go_to_a_pool_and_their_tasks_to_nobody(office: Office) -> None:
    account = await office.account("A")
    task = await office.tenant.create("Task", subject="Call", account_id=account, assignee_id=office.leaver)
    pool = await office.tenant.create("Pool", name="华东公海")
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, pool_id=pool)])
        assert await execute_handover(plan) == Executed(plan, 1, 0, 1)
        async with reading():
            assert (await Account.get(id=account)).pool_id == pool
            assert (await Task.get(id=task)).assignee_id is None


async def test_an_heir_who_left_meanwhile_stops_all_of_it(office: Office) -> None:
    first, second = await office.account("A"), await office.account("B")
    with acting_as(office.manager):
        steps = [to(office.heirs[0], record_ids=frozenset({first})), to(office.heirs[1])]
        plan = await plan_handover(office.leaver, steps)
        await office.tenant.update("User", office.heirs[1], is_active=False)
        shown = await preview_handover(plan)
        assert {one["user"] for one in shown["holders"] if not one["eligible"]} == {str(office.heirs[1])}
        with pytest.raises(OwnerNotEligible):
            await execute_handover(plan)
        async with reading():
            assert {one.owner_id for one in await Account.filter(id__in=[first, second])} == {office.leaver}
            assert (await Handover.get(id=plan)).state is HandoverState.DRAFT
        await change_handover_lines(
            plan, [LineChange(Where(record_ids=frozenset({second})), Target(office.heirs[0]))], version=1
        )
        assert (await execute_handover(plan)).moved == 2


async def test_customers_do_not_change_hands_too_often(office: Office) -> None:
    worn, fresh = await office.account("worn"), await office.account("fresh")
    with acting_as(office.tenant.system):
        for owner in (office.heirs[0], office.leaver):
            await set_owner("account", [worn], owner_id=owner)
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [to(office.heirs[1])])
        shown = await preview_handover(plan)
        (over,) = shown["too_often"]
        assert (over["record_id"], over["changes"]) == (str(worn), 2)
        with pytest.raises(ChangedTooOften, match=str(worn)):
            await execute_handover(plan)
        change = LineChange(Where(record_ids=frozenset({worn})), override_reason="The customer asked for Jim.")
        await change_handover_lines(plan, [change])
        assert (await execute_handover(plan)).moved == 2
        async with reading():
            (line,) = await HandoverLine.filter(handover_id=plan, record_id=worn)
            assert line.override_reason == "The customer asked for Jim."
            assert (await Account.get(id=fresh)).owner_id == office.heirs[1]


async def test_an_override_of_the_whole_is_kept(office: Office) -> None:
    worn = await office.account("worn")
    with acting_as(office.tenant.system):
        await set_handover_limits(changes_per_year=1)
        await set_owner("account", [worn], pool_id=await office.tenant.create("Pool", name="Rest"))
        await set_owner("account", [worn], owner_id=office.leaver)
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [to(office.heirs[1])])
        assert (await preview_handover(plan))["too_often"] == []
        await cancel_handover(plan)
        await set_owner("account", [worn], owner_id=office.heirs[0])
        await set_owner("account", [worn], owner_id=office.leaver)
        plan = await plan_handover(office.leaver, [to(office.heirs[1])])
        with pytest.raises(ChangedTooOften):
            await execute_handover(plan)
        await execute_handover(plan, override="The office closes.")
        async with reading():
            assert (await Handover.get(id=plan)).override_reason == "The office closes."


async def test_changes_of_more_than_a_year_ago_do_not_count(office: Office) -> None:
    old = await office.account("old")
    with acting_as(office.tenant.system):
        for owner in (office.heirs[0], office.leaver):
            await set_owner("account", [old], owner_id=owner)
    later = evenhand_clock.now() + timedelta(days=366)
    with evenhand_clock.use_clock(lambda: later), acting_as(office.manager):
        plan = await plan_handover(office.leaver, [to(office.heirs[1])])
        assert (await execute_handover(plan)).moved == 1


async def test_a_plan_that_was_changed_meanwhile_is_not_executed(office: Office) -> None:
    await office.account("A")
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [BALANCE])
        await change_handover_lines(plan, [], steps=[to(office.heirs[0])])
        with pytest.raises(VersionConflict):
            await execute_handover(plan, version=1)
        assert await cancel_handover(plan) is True
        assert await cancel_handover(plan) is False
        with pytest.raises(HandoverEnded):
            await execute_handover(plan)


async def test_reps_and_strangers_hand_nothing_over(office: Office, other_tenant: SomeTenant) -> None:
    await office.account("A")
    far = await office.tenant.create("Team", name="West")
    stranger = await office.tenant.create("User", name="West manager", role="manager", team_id=far)
    with acting_as(office.tenant.system):
        plan = await plan_handover(office.leaver, [to(office.heirs[0])])
    west = office.tenant.actor(Role.MANAGER).__class__(office.tenant.id, stranger, Role.MANAGER, "test")
    for actor, refusal in (
        (office.tenant.actor(Role.REP), PermissionDenied),
        (office.tenant.actor(Role.READ_ONLY), PermissionDenied),
        (west, PermissionDenied),
        (other_tenant.actor(Role.ADMIN), NotFound),
    ):
        with acting_as(actor):
            for attempt in (
                execute_handover(plan),
                cancel_handover(plan),
                change_handover_lines(plan, [], steps=[BALANCE]),
                plan_handover(office.leaver, [BALANCE]),
            ):
                with pytest.raises(refusal):
                    await attempt
    with acting_as(office.tenant.system):
        async with reading():
            assert (await Handover.get(id=plan)).state is HandoverState.DRAFT
            assert await OwnershipEntry.filter(reason=OwnershipReason.HANDED_OVER).count() == 0


async def test_a_manager_hands_over_for_teams_below_and_for_reports(office: Office) -> None:
    below = await office.tenant.create("Team", name="East 2", parent_id=office.team)
    far = await office.tenant.create("Team", name="West")
    deep = await office.tenant.create("User", name="Deep", team_id=below)
    report = await office.tenant.create("User", name="Report", team_id=far, manager_id=office.manager.user_id)
    for user in (deep, report):
        await office.tenant.create("Account", name="A", owner_id=user)
        with acting_as(office.manager):
            plan = await plan_handover(user, [to(office.heirs[0])])
            assert (await execute_handover(plan)).moved == 1
