"""Sealing: numbers without gaps, nothing missed, nothing twice, and writers that never wait for it."""

from __future__ import annotations

import asyncio

import asyncpg
import orjson
import pytest

from evenhand.actions.journal import writing
from evenhand.actions.records import create_record, create_records
from evenhand.audit import sealing
from evenhand.audit.chain import TABLES
from evenhand.audit.models import AuditEntry, AuditPending, AuditSeal, SealKind
from evenhand.audit.sealing import hold_head, keep_sealed, seal_entries, tenants_to_seal
from evenhand.audit.verifying import verify_chain
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities.registry import entity
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant

from .tampering import owner_of


async def whole(tenant: SomeTenant) -> None:
    """Every entry is sealed exactly once, and the numbers have no gap."""
    with acting_as(tenant.system):
        found = await verify_chain()
        async with reading():
            entries = await AuditEntry.all().values_list("id", flat=True)
            lines = await OwnershipEntry.all().values_list("id", flat=True)
            seals = await AuditSeal.all().order_by("number").values_list("number", "id")
            assert await AuditPending.all().count() == 0
    assert found.broken is None
    assert [number for number, _ in seals] == list(range(1, len(seals) + 1))
    assert sorted(map(str, (entry for _, entry in seals))) == sorted(map(str, [*entries, *lines]))


async def test_parallel_writers_and_sealers(tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 7)
    done = asyncio.Event()

    async def write(number: int) -> None:
        for one in range(6):
            drafts = [{"name": f"客户 {number}.{one}.{part}"} for part in range(3)]
            async with writing("create_accounts") as journal:
                await create_records(entity("Account"), drafts, journal=journal)

    async def seal() -> int:
        sealed = 0
        while not done.is_set():
            sealed += await seal_entries()
            await asyncio.sleep(0)
        return sealed

    with acting_as(tenant.system):
        async with asyncio.timeout(60):
            sealers = [asyncio.create_task(seal()) for _ in range(3)]
            await asyncio.gather(*(write(number) for number in range(6)))
            done.set()
            sealed = sum(await asyncio.gather(*sealers)) + await seal_entries()
        async with reading():
            assert await AuditSeal.all().count() == sealed
    await whole(tenant)


async def test_writers_do_not_wait_for_one_who_seals(tenant: SomeTenant) -> None:
    held, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with transaction() as client:
            assert await hold_head(raw_connection(client)) is not None
            held.set()
            await release.wait()

    with acting_as(tenant.system):
        await seal_entries()
        async with asyncio.timeout(20):
            holder = asyncio.create_task(hold())
            await held.wait()
            await create_record("Account", {"name": "written meanwhile"})
            assert await seal_entries(wait=False) == 0
            release.set()
            await holder
        assert await seal_entries() > 0
    await whole(tenant)


async def test_what_is_rolled_back_leaves_no_gap(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        await seal_entries()
        with pytest.raises(RuntimeError):
            await fail_after_writing()
        await create_record("Account", {"name": "after"})
        await seal_entries()
    await whole(tenant)


async def fail_after_writing() -> None:
    async with writing("test") as journal:
        await create_records(entity("Account"), [{"name": "never"}], journal=journal)
        await journal.flush()
        raise RuntimeError


async def test_entries_that_wait_twice_are_sealed_once(database: DatabaseConfig, tenant: SomeTenant) -> None:
    """As after a restore of data whose triggers were on."""
    with acting_as(tenant.system):
        await seal_entries()
        await create_record("Account", {"name": "new"})
    async with owner_of(database, tenant) as owner:
        for kind, table in list(TABLES.items())[:2]:
            await owner.execute(
                "INSERT INTO audit_pending (id, tenant_id, kind, entries, many) SELECT gen_random_uuid(), $1, $2, "
                f"jsonb_agg(id), count(*) FROM {table} WHERE tenant_id = $1",
                tenant.id,
                kind.value,
            )
    with acting_as(tenant.system):
        assert await seal_entries() == 2
    await whole(tenant)


async def test_the_service_seals_what_all_tenants_write(
    tenant: SomeTenant, other_tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "LOOK_EVERY", 0.02)
    stop = asyncio.Event()
    service = asyncio.create_task(keep_sealed(stop))
    try:
        async with asyncio.timeout(20):
            while {tenant.id, other_tenant.id} & set(await tenants_to_seal()):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await service
    await whole(tenant)
    await whole(other_tenant)


async def test_the_application_may_only_add(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        await seal_entries()
        for table in ("audit_entries", "ownership_entries", "audit_seals", "audit_redactions", "audit_retentions"):
            for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with transaction() as client:
                        await raw_connection(client).execute(statement)


_FULL = """
SELECT evenhand_audit_content(e) FROM jsonb_populate_record(
    NULL::audit_entries,
    (SELECT to_jsonb(a) || $2 FROM audit_entries AS a WHERE tenant_id = $1 LIMIT 1)
) AS e
"""
_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'audit_entries'"


async def test_every_column_is_in_the_canonical_text(database: DatabaseConfig, tenant: SomeTenant) -> None:
    given = {"before": {"a": None}, "after": {"b": 1}, "user_id": str(tenant.id)}
    async with owner_of(database, tenant) as owner:
        columns = [row["column_name"] for row in await owner.fetch(_COLUMNS)]
        text = await owner.fetchval(_FULL, tenant.id, orjson.dumps(given).decode())
        kind, _, content = text.partition(" ")
        assert kind == SealKind.AUDIT
        assert sorted(orjson.loads(content)) == sorted(columns)
        assert await owner.fetchval("SELECT $1::text::jsonb::text", content) == content
