"""Redaction replaces personal data in all of a record's history, and verification accepts exactly that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from evenhand.actions.audit import Redacted, redact_audit
from evenhand.actions.owners import set_owner
from evenhand.audit.models import AuditEntry, AuditRedaction, ChainProblem, SealKind
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.errors import InvalidInput, NotFound
from evenhand.events.models import OutboxEvent
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant

from .tampering import broken_of, seal_and_verify, tamper

SECRET = "13912345678"


async def history(tenant: SomeTenant, record_id: UUID) -> list[dict[str, Any]]:
    """All that is kept of a record besides itself."""
    with acting_as(tenant.system):
        async with reading():
            found = [
                rows
                for model in (AuditEntry, OwnershipEntry, OutboxEvent)
                for rows in await model.filter(record_id=record_id).order_by("id").values()
            ]
    return found


@pytest.fixture
async def contact(tenant: SomeTenant) -> UUID:
    values: dict[str, Any] = {"name": "王芳", "department": SECRET, "channels": [{"kind": "phone", "value": SECRET}]}
    record_id = await tenant.create("Contact", **values)
    await tenant.update("Contact", record_id, name="王小芳", department="1")
    return record_id


async def test_no_value_is_left_and_the_chain_holds(tenant: SomeTenant, contact: UUID) -> None:
    bystander = await tenant.create("Contact", name="王芳", department=SECRET)
    kept = await history(tenant, bystander)
    salts = {row["id"]: row["salt"] for row in await history(tenant, contact) if "salt" in row}
    assert SECRET in repr(await history(tenant, contact))
    with acting_as(tenant.system):
        done = await redact_audit(
            "contact", contact, ["department", "name", "channels", "value"], "Asked to be forgotten"
        )
        assert done.entries == 2
        assert done.events >= 2
    left = await history(tenant, contact)
    assert SECRET not in repr(left)
    assert "王" not in repr(left)
    assert all(salts[row["id"]] != row["salt"] for row in left if "before" in row and row["id"] in salts)
    assert await history(tenant, bystander) == kept
    assert (await seal_and_verify(tenant)).broken is None
    with acting_as(tenant.system):
        async with reading():
            redactions = await AuditRedaction.all()
        assert {one.reason for one in redactions} == {"Asked to be forgotten"}
        assert await redact_audit("Contact", contact, ["department"], "Again") == Redacted(0, 0, 0)
        async with reading():
            assert await AuditRedaction.all().count() == len(redactions) == 2


async def test_twice_with_other_fields(tenant: SomeTenant, contact: UUID) -> None:
    with acting_as(tenant.system):
        assert (await redact_audit("Contact", contact, ["department"], "One")).entries == 2
        assert (await redact_audit("Contact", contact, ["name"], "Two")).entries == 2
    assert (await seal_and_verify(tenant)).broken is None


async def test_notes_of_the_ledger(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="L")
    with acting_as(tenant.system):
        await set_owner("Lead", [lead], owner_id=tenant.users[Role.REP], note=f"call her under {SECRET}")
        await redact_audit("Lead", lead, ["note"], "Personal data in a note")
        async with reading():
            notes = await OwnershipEntry.filter(record_id=lead, note__isnull=False).values_list("note", flat=True)
    assert list(map(str, notes)) == ["[redacted]"]
    assert (await seal_and_verify(tenant)).broken is None


async def test_a_change_after_a_redaction_is_found(database: DatabaseConfig, tenant: SomeTenant, contact: UUID) -> None:
    with acting_as(tenant.system):
        await redact_audit("Contact", contact, ["department"], "One")
    await tamper(
        database,
        tenant,
        "UPDATE audit_entries SET via = 'x' WHERE tenant_id = $1 AND record_id = $2",
        tenant.id,
        contact,
    )
    broken = await broken_of(tenant)
    assert (broken.problem, broken.kind) == (ChainProblem.CHANGED, SealKind.AUDIT)


async def test_a_redaction_that_was_taken_away_or_changed_is_found(
    database: DatabaseConfig, tenant: SomeTenant, contact: UUID
) -> None:
    with acting_as(tenant.system):
        await redact_audit("Contact", contact, ["department"], "One")
    assert (await seal_and_verify(tenant)).broken is None
    await tamper(database, tenant, "UPDATE audit_redactions SET reason = 'Two' WHERE tenant_id = $1", tenant.id)
    assert (await broken_of(tenant)).kind is SealKind.REDACTION
    await tamper(database, tenant, "DELETE FROM audit_redactions WHERE tenant_id = $1", tenant.id)
    assert (await broken_of(tenant)).problem is ChainProblem.CHANGED


async def test_an_entry_that_was_changed_before_stays_broken(
    database: DatabaseConfig, tenant: SomeTenant, contact: UUID
) -> None:
    await seal_and_verify(tenant)
    await tamper(
        database,
        tenant,
        "UPDATE audit_entries SET via = 'x' WHERE tenant_id = $1 AND record_id = $2",
        tenant.id,
        contact,
    )
    with acting_as(tenant.system):
        await redact_audit("Contact", contact, ["department"], "To hide it")
    assert (await broken_of(tenant)).problem is ChainProblem.CHANGED


async def test_who_may_and_what_is_refused(tenant: SomeTenant, other_tenant: SomeTenant, contact: UUID) -> None:
    for role in (Role.MANAGER, Role.REP, Role.READ_ONLY):
        with acting_as(tenant.actor(role)), pytest.raises(PermissionDenied):
            await redact_audit("Contact", contact, ["department"], "x")
    with acting_as(other_tenant.actor(Role.ADMIN)), pytest.raises(NotFound):
        await redact_audit("Contact", contact, ["department"], "x")
    with acting_as(tenant.actor(Role.ADMIN)):
        for fields, reason in (([], "x"), ([" "], "x"), (["department"], "  "), (["department"], "x" * 501)):
            with pytest.raises(InvalidInput):
                await redact_audit("Contact", contact, fields, reason)
        with pytest.raises(NotFound):
            await redact_audit("Contact", uuid7(), ["department"], "x")
    assert SECRET in repr(await history(tenant, contact))


async def test_the_function_needs_a_tenant_and_touches_no_other(
    tenant: SomeTenant, other_tenant: SomeTenant, contact: UUID
) -> None:
    call = "SELECT * FROM evenhand_redact('Contact', $1, '{department}', $2, NULL, 'x', now())"
    await seal_and_verify(tenant)
    with acting_as(other_tenant.system):
        async with transaction() as client:
            row = await raw_connection(client).fetchrow(call, contact, "why")
        assert row is not None
        assert tuple(row) == (0, 0, 0)
        with pytest.raises(asyncpg.RaiseError):
            async with transaction() as client:
                await raw_connection(client).fetchrow(call, contact, "")
    assert SECRET in repr(await history(tenant, contact))
