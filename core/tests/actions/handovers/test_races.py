"""A hand-over while others give the same records away: whole, and the ledger agrees with the column."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise

from evenhand.actions.handovers.execution import execute_handover
from evenhand.actions.handovers.plans import plan_handover
from evenhand.actions.handovers.undoing import undo_handover
from evenhand.actions.owners import set_owner
from evenhand.actions.records import update_record
from evenhand.db.session import reading
from evenhand.entities import Account, User
from evenhand.entities.enums import HandoverMethod, HandoverOutcome
from evenhand.errors import EvenhandError
from evenhand.ownership.handovers.models import HandoverLine
from evenhand.ownership.handovers.rules import Step
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import acting_as

from .conftest import Office


async def test_records_that_others_give_away_meanwhile(office: Office) -> None:
    accounts = [await office.account(f"A {number}") for number in range(30)]
    heir, third = office.heirs
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (heir,))])

    async def give(number: int) -> None:
        with acting_as(office.tenant.system):
            await asyncio.sleep(0.01 * number)
            await set_owner("account", accounts[3 * number : 3 * number + 3], owner_id=third)

    async def execute() -> None:
        with acting_as(office.manager):
            await asyncio.sleep(0.02)
            await execute_handover(plan)

    await asyncio.gather(*(give(number) for number in range(5)), execute(), execute())
    with acting_as(office.manager):
        async with reading():
            lines = {line.record_id: line for line in await HandoverLine.filter(handover_id=plan)}
            owners = {one.id: one.owner_id for one in await Account.filter(id__in=accounts)}
            assert {line.outcome for line in lines.values()} <= {HandoverOutcome.MOVED, HandoverOutcome.STALE}
            for number, account in enumerate(accounts):
                ledger = await OwnershipEntry.filter(record_id=account).order_by("started_at", "id")
                holders = [line.owner_id for line in ledger]
                assert holders[-1] == owners[account] == (third if number < 15 else heir)
                assert all(before != after for before, after in pairwise(holders))
                moved = lines[account].outcome is HandoverOutcome.MOVED
                assert (heir in holders) is moved
        undone = await undo_handover(plan)
        assert undone.returned == 15
        assert undone.kept == sum(line.outcome is HandoverOutcome.MOVED for line in lines.values()) - 15


async def test_an_heir_who_leaves_at_the_same_moment_orphans_nothing(office: Office) -> None:
    await office.account("A")
    heir = office.heirs[0]
    with acting_as(office.manager):
        plan = await plan_handover(office.leaver, [Step(HandoverMethod.HAND, (heir,))])

    async def execute() -> None:
        with acting_as(office.manager), suppress(EvenhandError):
            await execute_handover(plan)

    async def leave() -> None:
        with acting_as(office.tenant.system), suppress(EvenhandError):
            await update_record("User", heir, {"is_active": False})

    await asyncio.gather(execute(), leave())
    with acting_as(office.tenant.system):
        async with reading():
            active = (await User.get(id=heir)).is_active
            assert await Account.filter(owner_id=heir).count() == (1 if active else 0)
