"""Fair turns hold when many assign at the same time, each on a connection of its own."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from evenhand.actions.assignment import Assigned, assign_records
from evenhand.actions.journal import writing
from evenhand.actions.plugins import set_plugin
from evenhand.actions.records import archive_record, create_records, update_record
from evenhand.api import reading
from evenhand.audit.models import AuditEntry
from evenhand.entities import Lead, User
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import Decision, OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand_assignment.models import TurnGroup, UserTurn

ASSIGNERS = 10
LEADS = 400
REPS = 7


async def reps_of(tenant: SomeTenant, count: int) -> list[UUID]:
    with acting_as(tenant.system):
        await archive_record("User", tenant.users[Role.REP])
        await set_plugin("assignment", enabled=True)
    return [await tenant.create("User", name=f"李雷 {number}", role="rep") for number in range(count)]


async def leads_of(tenant: SomeTenant, count: int) -> list[UUID]:
    with acting_as(tenant.system):
        async with writing("create_leads") as journal:
            return await create_records(entity("Lead"), [{"name": f"Lead {n}"} for n in range(count)], journal=journal)


async def assign_in_parallel(tenant: SomeTenant, shares: Sequence[Sequence[Sequence[UUID]]]) -> list[Assigned]:
    """Each assigner makes its own transactions, one per batch of its share."""

    async def assigner(batches: Sequence[Sequence[UUID]]) -> list[Assigned]:
        with acting_as(tenant.system):
            return [done for batch in batches for done in await assign_records("lead", batch)]

    return [done for part in await asyncio.gather(*map(assigner, shares)) for done in part]


@pytest.mark.parametrize("size", [1, 5, 40])
async def test_parallel_assigners_keep_the_shares_even(tenant: SomeTenant, size: int) -> None:
    reps = await reps_of(tenant, REPS)
    leads = await leads_of(tenant, LEADS)
    batches = [leads[start : start + size] for start in range(0, LEADS, size)]
    done = await assign_in_parallel(tenant, [batches[number::ASSIGNERS] for number in range(ASSIGNERS)])
    received = Counter(item.owner_id for item in done)
    assert set(received) == set(reps)
    assert max(received.values()) - min(received.values()) <= 1
    with acting_as(tenant.system):
        async with reading():
            held = Counter(await Lead.filter(id__in=leads).values_list("owner_id", flat=True))
            decisions = Counter(await Decision.all().values_list("record_id", flat=True))
            lines = Counter(
                await OwnershipEntry.filter(reason=OwnershipReason.ASSIGNED).values_list("record_id", flat=True)
            )
            events = Counter(await OutboxEvent.filter(type="OwnerChanged").values_list("record_id", flat=True))
            audit = Counter(await AuditEntry.filter(action="assign_records").values_list("record_id", flat=True))
            turns = Counter({turn.user_id: turn.received for turn in await UserTurn.all()})
            groups = await TurnGroup.all()
    assert held == received == turns
    assert decisions == lines == events == audit == Counter(leads)
    assert [group.dealt for group in groups] == [LEADS]


async def test_parallel_assigners_of_the_same_leads_keep_one_history(tenant: SomeTenant) -> None:
    """Whoever comes later assigns again: each time one decision, and one line only when the holder changes."""
    await reps_of(tenant, 3)
    leads = await leads_of(tenant, 20)
    done = await assign_in_parallel(tenant, [[list(reversed(leads))], [leads]] * 4)
    assert len(done) == 8 * 20
    with acting_as(tenant.system):
        async with reading():
            assert Counter(await Decision.all().values_list("record_id", flat=True)) == dict.fromkeys(leads, 8)
            turns = [turn.received for turn in await UserTurn.all()]
            for lead in await Lead.filter(id__in=leads):
                lines = await OwnershipEntry.filter(record_id=lead.id).order_by("started_at", "id")
                owners = [line.owner_id for line in lines]
                assert owners[-1] == lead.owner_id
                assert all(before != after for before, after in itertools.pairwise(owners))
    assert sum(turns) == 160
    assert max(turns) - min(turns) <= 1


async def test_tenants_do_not_share_turns(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    ours, theirs = await reps_of(tenant, 2), await reps_of(other_tenant, 3)
    our_leads, their_leads = await leads_of(tenant, 30), await leads_of(other_tenant, 30)
    mine, others = await asyncio.gather(
        assign_in_parallel(tenant, [[[lead] for lead in our_leads]]),
        assign_in_parallel(other_tenant, [[[lead] for lead in their_leads]]),
    )
    assert Counter(item.owner_id for item in mine) == dict.fromkeys(ours, 15)
    assert Counter(item.owner_id for item in others) == dict.fromkeys(theirs, 10)


@pytest.mark.parametrize("size", [1, 7, 40])
async def test_t19_parallel_assigners_keep_caps_and_the_shares_of_the_others(tenant: SomeTenant, size: int) -> None:
    """Nobody gets one more than there is room for, no turn is lost on anybody who is full, the rest stays level."""
    reps = await reps_of(tenant, REPS)
    pool = await tenant.create("Pool", name="华东公海")
    capped = {"pool_id": pool, "name": "Cap", "entity": "Lead"}
    await tenant.create("PoolRule", **capped, holding_cap=30)
    with acting_as(tenant.system):
        async with writing("create_leads") as journal:
            held = {reps[0]: 25, reps[1]: 30}
            drafts = [{"name": "Old", "owner_id": rep} for rep, count in held.items() for _ in range(count)]
            await create_records(entity("Lead"), drafts, journal=journal)
    leads = await leads_of(tenant, 130)
    batches = [leads[start : start + size] for start in range(0, len(leads), size)]
    done = await assign_in_parallel(tenant, [batches[number::ASSIGNERS] for number in range(ASSIGNERS)])
    received = Counter(item.owner_id for item in done)
    assert (received[reps[0]], received[reps[1]], received[None]) == (5, 0, 0)
    others = [received[rep] for rep in reps[2:]]
    assert sum(others) == 125
    assert max(others) - min(others) <= 1
    more = await leads_of(tenant, 40)
    batches = [more[start : start + size] for start in range(0, len(more), size)]
    done = await assign_in_parallel(tenant, [batches[number::ASSIGNERS] for number in range(ASSIGNERS)])
    assert sum(item.owner_id is None for item in done) == 15
    with acting_as(tenant.system):
        async with reading():
            holding = Counter(await Lead.exclude(owner_id=None).values_list("owner_id", flat=True))
            turns = {turn.user_id: turn.received for turn in await UserTurn.all() if turn.received}
            (group,) = await TurnGroup.all()
    assert holding == dict.fromkeys(reps, 30)
    assert turns == {reps[0]: 5, **dict.fromkeys(reps[2:], 30)}
    assert group.dealt == 155, "records that nobody got are nobody's turn"


async def test_t18_nobody_gets_leads_who_was_deactivated_meanwhile(tenant: SomeTenant) -> None:
    """An assignment comes wholly before a deactivation or knows of it; it never fails, and nothing goes astray."""
    reps = await reps_of(tenant, 4)
    leads = await leads_of(tenant, 120)

    async def deactivate() -> None:
        with acting_as(tenant.system):
            await update_record("User", reps[0], {"is_active": False})

    batches = [leads[start : start + 4] for start in range(0, len(leads), 4)]
    done, _ = await asyncio.gather(
        assign_in_parallel(tenant, [batches[number::ASSIGNERS] for number in range(ASSIGNERS)]), deactivate()
    )
    received = Counter(item.owner_id for item in done)
    assert None not in received
    with acting_as(tenant.system):
        async with reading():
            gone = await User.get(id=reps[0])
            decided = await Decision.filter(owner_id=reps[0]).count()
    assert not gone.is_active
    assert received[reps[0]] == decided
    others = [received[rep] for rep in reps[1:]]
    assert max(others) - min(others) <= 1
    assert received[reps[0]] <= max(others) + 1
    assert await assign_in_parallel(tenant, [[leads[:8]]])
    with acting_as(tenant.system):
        async with reading():
            assert await Decision.filter(owner_id=reps[0]).count() == decided
