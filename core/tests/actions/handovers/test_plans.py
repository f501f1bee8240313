"""How a plan chooses: collaborators, customers, even books, shares, and the tenant's policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.errors import NoPolicy
from evenhand.actions.handovers.execution import execute_handover
from evenhand.actions.handovers.plans import LineChange, change_handover_lines, plan_handover
from evenhand.actions.handovers.preview import preview_handover
from evenhand.actions.record_members import add_record_member
from evenhand.db.session import reading
from evenhand.entities import Account
from evenhand.entities.enums import HandoverMethod, MemberRole
from evenhand.errors import InvalidInput
from evenhand.ownership.handovers.errors import HandoverOpen, NothingHeld
from evenhand.ownership.handovers.models import HandoverLine
from evenhand.ownership.handovers.rules import NOBODY, Step, Target, Where
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

from .conftest import Office


async def lines_by_record(plan: UUID) -> Mapping[UUID, HandoverLine]:
    async with reading():
        return {line.record_id: line for line in await HandoverLine.filter(handover_id=plan)}


async def test_steps_choose_one_after_the_other(office: Office) -> None:
    first, second, third = [await office.account(name) for name in ("kept", "balanced", "nobody's")]
    deals = {account: await office.deal(account, 100) for account in (first, second, third)}
    with acting_as(office.tenant.system):
        await add_record_member("Account", first, office.heirs[1], MemberRole.COLLABORATOR, Decimal(20))
    with acting_as(office.manager):
        steps = [
            Step(HandoverMethod.COLLABORATOR, where=Where(entities=frozenset({"Account"}))),
            Step(HandoverMethod.FOLLOW_ACCOUNT),
            Step(HandoverMethod.HAND, (office.heirs[0],), where=Where(record_ids=frozenset({second}))),
        ]
        lines = await lines_by_record(await plan_handover(office.leaver, steps))
    chosen = {record: (line.method, line.to_user_id) for record, line in lines.items()}
    assert chosen == {
        first: (HandoverMethod.COLLABORATOR, office.heirs[1]),
        deals[first]: (HandoverMethod.FOLLOW_ACCOUNT, office.heirs[1]),
        second: (HandoverMethod.HAND, office.heirs[0]),
        deals[second]: (HandoverMethod.FOLLOW_ACCOUNT, office.heirs[0]),
        third: (None, None),
        deals[third]: (None, None),
    }


async def test_books_become_even_with_what_the_heirs_hold(office: Office) -> None:
    rich, poor = office.heirs
    await office.deal(None, 900, owner_id=rich)
    for amount in (400, 300, 200):
        await office.deal(await office.account(f"A {amount}"), amount)
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.BALANCE)], seed=5)
        shown = await preview_handover(plan)
        lines = await lines_by_record(plan)
    after = {one["user"]: one["after"]["values"] for one in shown["holders"]}
    assert after == {str(office.leaver): {}, str(poor): {"CNY": "450.0000"}}
    assert {line.to_user_id for line in lines.values()} == {poor}


async def test_the_same_seed_makes_the_same_plan(office: Office) -> None:
    for number in range(9):
        await office.account(f"A {number}")
    steps = [Step(HandoverMethod.SHARES, tuple(office.heirs), (2, 1))]
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, steps, seed=11)
        before = {record: line.to_user_id for record, line in (await lines_by_record(plan)).items()}
        await change_handover_lines(plan, [], steps=steps)
        after = {record: line.to_user_id for record, line in (await lines_by_record(plan)).items()}
    assert after == before
    assert Counter(after.values()) == {office.heirs[0]: 6, office.heirs[1]: 3}


async def test_locked_lines_stay_and_the_book_is_looked_at_anew(office: Office) -> None:
    kept, free = await office.account("kept"), await office.account("free")
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (office.heirs[0],))])
        stays = LineChange(Where(record_ids=frozenset({kept})), NOBODY)
        await change_handover_lines(plan, [stays])
        new = await office.account("new")
        again = [Step(HandoverMethod.HAND, (office.heirs[1],))]
        assert await change_handover_lines(plan, [], steps=again) == 3
        lines = await lines_by_record(plan)
        assert {record: line.to_user_id for record, line in lines.items()} == {
            kept: None,
            free: office.heirs[1],
            new: office.heirs[1],
        }
        strange = LineChange(Where(record_ids=frozenset({office.leaver})), Target(office.heirs[0]))
        with pytest.raises(InvalidInput, match="not in this hand-over"):
            await change_handover_lines(plan, [strange])
        with pytest.raises(InvalidInput, match="cannot take over"):
            await change_handover_lines(plan, [LineChange(Where(), Target(office.leaver))])


async def test_there_is_one_draft_and_something_to_hand_over(office: Office, other_tenant: SomeTenant) -> None:
    with acting_as(office.manager):
        with pytest.raises(NothingHeld):
            await plan_handover(office.leaver, [])
        await office.account("A")
        await plan_handover(office.leaver, [])
        with pytest.raises(HandoverOpen):
            await plan_handover(office.leaver, [])
    stranger = Step(HandoverMethod.HAND, (next(iter(other_tenant.users.values())),))
    await office.tenant.create("Account", name="B", owner_id=office.heirs[0])
    with acting_as(office.manager), pytest.raises(InvalidInput, match="does not exist here"):
        await plan_handover(office.heirs[0], [stranger])


async def test_without_a_plugin_there_is_no_policy(office: Office, host: Any) -> None:
    await office.account("A")
    with acting_as(office.manager), pytest.raises(NoPolicy):
        await plan_handover(office.leaver, [Step(HandoverMethod.POLICY)])
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.BALANCE)])
        await execute_handover(plan)
        async with reading():
            assert await Account.filter(owner_id=office.leaver).count() == 0
