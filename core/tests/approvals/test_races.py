"""Many at once, each over a connection of its own: one end, one decision each, one use."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from evenhand.actions.approvals.requests import cancel_approval
from evenhand.actions.opportunities import move_opportunity
from evenhand.actions.records import update_record
from evenhand.approvals.errors import ApprovalRequired
from evenhand.approvals.models import ApprovalDecision, ApprovalRequest, ApprovalSeat
from evenhand.db.session import reading
from evenhand.entities import StageChange
from evenhand.errors import EvenhandError
from evenhand.events.models import OutboxEvent
from evenhand.tenancy.context import Role, acting_as

from .conftest import Company


async def at_once(*calls: Coroutine[Any, Any, Any]) -> list[Any]:
    """What came of each: its value or the code of its error."""

    async def one(call: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await call
        except EvenhandError as error:
            return error.code

    async with asyncio.timeout(30):
        return list(await asyncio.gather(*(one(call) for call in calls)))


async def test_two_approvers_decide_at_once_and_one_decision_counts(company: Company) -> None:
    managers = [await company.user(f"经理{number}", Role.MANAGER) for number in range(4)]
    await company.policy("stage_move", [{"approver": "role", "role": "manager"}], name="P")
    await company.gate(0, {"rule": "approval", "policy": "P"})
    for number in range(5):
        request = await company.ask(await company.deal(name=f"D{number}"), 1)
        verdicts = ("approve", "reject", "approve", "reject")
        answers = await at_once(
            *(company.decide(request, actor, verdict) for actor, verdict in zip(managers, verdicts, strict=True))
        )
        assert Counter(map(str, answers)) == {"True": 1, "APPROVAL_ENDED": 3}
        with acting_as(company.tenant.system):
            async with reading():
                (decision,) = await ApprovalDecision.filter(request_id=request)
                ends = await OutboxEvent.filter(record_id=request, type__not="ApprovalRequested")
                assert len(ends) == 1
                assert await ApprovalSeat.filter(request_id=request, closed_at=None).count() == 0
        assert (await company.state(request)).startswith(decision.verdict.value)


async def test_everybody_of_all_decides_at_once_and_the_step_ends_once(company: Company) -> None:
    managers = [await company.user(f"经理{number}", Role.MANAGER) for number in range(3)]
    managers.append(company.actor(Role.MANAGER))
    steps = [{"approver": "role", "role": "manager", "need": "all"}, {"approver": "role", "role": "admin"}]
    await company.policy("stage_move", steps, name="P")
    await company.gate(0, {"rule": "approval", "policy": "P"})
    request = await company.ask(await company.deal(), 1)
    answers = await at_once(*(company.decide(request, actor, step=1) for actor in managers * 2))
    assert Counter(answers) == {True: 4, False: 4}
    now = await company.read(request)
    assert (now.step, now.state.value) == (2, "pending")
    with acting_as(company.tenant.system):
        async with reading():
            assert await ApprovalSeat.filter(request_id=request, step=2).count() == 1


async def test_the_same_request_at_once_is_made_once(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    deal = await company.deal()
    answers = await at_once(*(company.ask(deal, 1) for _ in range(6)))
    assert len(set(answers)) == 1
    with acting_as(company.tenant.system):
        async with reading():
            assert await ApprovalRequest.all().count() == 1


async def test_an_approval_is_used_once_by_changes_at_once(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    deal = await company.deal()
    await company.decide(await company.ask(deal, 1), Role.MANAGER)

    async def there_and_back() -> str:
        with acting_as(company.actor(Role.REP)):
            try:
                moved = await move_opportunity(deal, company.way[1])
            except ApprovalRequired:
                return "refused"
            if moved:
                await update_record("Opportunity", deal, {"stage_id": company.way[0]})
            return "moved" if moved else "there"

    answers = Counter(await at_once(*(there_and_back() for _ in range(6))))
    assert answers["moved"] == 1
    with acting_as(company.tenant.system):
        async with reading():
            forward = await StageChange.filter(opportunity_id=deal, to_stage_id=company.way[1]).count()
    assert forward == 1


async def cancel(company: Company, request: UUID) -> bool:
    with acting_as(company.actor(Role.REP)):
        return await cancel_approval(request)


async def change(company: Company, deal: UUID) -> bool:
    with acting_as(company.actor(Role.REP)):
        return await update_record("Opportunity", deal, {"next_step": "x"})


async def test_approval_that_applies_cancellation_and_changes_do_not_block_each_other(company: Company) -> None:
    await company.gate(0, {"rule": "approval"})
    for number in range(4):
        deal = await company.deal(name=f"D{number}")
        request = await company.ask(deal, 1, apply=True)

        answers = await at_once(
            company.decide(request, Role.MANAGER), cancel(company, request), change(company, deal), company.ask(deal, 2)
        )
        assert answers[2] is True
        state = await company.state(request)
        assert {answers[0], answers[1]} == {True, "APPROVAL_ENDED"}
        assert state == ("approved" if answers[0] is True else "cancelled")
