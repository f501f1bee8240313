"""Hand-overs are undone within their window, as far as nobody moved on since."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evenhand import clock as evenhand_clock
from evenhand.actions.handovers.execution import execute_handover
from evenhand.actions.handovers.plans import plan_handover
from evenhand.actions.handovers.settings import set_handover_limits
from evenhand.actions.handovers.undoing import Undone, undo_handover
from evenhand.actions.owners import set_owner
from evenhand.actions.records import update_record
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Account, Task
from evenhand.entities.enums import HandoverMethod, HandoverOutcome, OwnershipReason
from evenhand.errors import InvalidInput
from evenhand.events.models import OutboxEvent
from evenhand.notifications.models import Notification
from evenhand.ownership.handovers.errors import FormerOwnerInactive, HandoverEnded, UndoTooLate
from evenhand.ownership.handovers.models import HandoverLine
from evenhand.ownership.handovers.rules import Step
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as

from .conftest import Office


async def test_what_nobody_moved_since_goes_back(office: Office) -> None:
    heir, third = office.heirs
    back, on, round_trip = [await office.account(name) for name in ("back", "on", "round trip")]
    tasks = {
        name: await office.tenant.create("Task", subject=name, account_id=account, assignee_id=office.leaver)
        for name, account in (("open", back), ("done", back), ("given", back), ("on", on))
    }
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (heir,))])
        await execute_handover(plan)
        await update_record("Task", tasks["done"], {"done_at": evenhand_clock.now().isoformat()})
        await update_record("Task", tasks["given"], {"assignee_id": third})
        await set_owner("account", [on], owner_id=third)
        await set_owner("account", [round_trip], owner_id=third)
        await set_owner("account", [round_trip], owner_id=heir)
        undone = await undo_handover(plan)
        assert undone == Undone(plan, 1, 2, 1)
        assert await undo_handover(plan) == undone
        async with reading():
            owners = {one.id: one.owner_id for one in await Account.filter(id__in=[back, on, round_trip])}
            assert owners == {back: office.leaver, on: third, round_trip: heir}
            found = {line.record_id: line.outcome for line in await HandoverLine.filter(handover_id=plan)}
            assert found == {
                back: HandoverOutcome.RETURNED,
                on: HandoverOutcome.KEPT,
                round_trip: HandoverOutcome.KEPT,
            }
            last = await OwnershipEntry.filter(record_id=back).order_by("-started_at").first()
            assert last is not None
            assert (last.reason, last.owner_id) == (OwnershipReason.HANDOVER_UNDONE, office.leaver)
            assignees = {one.subject: one.assignee_id for one in await Task.filter(id__in=list(tasks.values()))}
            assert assignees == {"open": office.leaver, "done": heir, "given": third, "on": heir}
            (event,) = await OutboxEvent.filter(type="HandoverUndone")
            assert (event.payload["returned"], event.payload["kept"]) == ({"Account": 1}, 2)
            assert await Notification.filter(user_id=heir, kind="handover_undone").count() == 1


async def test_an_undone_hand_over_does_not_count_as_a_change_back(office: Office) -> None:
    account = await office.account("A")
    with acting_as(office.manager):
        for _ in range(2):
            plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (office.heirs[0],))])
            await execute_handover(plan)
            await undo_handover(plan)
        async with reading():
            assert (await Account.get(id=account)).owner_id == office.leaver
            assert await OwnershipEntry.filter(record_id=account).count() == 5


async def test_the_window_ends(office: Office) -> None:
    account = await office.account("A")
    with acting_as(office.tenant.system):
        await set_handover_limits(undo_days=2)
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (office.heirs[0],))])
        with pytest.raises(HandoverEnded):
            await undo_handover(plan)
        await execute_handover(plan)
        later = evenhand_clock.now() + timedelta(days=2, minutes=1)
        with evenhand_clock.use_clock(lambda: later), pytest.raises(UndoTooLate):
            await undo_handover(plan)
        async with reading():
            assert (await Account.get(id=account)).owner_id == office.heirs[0]


async def test_who_left_gets_nothing_back_but_a_pool_can(office: Office) -> None:
    account = await office.account("A")
    task = await office.tenant.create("Task", subject="Call", account_id=account, assignee_id=office.leaver)
    pool = await office.tenant.create("Pool", name="Rest")
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (office.heirs[0],))])
        await execute_handover(plan)
        await office.tenant.update("User", office.leaver, is_active=False)
        with pytest.raises(FormerOwnerInactive):
            await undo_handover(plan)
        with pytest.raises(InvalidInput):
            await undo_handover(plan, pool_id=account)
        assert await undo_handover(plan, pool_id=pool) == Undone(plan, 1, 0, 1)
        async with reading():
            assert (await Account.get(id=account)).pool_id == pool
            assert (await Task.get(id=task)).assignee_id is None


@pytest.mark.parametrize("role", [Role.REP, Role.READ_ONLY])
async def test_reps_undo_nothing(office: Office, role: Role) -> None:
    account = await office.account("A")
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (office.heirs[0],))])
        await execute_handover(plan)
    with acting_as(office.tenant.actor(role)), pytest.raises(PermissionDenied):
        await undo_handover(plan)
    with acting_as(office.tenant.system):
        async with reading():
            assert (await Account.get(id=account)).owner_id == office.heirs[0]
