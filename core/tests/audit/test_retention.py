"""Retention removes the contents of old entries only, and verification says so and goes on."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from evenhand import clock
from evenhand.actions import audit
from evenhand.actions.audit import set_audit_retention
from evenhand.actions.journal import writing
from evenhand.actions.records import create_records
from evenhand.audit.models import AuditEntry, AuditRetention, AuditSeal, ChainProblem
from evenhand.audit.sealing import seal_entries
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading, transaction
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput
from evenhand.jobs import drain_jobs, enqueue
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant

from .tampering import broken_of, owner_of, seal_and_verify, tamper

OLD = 100


@pytest.fixture
async def old_tenant(database: DatabaseConfig, tenant: SomeTenant) -> SomeTenant:
    """All that was written so far, and six accounts, is a hundred days old."""
    async with owner_of(database, tenant) as owner:
        await owner.execute(
            "UPDATE audit_entries SET occurred_at = occurred_at - make_interval(days => $2) WHERE tenant_id = $1",
            tenant.id,
            OLD,
        )
    moment = clock.now() - timedelta(days=OLD)
    with acting_as(tenant.system):
        async with writing("history") as journal:
            drafts = [{"name": f"A{number}"} for number in range(6)]
            await create_records(entity("Account"), drafts, journal=journal, moments=[moment] * 6)
        await seal_entries()
    return tenant


async def clean_up(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with transaction():
            await enqueue("audit_retention", {}, title="Retention")
    await drain_jobs()


async def entries(tenant: SomeTenant) -> list[UUID]:
    with acting_as(tenant.system):
        async with reading():
            return [UUID(str(one)) for one in await AuditEntry.all().values_list("id", flat=True)]


async def test_old_entries_go_and_the_rest_is_verified(
    old_tenant: SomeTenant, other_tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "REMOVED_AT_ONCE", 4)
    tenant = old_tenant
    old, others = await entries(tenant), await entries(other_tenant)
    with acting_as(tenant.system):
        async with reading():
            lines = await OwnershipEntry.all().count()
        await set_audit_retention(90)
    account = await tenant.create("Account", name="young")
    await clean_up(tenant)
    left = await entries(tenant)
    assert not set(old) & set(left)
    assert await entries(other_tenant) == others
    found = await seal_and_verify(tenant)
    assert found.broken is None
    assert found.removed == len(old)
    with acting_as(tenant.system):
        async with reading():
            assert await OwnershipEntry.all().count() == lines + 1
            retentions = await AuditRetention.all().order_by("up_to_number")
            last = await AuditSeal.filter(id__in=old).order_by("-number").first()
            assert await AuditEntry.exists(record_id=account)
    assert sum(one.removed for one in retentions) == len(old)
    assert last is not None
    assert retentions[-1].up_to_number == found.removed_up_to == last.number
    await clean_up(tenant)
    assert (await seal_and_verify(tenant)).removed == len(old)


async def test_nothing_goes_without_a_period_or_before_it(old_tenant: SomeTenant) -> None:
    before = set(await entries(old_tenant))
    await clean_up(old_tenant)
    assert before <= set(await entries(old_tenant))
    with acting_as(old_tenant.system):
        await set_audit_retention(OLD + 1)
    await clean_up(old_tenant)
    assert before <= set(await entries(old_tenant))


async def test_an_old_entry_behind_a_young_one_waits_for_it(tenant: SomeTenant) -> None:
    """Numbers are removed from the beginning on, so that one number says what is gone."""
    moment = clock.now() - timedelta(days=OLD)
    with acting_as(tenant.system):
        async with writing("history") as journal:
            await create_records(entity("Account"), [{"name": "A"}], journal=journal, moments=[moment])
        await seal_entries()
        await set_audit_retention(90)
    before = set(await entries(tenant))
    await clean_up(tenant)
    assert before <= set(await entries(tenant))


async def test_a_young_entry_deleted_by_hand_is_missing(database: DatabaseConfig, old_tenant: SomeTenant) -> None:
    with acting_as(old_tenant.system):
        await set_audit_retention(90)
    account = await old_tenant.create("Account", name="young")
    await clean_up(old_tenant)
    assert (await seal_and_verify(old_tenant)).broken is None
    statement = "DELETE FROM audit_entries WHERE tenant_id = $1 AND record_id = $2"
    await tamper(database, old_tenant, statement, old_tenant.id, account)
    assert (await broken_of(old_tenant)).problem is ChainProblem.MISSING


async def test_a_false_word_of_retention_is_found(database: DatabaseConfig, old_tenant: SomeTenant) -> None:
    with acting_as(old_tenant.system):
        await set_audit_retention(90)
    await clean_up(old_tenant)
    assert (await seal_and_verify(old_tenant)).broken is None
    await tamper(
        database, old_tenant, "UPDATE audit_retentions SET up_to_number = 1000000 WHERE tenant_id = $1", old_tenant.id
    )
    broken = await broken_of(old_tenant)
    assert (broken.problem, broken.kind) == (ChainProblem.CHANGED, "retention")


async def test_who_may_and_which_periods(tenant: SomeTenant) -> None:
    with acting_as(tenant.actor(Role.MANAGER)), pytest.raises(PermissionDenied):
        await set_audit_retention(90)
    with acting_as(tenant.actor(Role.ADMIN)):
        for days in (0, 29, 36_501):
            with pytest.raises(InvalidInput):
                await set_audit_retention(days)
        assert await set_audit_retention(30) == 30
        assert await set_audit_retention(None) is None
