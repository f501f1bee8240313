"""Records go back to their pool when a clock runs out: once, explained, and never against a follow-up."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from evenhand.actions.bulk import create_many
from evenhand.actions.journal import Why, writing
from evenhand.actions.owners import Holder, change_holders, set_owner
from evenhand.actions.reclaims import reclaiming
from evenhand.actions.reclaims.errors import (
    ExtensionDecidedAlready,
    ExtensionRefused,
    ProtectionLimitReached,
    ProtectionRefused,
)
from evenhand.actions.reclaims.extending import decide_extension, request_extension
from evenhand.actions.reclaims.protection import protect_records, unprotect_records
from evenhand.actions.reclaims.reclaiming import reclaim_batch
from evenhand.actions.reclaims.warning import step_of, warn_batch
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading, transaction
from evenhand.entities import Account
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import entity
from evenhand.events.models import OutboxEvent
from evenhand.jobs import enqueue
from evenhand.jobs.models import Job
from evenhand.notifications.models import Notification
from evenhand.ownership.clocks.models import ExtensionState
from evenhand.ownership.clocks.reading import due_pages, read_held, rule_book
from evenhand.ownership.conflicts.models import ConflictCase, ConflictParty
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.clock import Clock
from evenhand.testing.draining import drain
from evenhand.testing.rows import insert_some_row


async def a_pool(tenant: SomeTenant, **days: Any) -> tuple[UUID, UUID]:
    """A pool and its rule for accounts."""
    pool = await tenant.create("Pool", name="公海")
    rule = await tenant.create("PoolRule", name="A customers", pool_id=pool, entity="Account", **days)
    return pool, rule


async def accounts(tenant: SomeTenant, count: int = 1, role: Role = Role.REP) -> list[UUID]:
    return [await tenant.create("Account", name=f"n{n}", owner_id=tenant.users[role]) for n in range(count)]


async def holders(tenant: SomeTenant, ids: list[UUID]) -> list[UUID | None]:
    with acting_as(tenant.system):
        async with reading():
            found = {one.id: one.pool_id for one in await Account.filter(id__in=ids)}
    return [found[one] for one in ids]


async def call(tenant: SomeTenant, account: UUID, clock: Clock) -> None:
    await tenant.create("Activity", kind="call", subject="x", account_id=account, occurred_at=clock.now())


async def run(tenant: SomeTenant) -> list[UUID]:
    with acting_as(tenant.system):
        return [one.record_id for one in (await reclaim_batch("Account")).taken]


async def previewed(tenant: SomeTenant) -> dict[UUID, Any]:
    with acting_as(tenant.system):
        async with reading():
            book = await rule_book("Account")
            return {one.record_id: one.deadline async for page, _ in due_pages(book, book.now) for one in page}


async def test_what_is_due_goes_back_with_its_reason(tenant: SomeTenant, clock: Clock) -> None:
    pool, rule = await a_pool(tenant, idle_days=30)
    idle, busy, managed = [*await accounts(tenant, 2), *await accounts(tenant, 1, Role.MANAGER)]
    clock.advance(days=29)
    await call(tenant, busy, clock)
    assert await run(tenant) == []
    clock.advance(days=2)
    await tenant.update("Account", idle, name="An edit is no work")
    preview = await previewed(tenant)
    assert sorted(await run(tenant)) == sorted(preview) == sorted([idle, managed])
    assert await run(tenant) == []
    assert await holders(tenant, [idle, busy, managed]) == [pool, None, pool]
    with acting_as(tenant.system):
        async with reading():
            line = await OwnershipEntry.filter(record_id=idle).order_by("-started_at").first()
            event = await OutboxEvent.get(record_id=idle, type="RecordReclaimed")
            told = await Notification.get(user_id=tenant.users[Role.REP])
    assert line is not None
    assert (line.reason, line.pool_id, line.policy) == (OwnershipReason.RECLAIMED, pool, f"pool_rule:{rule}")
    assert line.note is not None
    assert "rule 'A customers', idle 30 days" in line.note
    assert event.payload["clock"] == "idle"
    assert "未跟进 30 天" in event.payload["explanation"]["zh"]
    assert "An edit is no work" in told.title


async def test_nobody_loses_a_record_on_the_first_day_of_a_rule(tenant: SomeTenant, clock: Clock) -> None:
    (old,) = await accounts(tenant)
    clock.advance(days=400)
    pool, rule = await a_pool(tenant, idle_days=10)
    assert await run(tenant) == []
    clock.advance(days=5)
    await tenant.update("PoolRule", rule, is_active=False)
    clock.advance(days=6)
    assert await run(tenant) == []
    await tenant.update("PoolRule", rule, is_active=True)
    assert await run(tenant) == [old]
    assert await holders(tenant, [old]) == [pool]


async def test_planned_work_counts_when_its_time_has_come(tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, idle_days=10)
    (one,) = await accounts(tenant)
    soon = clock.now() + timedelta(days=8)
    await tenant.create("Activity", kind="visit", subject="x", account_id=one, occurred_at=soon)
    clock.advance(days=12)
    assert await run(tenant) == []
    clock.advance(days=10)
    assert await run(tenant) == [one]


async def test_holidays_put_a_deadline_off(tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, idle_days=10)
    (one,) = await accounts(tenant)
    before = (await deadline(tenant, one)).at
    with acting_as(tenant.system):
        async with reading():
            book = await rule_book("Account")
    await tenant.update("PoolRule", book.rules[0].id, working_days=True)
    working = (await deadline(tenant, one)).at
    assert working > before
    for day in range(1, 6):
        await tenant.create("Holiday", name="休", day=(before + timedelta(days=day - 5)).date())
    assert (await deadline(tenant, one)).at > working


async def deadline(tenant: SomeTenant, record_id: UUID) -> Any:
    with acting_as(tenant.system):
        async with reading():
            (held,) = await read_held(await rule_book("Account"), ids=[record_id])
    return held.deadline


async def test_the_job_goes_on_where_it_was_killed(
    tenant: SomeTenant, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, _ = await a_pool(tenant, idle_days=1)
    ids = await accounts(tenant, 7)
    clock.advance(days=3)
    began: list[tuple[str, UUID | None]] = []
    real = reclaiming.reclaim_batch

    async def dies(entity_name: str, after: UUID | None = None) -> Any:
        began.append((entity_name, after))
        found = await real(entity_name, after, limit=3)
        if len(began) == 2:
            raise RuntimeError("the worker dies before the second batch is committed")
        return found

    monkeypatch.setattr("evenhand.jobs.reclaims.reclaim_batch", dies)
    with acting_as(tenant.system):
        async with transaction():
            job_id = await enqueue("reclaim", {}, title="Reclaim")
        await drain()
        clock.advance(hours=1)
        await drain()
        async with reading():
            job = await Job.get(id=job_id)
            lines = await OwnershipEntry.filter(record_id__in=ids, reason=OwnershipReason.RECLAIMED)
    # The batch that was lost is done again, those before it are not.
    third = sorted(ids)[2]
    assert [after for name, after in began if name == "Account"][:3] == [None, third, third]
    assert job.result is not None
    assert job.result["taken"] == 7
    assert sorted(line.record_id for line in lines) == sorted(ids)
    assert await holders(tenant, ids) == [pool] * 7


async def test_claims_edits_and_runs_at_once(tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, idle_days=1)
    ids = await accounts(tenant, 20)
    clock.advance(days=3)

    async def assign(one: UUID) -> None:
        with acting_as(tenant.system):
            await set_owner("Account", [one], owner_id=tenant.users[Role.MANAGER])

    work = [run(tenant), run(tenant), *(assign(one) for one in ids[:7])]
    work += [tenant.update("Account", one, name="z") for one in ids[7:13]]
    work += [call(tenant, one, clock) for one in ids[13:]]
    await asyncio.gather(*work)
    with acting_as(tenant.system):
        async with reading():
            rows = await Account.filter(id__in=ids)
            for row in rows:
                lines = await OwnershipEntry.filter(record_id=row.id).order_by("started_at", "id")
                assert (lines[-1].owner_id, lines[-1].pool_id) == (row.owner_id, row.pool_id)
                assert lines[-1].started_at == row.held_since
                assert (row.owner_id is None) != (row.pool_id is None)
                assert len({line.started_at for line in lines}) == len(lines)
                assert sum(line.reason is OwnershipReason.RECLAIMED for line in lines) <= 1
    assert await run(tenant) == []


async def test_a_follow_up_before_the_lock_wins(
    tenant: SomeTenant, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_pool(tenant, idle_days=1)
    one, other = await accounts(tenant, 2)
    clock.advance(days=3)
    real = reclaiming.lock_records

    async def late(*given: Any) -> None:
        await asyncio.create_task(call(tenant, one, clock))
        await real(*given)

    monkeypatch.setattr(reclaiming, "lock_records", late)
    assert await run(tenant) == [other]


async def test_each_step_is_told_once(tenant: SomeTenant, clock: Clock) -> None:
    assert [step_of((7, 3, 1), days) for days in (8, 7, 4, 3, 2, 1)] == [None, 7, 7, 3, 3, 1]
    await a_pool(tenant, idle_days=10, warn_days=[7, 3, 1], manager_warn_days=[1])
    await tenant.update("User", tenant.users[Role.REP], manager_id=tenant.users[Role.MANAGER], locale="zh-CN")
    (one,) = await accounts(tenant)
    given = []
    for _ in range(10):
        clock.advance(days=1)
        with acting_as(tenant.system):
            _, count = await warn_batch("Account")
            _, again = await warn_batch("Account")
        assert again == 0
        given.append(count)
    assert sum(given) == 4
    assert given[-1] == 2
    with acting_as(tenant.system):
        async with reading():
            told = await Notification.filter(kind="reclaim_warning").order_by("id")
            events = await OutboxEvent.filter(type="ReclaimWarned", record_id=one)
    assert [note.user_id == tenant.users[Role.REP] for note in told].count(True) == 3
    assert "天后将退回公海" in told[0].title
    assert len(events) == 4
    await call(tenant, one, clock)
    with acting_as(tenant.system):
        assert (await warn_batch("Account"))[1] == 0


async def test_protection_is_limited_and_exact(tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, idle_days=5, protected_most=3, protected_days=20)
    ids = await accounts(tenant, 8)
    rep = tenant.actor(Role.REP)

    async def protect(one: UUID) -> Any:
        with acting_as(rep):
            return await protect_records("Account", [one])

    answers = await asyncio.gather(*(protect(one) for one in ids), return_exceptions=True)
    refused = [one for one in answers if isinstance(one, BaseException)]
    assert len(refused) == 5
    assert all(isinstance(one, ProtectionLimitReached) for one in refused)
    kept = [next(iter(one)) for one in answers if not isinstance(one, BaseException)]
    clock.advance(days=8)
    assert sorted(await run(tenant)) == sorted(set(ids) - set(kept))
    with acting_as(rep):
        assert await unprotect_records("Account", kept[:1]) == kept[:1]
        assert await unprotect_records("Account", kept[:1]) == []
        first = (await protect_records("Account", kept[:1]))[kept[0]]
        assert first == (await protect_records("Account", kept[:1]))[kept[0]]
    clock.advance(days=14)
    assert sorted(await run(tenant)) == sorted(kept)
    with acting_as(rep), pytest.raises(PermissionDenied):
        await protect_records("Account", kept[:1])


async def test_a_protection_is_not_renewed_for_ever(tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, deal_days=300, protected_most=1, protected_days=2)
    (one,) = await accounts(tenant)
    with acting_as(tenant.actor(Role.REP)):
        await protect_records("Account", [one])
        clock.advance(days=4)
        with pytest.raises(ProtectionRefused):
            await protect_records("Account", [one])


async def test_more_time_is_asked_for_and_granted(tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, idle_days=5, extensions_most=1, extension_days=30)
    await tenant.update("User", tenant.users[Role.REP], manager_id=tenant.users[Role.MANAGER])
    (one,) = await accounts(tenant)
    before = (await deadline(tenant, one)).at
    with acting_as(tenant.actor(Role.REP)):
        with pytest.raises(ExtensionRefused):
            await request_extension("Account", one, 31, "budget")
        request = await request_extension("Account", one, 10, "budget in June")
        assert await request_extension("Account", one, 10, "budget in June") == request
        with pytest.raises(PermissionDenied):
            await decide_extension(request, approve=True)
    with acting_as(tenant.actor(Role.MANAGER)):
        assert await decide_extension(request, approve=True, note="ok") is ExtensionState.APPROVED
        with pytest.raises(ExtensionDecidedAlready):
            await decide_extension(request, approve=False)
    assert (await deadline(tenant, one)).at - before == timedelta(days=10)
    with acting_as(tenant.actor(Role.REP)), pytest.raises(ExtensionRefused):
        await request_extension("Account", one, 10, "once more")
    # What was granted ends with the holding.
    with acting_as(tenant.system):
        await set_owner("Account", [one], owner_id=tenant.users[Role.MANAGER])
    assert (await deadline(tenant, one)).clock.value == "idle"


async def test_an_open_case_keeps_a_record(tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, idle_days=1)
    one, other = await accounts(tenant, 2)
    with acting_as(tenant.system):
        async with transaction() as client:
            case = await insert_some_row(client, ConflictCase)
            await insert_some_row(client, ConflictParty, case_id=case, account_id=one)
    clock.advance(days=3)
    assert await run(tenant) == [other]


async def test_tenants_do_not_meet(tenant: SomeTenant, other_tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, idle_days=1)
    (theirs,) = await accounts(other_tenant)
    clock.advance(days=3)
    assert await run(tenant) == []
    assert await run(other_tenant) == []
    assert await holders(other_tenant, [theirs]) == [None]


async def test_imports_and_bulk_start_the_clocks(tenant: SomeTenant, clock: Clock) -> None:
    await a_pool(tenant, idle_days=10)
    rep = tenant.users[Role.REP]
    with acting_as(tenant.system):
        made = await create_many("Account", [{"name": str(n), "owner_id": rep} for n in range(3)])
        ids = [one.record_id for one in made if one.record_id is not None]
        clock.advance(days=9)
        await create_many(
            "Activity",
            [{"kind": "call", "subject": "x", "account_id": ids[0], "occurred_at": clock.now()}],
        )
        async with writing("import_rows") as journal:
            why = Why(OwnershipReason.IMPORTED)
            holder = Holder(owner_id=tenant.users[Role.MANAGER])
            await change_holders(entity("Account"), {ids[1]: holder}, {ids[1]: why}, journal=journal)
    clock.advance(days=3)
    assert await run(tenant) == [ids[2]]
