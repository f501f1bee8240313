"""What clocks count from follows every write: single, bulk, merges, archiving, and nothing that is no work."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand import clock as time
from evenhand.actions.bulk import archive_many, create_many, update_many
from evenhand.actions.leads import convert_lead
from evenhand.actions.merges import Source, merge_accounts, unmerge_account
from evenhand.actions.opportunities import move_opportunity
from evenhand.actions.owners import set_owner
from evenhand.actions.record_clocks import ACTIVITY, count_anew
from evenhand.actions.records import Change, archive_record, restore_record
from evenhand.db.session import raw_connection, reading
from evenhand.entities import Stage
from evenhand.ownership.clocks.models import RecordClock
from evenhand.ownership.clocks.rules import DEAL, STAGE
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.clock import Clock


async def clocks(tenant: SomeTenant, record_id: UUID) -> dict[str, datetime]:
    with acting_as(tenant.system):
        async with reading():
            rows = await RecordClock.filter(record_id=record_id)
    return {row.kind: row.last_at for row in rows if row.last_at is not None}


async def stages(tenant: SomeTenant) -> dict[str, list[UUID]]:
    with acting_as(tenant.system):
        async with reading():
            found: dict[str, list[UUID]] = {}
            for stage in await Stage.all().order_by("position"):
                found.setdefault(stage.kind.value, []).append(stage.id)
    return found


async def agrees(tenant: SomeTenant, ids: dict[str, list[UUID]]) -> None:
    """The clocks are those that counting everything anew would give."""
    with acting_as(tenant.system):
        async with reading() as client:
            connection = raw_connection(client)
            targets = [
                (what, name, one) for what in (ACTIVITY, STAGE, DEAL) for name, some in ids.items() for one in some
            ]
            wanted = await count_anew(connection, tenant.id, time.now(), targets)
            rows = await RecordClock.filter(record_id__in=[one for some in ids.values() for one in some])
    kept = {(row.entity, row.record_id, row.kind): row.last_at for row in rows if row.last_at is not None}
    counted = {(name, one, kind): at for name, one, kind, at in wanted if at is not None}
    assert {key: at for key, at in kept.items() if key[::2] != ("Lead", STAGE)} == counted


async def test_an_activity_counts_for_all_that_it_is_about(tenant: SomeTenant, clock: Clock) -> None:
    account = await tenant.create("Account", name="华信")
    contact = await tenant.create("Contact", name="王芳", account_id=account)
    deal = await tenant.create("Opportunity", name="Renewal", account_id=account)
    lead = await tenant.create("Lead", name="Li Wei")
    now = clock.now()
    await tenant.create("Activity", kind="call", subject="a", contact_id=contact, occurred_at=now - timedelta(days=2))
    await tenant.create("Activity", kind="visit", subject="b", opportunity_id=deal, occurred_at=now)
    await tenant.create("Activity", kind="email", subject="c", lead_id=lead, occurred_at=now)
    assert await clocks(tenant, account) == {"call": now - timedelta(days=2), "visit": now}
    assert await clocks(tenant, deal) == {"visit": now}
    assert await clocks(tenant, lead) == {"email": now}


async def test_an_older_activity_and_a_planned_one_move_nothing(tenant: SomeTenant, clock: Clock) -> None:
    lead = await tenant.create("Lead", name="Li Wei")
    now = clock.now()
    for days in (1, 5, -3):
        moment = now - timedelta(days=days)
        await tenant.create("Activity", kind="call", subject=str(days), lead_id=lead, occurred_at=moment)
    assert await clocks(tenant, lead) == {"call": now - timedelta(days=1)}


async def test_edits_and_owner_changes_are_no_activity(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li Wei")
    await tenant.update("Lead", lead, name="Li Wei 2")
    with acting_as(tenant.system):
        await set_owner("Lead", [lead], owner_id=tenant.users[Role.REP])
    assert await clocks(tenant, lead) == {}


async def test_what_is_taken_back_counts_no_more(tenant: SomeTenant, clock: Clock) -> None:
    one, other = [await tenant.create("Account", name=name) for name in "ab"]
    contact = await tenant.create("Contact", name="c", account_id=one)
    now = clock.now()
    call = await tenant.create("Activity", kind="call", subject="x", account_id=one, occurred_at=now)
    visit = await tenant.create("Activity", kind="visit", subject="y", contact_id=contact, occurred_at=now)
    with acting_as(tenant.system):
        await archive_record("Activity", call)
        assert await clocks(tenant, one) == {"visit": now}
        await restore_record("Activity", call)
    assert await clocks(tenant, one) == {"call": now, "visit": now}
    await tenant.update("Activity", call, account_id=other)
    assert await clocks(tenant, one) == {"visit": now}
    assert await clocks(tenant, other) == {"call": now}
    await tenant.update("Contact", contact, account_id=other)
    assert await clocks(tenant, one) == {}
    assert await clocks(tenant, other) == {"call": now, "visit": now}
    await tenant.update("Activity", visit, contact_id=None, kind="meeting")
    assert await clocks(tenant, other) == {"call": now}


async def test_only_a_stage_never_reached_before_is_a_step_forward(tenant: SomeTenant, clock: Clock) -> None:
    account = await tenant.create("Account", name="华信")
    deal = await tenant.create("Opportunity", name="Renewal", account_id=account)
    assert await clocks(tenant, deal) == {}
    first, second, third = (await stages(tenant))["open"][:3]
    moments = []
    with acting_as(tenant.system):
        for stage in (second, first, second, third):
            clock.advance(days=1)
            moments.append(clock.now())
            await move_opportunity(deal, stage)
            assert (await clocks(tenant, deal))["stage"] == (moments[0] if len(moments) < 4 else moments[3])
    assert await clocks(tenant, account) == {"stage": moments[3]}


async def test_deals_are_won_deals_and_orders(tenant: SomeTenant, clock: Clock) -> None:
    account = await tenant.create("Account", name="华信")
    deal = await tenant.create("Opportunity", name="Renewal", account_id=account)
    won = (await stages(tenant))["won"][0]
    clock.advance(days=1)
    with acting_as(tenant.system):
        await move_opportunity(deal, won)
        first = (await clocks(tenant, account))[DEAL]
        assert first <= clock.now()
        assert first > clock.now() - timedelta(days=1)
        clock.advance(days=3)
        quote = await tenant.create("Order", number="Q1", kind="quote", account_id=account, total="5")
        draft = await tenant.create("Order", number="O1", account_id=account, total="5")
        assert (await clocks(tenant, account))[DEAL] == first
        await tenant.update("Order", draft, status="accepted", placed_on=clock.now().date())
        assert (await clocks(tenant, account))[DEAL] > first
        await archive_record("Order", draft)
        assert (await clocks(tenant, account))[DEAL] == first
        await archive_record("Opportunity", deal)
    assert DEAL not in await clocks(tenant, account)
    assert quote


async def test_leads_make_steps_by_their_status(tenant: SomeTenant, clock: Clock) -> None:
    lead = await tenant.create("Lead", name="Li Wei")
    clock.advance(days=1)
    await tenant.update("Lead", lead, status="working")
    moved = clock.now()
    assert await clocks(tenant, lead) == {"stage": moved}
    clock.advance(days=1)
    await tenant.update("Lead", lead, status="nurturing")
    assert await clocks(tenant, lead) == {"stage": moved}
    with acting_as(tenant.system):
        await convert_lead(lead)


async def test_bulk_and_merges_do_the_same(tenant: SomeTenant, clock: Clock) -> None:
    one, other = [await tenant.create("Account", name=name) for name in "ab"]
    now = clock.now()
    drafts = [
        {"kind": "call", "subject": str(n), "account_id": (one, other)[n % 2], "occurred_at": now - timedelta(hours=n)}
        for n in range(20)
    ]
    with acting_as(tenant.system):
        made = await create_many("Activity", drafts)
        assert (await clocks(tenant, one), await clocks(tenant, other)) == (
            {"call": now},
            {"call": now - timedelta(hours=1)},
        )
        ids = [item.record_id for item in made if item.record_id is not None]
        await archive_many("Activity", ids[::2])
        assert await clocks(tenant, one) == {}
        await update_many("Activity", [Change(ids[1], {"kind": "visit"})])
        (merge,) = await merge_accounts(one, [Source(other)])
        assert await clocks(tenant, one) == {"visit": now - timedelta(hours=1), "call": now - timedelta(hours=3)}
        assert await clocks(tenant, other) == {}
        await unmerge_account(merge)
    assert await clocks(tenant, one) == {}
    await agrees(tenant, {"Account": [one, other]})


async def test_a_refused_item_leaves_no_trace(tenant: SomeTenant, clock: Clock) -> None:
    lead = await tenant.create("Lead", name="Li Wei")
    good = {"kind": "call", "subject": "x", "lead_id": lead, "occurred_at": clock.now()}
    with acting_as(tenant.system):
        items = await create_many("Activity", [{**good, "kind": "visit", "author_id": lead}, good])
    assert [item.error is None for item in items] == [False, True]
    assert await clocks(tenant, lead) == {"call": clock.now()}


@pytest.mark.parametrize("seed", range(3))
async def test_parallel_writers_leave_what_counting_anew_gives(tenant: SomeTenant, seed: int) -> None:
    chance = random.Random(seed)
    accounts = [await tenant.create("Account", name=str(n)) for n in range(3)]
    deals = [await tenant.create("Opportunity", name=str(n), account_id=accounts[n % 3]) for n in range(3)]
    some = await stages(tenant)
    activities: list[UUID] = []

    async def work(turn: random.Random) -> None:
        for _ in range(6):
            moment = time.now() - timedelta(hours=turn.randint(0, 500))
            about: dict[str, Any] = turn.choice(
                [{"account_id": turn.choice(accounts)}, {"opportunity_id": turn.choice(deals)}]
            )
            match turn.randint(0, 4):
                case 0 | 1:
                    kind = turn.choice(["call", "visit"])
                    made = await tenant.create("Activity", kind=kind, subject="x", occurred_at=moment, **about)
                    activities.append(made)
                case 2 if activities:
                    with acting_as(tenant.system):
                        await archive_record("Activity", turn.choice(activities))
                case 3 if activities:
                    await tenant.update("Activity", turn.choice(activities), kind=turn.choice(["call", "email"]))
                case _:
                    with acting_as(tenant.system):
                        await move_opportunity(turn.choice(deals), turn.choice(some["open"]))

    answers = await asyncio.gather(
        *(work(random.Random(chance.random())) for _ in range(6)),
        return_exceptions=True,
    )
    unexpected = [one for one in answers if isinstance(one, Exception) and type(one).__name__ != "RecordArchived"]
    assert not unexpected
    await agrees(tenant, {"Account": accounts, "Opportunity": deals})
