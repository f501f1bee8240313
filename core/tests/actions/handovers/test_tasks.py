"""No task and no ticket stays with somebody who leaves."""

from __future__ import annotations

import asyncio
from uuid import UUID

from evenhand.actions.handovers.execution import Executed, execute_handover
from evenhand.actions.handovers.plans import plan_handover
from evenhand.actions.handovers.preview import preview_handover
from evenhand.actions.handovers.undoing import Undone, undo_handover
from evenhand.actions.records import update_record
from evenhand.audit.models import AuditEntry
from evenhand.db.session import reading
from evenhand.entities import Task, Ticket
from evenhand.entities.enums import HandoverMethod
from evenhand.ownership.handovers.models import HandoverTask
from evenhand.ownership.handovers.rules import Step, Where
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

from .conftest import Office


class Work:
    """Open and finished work of the leaver."""

    def __init__(self, tenant: SomeTenant, leaver: UUID) -> None:
        self._tenant = tenant
        self._leaver = leaver
        self._made: dict[str, tuple[str, UUID]] = {}

    async def add(self, entity: str, subject: str, **values: object) -> None:
        """A task or ticket that the leaver is to do, unless `values` say who is."""
        made = await self._tenant.create(entity, **{"subject": subject, "assignee_id": self._leaver, **values})
        self._made[subject] = (entity, made)

    async def assignees(self) -> dict[str, UUID | None]:
        """Who is to do what, by subject."""
        async with reading():
            tasks = await Task.all().values_list("subject", "assignee_id")
            tickets = await Ticket.all().values_list("subject", "assignee_id")
        return dict([*tasks, *tickets])

    def id(self, subject: str) -> UUID:
        """The id of one."""
        return self._made[subject][1]


async def some_work(office: Office) -> tuple[Work, UUID]:
    account = await office.account("华信科技")
    contact = await office.tenant.create("Contact", name="Ana", account_id=account)
    others = await office.account("Others", owner_id=office.heirs[1])
    work = Work(office.tenant, office.leaver)
    await work.add("Task", "along", account_id=account)
    await work.add("Task", "private")
    await work.add("Task", "for a colleague", account_id=others)
    await work.add("Task", "done", done_at="2026-01-01T00:00:00Z")
    await work.add("Task", "of another", assignee_id=office.heirs[1])
    await work.add("Ticket", "broken", account_id=account)
    await work.add("Ticket", "asked", contact_id=contact, status="pending")
    await work.add("Ticket", "elsewhere", account_id=others)
    await work.add("Ticket", "nobody's")
    await work.add("Ticket", "solved", account_id=account, status="resolved")
    return work, account


async def test_all_open_work_of_a_leaver_goes_to_somebody_and_back(office: Office) -> None:
    work, _ = await some_work(office)
    leaver, heir, boss = office.leaver, office.heirs[0], office.manager.user_id
    with acting_as(office.manager):
        before = await work.assignees()
        plan = await plan_handover(leaver, [Step(HandoverMethod.HAND, (heir,))])
        shown = await preview_handover(plan)
        assert {name: shown[name] for name in ("tasks", "tickets", "loose", "loose_user")} == {
            "tasks": 1,
            "tickets": 2,
            "loose": 4,
            "loose_user": str(boss),
        }
        done = await asyncio.gather(*(execute_handover(plan) for _ in range(4)))
        assert set(done) == {Executed(plan, 1, 0, 7)}
        after = await work.assignees()
        assert after == before | dict.fromkeys(("along", "broken", "asked"), heir) | dict.fromkeys(
            ("private", "for a colleague", "elsewhere", "nobody's"), boss
        )
        assert {subject for subject, user in after.items() if user == leaver} == {"done", "solved"}
        async with reading():
            noted = await HandoverTask.filter(handover_id=plan)
            assert len(noted) == 7
            assert sum(one.record_id is None for one in noted) == 4
            (entry,) = await AuditEntry.filter(record_id=work.id("broken"), action="execute_handover")
            assert entry.after == {"assignee_id": str(heir)}
        await update_record("Ticket", work.id("asked"), {"status": "closed"})
        assert await undo_handover(plan) == Undone(plan, 1, 0, 6)
        assert await work.assignees() == before | {"asked": heir}


async def test_who_stays_keeps_what_is_about_no_record_that_moves(office: Office) -> None:
    work, account = await some_work(office)
    kept = await office.account("Kept")
    step = Step(HandoverMethod.HAND, (office.heirs[0],), where=Where(record_ids=frozenset({account})))
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [step])
        shown = await preview_handover(plan)
        assert (shown["loose"], shown["loose_user"]) == (4, None)
        assert await execute_handover(plan) == Executed(plan, 1, 0, 3)
        left = {subject for subject, user in (await work.assignees()).items() if user == office.leaver}
        assert left == {"private", "for a colleague", "elsewhere", "nobody's", "done", "solved"}
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (office.heirs[0],))], keep_watching=True)
        assert (await preview_handover(plan))["loose_user"] is None
        assert await execute_handover(plan) == Executed(plan, 1, 0, 0), kept


async def test_tickets_of_customers_in_a_pool_go_to_the_superior(office: Office) -> None:
    work, _ = await some_work(office)
    pool = await office.tenant.create("Pool", name="华东公海")
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, pool_id=pool)])
        assert await execute_handover(plan) == Executed(plan, 1, 0, 7)
        found = await work.assignees()
        assert found["along"] is None
        assert found["broken"] == found["asked"] == office.manager.user_id
