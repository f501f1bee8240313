"""Whatever the database's owner does to entries or seals, verification names the first broken link."""

from __future__ import annotations

from uuid import UUID

import pytest

from evenhand.audit.models import AuditEntry, ChainProblem, SealKind
from evenhand.audit.verifying import verify_chain
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.ownership.models import OwnershipEntry
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant

from .tampering import broken_of, link_of, owner_of, seal_and_verify, tamper


async def entry_of(tenant: SomeTenant, record_id: UUID) -> UUID:
    with acting_as(tenant.system):
        async with reading():
            entry = await AuditEntry.get(record_id=record_id)
    return entry.id


@pytest.fixture
async def accounts(tenant: SomeTenant) -> list[UUID]:
    return [await tenant.create("Account", name=f"客户 {number}", phone="13800000000") for number in range(5)]


async def test_what_was_written_is_sealed_once_and_whole(tenant: SomeTenant, accounts: list[UUID]) -> None:
    found = await seal_and_verify(tenant)
    assert found.broken is None
    assert found.waiting == 0
    with acting_as(tenant.system):
        async with reading():
            written = await AuditEntry.all().count() + await OwnershipEntry.all().count()
    assert found.checked == found.last == written
    await tenant.update("Account", accounts[0], name="新名")
    again = await seal_and_verify(tenant, first=found.last + 1)
    assert (again.broken, again.first, again.last, again.checked) == (None, found.last + 1, found.last + 1, 1)


@pytest.mark.parametrize(
    "change",
    [
        "after = jsonb_set(after, '{name}', '\"someone else\"')",
        "user_id = gen_random_uuid()",
        "occurred_at = occurred_at - interval '1 microsecond'",
        "via = 'graphql'",
        "action = 'update_account'",
        "before = '{}'",
        "entity = 'Lead'",
        "record_id = gen_random_uuid()",
        "salt = gen_random_uuid()",
    ],
)
async def test_a_changed_entry(database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID], change: str) -> None:
    await seal_and_verify(tenant)
    entry = await entry_of(tenant, accounts[1])
    await tamper(
        database, tenant, f"UPDATE audit_entries SET {change} WHERE tenant_id = $1 AND id = $2", tenant.id, entry
    )
    broken = await broken_of(tenant)
    assert broken.number == await link_of(database, tenant, entry)
    assert (broken.problem, broken.kind, broken.entry_id) == (ChainProblem.CHANGED, SealKind.AUDIT, entry)


async def test_the_first_of_several_is_named(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]
) -> None:
    await seal_and_verify(tenant)
    for account in reversed(accounts[1:4]):
        entry = await entry_of(tenant, account)
        await tamper(
            database, tenant, "UPDATE audit_entries SET via = 'x' WHERE tenant_id = $1 AND id = $2", tenant.id, entry
        )
    first = await entry_of(tenant, accounts[1])
    broken = await broken_of(tenant)
    assert broken.entry_id == first
    number = await link_of(database, tenant, first)
    with acting_as(tenant.system):
        found = await verify_chain()
        assert found.checked == number - 1
        assert (await verify_chain(number + 1)).broken is not None


async def test_a_changed_line_of_the_ledger(database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]) -> None:
    await seal_and_verify(tenant)
    await tamper(
        database,
        tenant,
        "UPDATE ownership_entries SET note = 'she wanted it' WHERE tenant_id = $1 AND record_id = $2",
        tenant.id,
        accounts[2],
    )
    broken = await broken_of(tenant)
    assert (broken.problem, broken.kind) == (ChainProblem.CHANGED, SealKind.LEDGER)


@pytest.mark.parametrize(("table", "kind"), [("audit_entries", "audit"), ("ownership_entries", "ledger")])
async def test_a_deleted_entry(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID], table: str, kind: str
) -> None:
    await seal_and_verify(tenant)
    await tamper(
        database, tenant, f"DELETE FROM {table} WHERE tenant_id = $1 AND record_id = $2", tenant.id, accounts[0]
    )
    broken = await broken_of(tenant)
    assert (broken.problem, broken.kind) == (ChainProblem.MISSING, kind)


async def test_an_entry_deleted_before_it_was_sealed(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]
) -> None:
    entry = await entry_of(tenant, accounts[3])
    await tamper(database, tenant, "DELETE FROM audit_entries WHERE tenant_id = $1 AND id = $2", tenant.id, entry)
    broken = await broken_of(tenant)
    assert (broken.problem, broken.entry_id) == (ChainProblem.MISSING, entry)
    assert broken.number is not None


_SLIPPED_IN = """
INSERT INTO audit_entries (tenant_id, id, entity, record_id, action, user_id, via, occurred_at)
VALUES ($1, $2, 'Account', $3, 'update_account', NULL, 'graphql', '2020-01-01')
"""


async def test_an_entry_slipped_in_without_the_queue(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]
) -> None:
    await seal_and_verify(tenant)
    entry = uuid7()
    async with owner_of(database, tenant) as owner, owner.transaction():
        await owner.execute("ALTER TABLE audit_entries DISABLE TRIGGER note_unsealed")
        await owner.execute(_SLIPPED_IN, tenant.id, entry, accounts[0])
        await owner.execute("ALTER TABLE audit_entries ENABLE TRIGGER note_unsealed")
    broken = await broken_of(tenant)
    assert (broken.problem, broken.number, broken.entry_id) == (ChainProblem.EXTRA, None, entry)


async def test_a_back_dated_entry_has_a_late_number(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]
) -> None:
    before = await seal_and_verify(tenant)
    entry = uuid7()
    await tamper(database, tenant, _SLIPPED_IN, tenant.id, entry, accounts[0])
    assert (await seal_and_verify(tenant)).broken is None
    assert await link_of(database, tenant, entry) == before.last + 1


async def test_a_deleted_seal(database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]) -> None:
    await seal_and_verify(tenant)
    await tamper(database, tenant, "DELETE FROM audit_seals WHERE tenant_id = $1 AND number = 4", tenant.id)
    broken = await broken_of(tenant)
    assert (broken.problem, broken.number) == (ChainProblem.CHAIN, 4)


async def test_the_first_seal_deleted(database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]) -> None:
    await seal_and_verify(tenant)
    await tamper(database, tenant, "DELETE FROM audit_seals WHERE tenant_id = $1 AND number = 1", tenant.id)
    broken = await broken_of(tenant)
    assert (broken.problem, broken.number) == (ChainProblem.CHAIN, 1)


async def test_reordered_seals(database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]) -> None:
    await seal_and_verify(tenant)
    async with owner_of(database, tenant) as owner, owner.transaction():
        for old, new in ((3, -3), (4, 3), (-3, 4)):
            await owner.execute(
                "UPDATE audit_seals SET number = $3 WHERE tenant_id = $1 AND number = $2", tenant.id, old, new
            )
    broken = await broken_of(tenant)
    assert (broken.problem, broken.number) == (ChainProblem.CHAIN, 3)


async def test_a_seal_moved_to_another_entry(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]
) -> None:
    await seal_and_verify(tenant)
    await tamper(
        database, tenant, "UPDATE audit_seals SET id = gen_random_uuid() WHERE tenant_id = $1 AND number = 5", tenant.id
    )
    broken = await broken_of(tenant)
    assert (broken.problem, broken.number) == (ChainProblem.MISSING, 5)


async def test_an_entry_changed_with_its_digest(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]
) -> None:
    await seal_and_verify(tenant)
    entry = await entry_of(tenant, accounts[1])
    number = await link_of(database, tenant, entry)
    async with owner_of(database, tenant) as owner:
        await owner.execute("UPDATE audit_entries SET via = 'x' WHERE tenant_id = $1 AND id = $2", tenant.id, entry)
        await owner.execute(
            "UPDATE audit_seals AS s SET digest = evenhand_audit_digest(e) FROM audit_entries AS e "
            "WHERE s.tenant_id = $1 AND s.id = $2 AND e.tenant_id = $1 AND e.id = $2",
            tenant.id,
            entry,
        )
    broken = await broken_of(tenant)
    assert (broken.problem, broken.number) == (ChainProblem.CHAIN, number)


async def test_an_end_cut_off_is_seen_by_the_head(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]
) -> None:
    last = (await seal_and_verify(tenant)).last
    await tamper(database, tenant, "DELETE FROM audit_seals WHERE tenant_id = $1 AND number > $2", tenant.id, last - 3)
    broken = await broken_of(tenant)
    assert (broken.problem, broken.number) == (ChainProblem.CHAIN, last - 2)
    await tenant.create("Account", name="later")
    broken = await broken_of(tenant)
    assert (broken.problem, broken.number) == (ChainProblem.CHAIN, last - 2)


async def test_links_that_were_added_by_hand(
    database: DatabaseConfig, tenant: SomeTenant, accounts: list[UUID]
) -> None:
    last = (await seal_and_verify(tenant)).last
    await tamper(
        database,
        tenant,
        "UPDATE audit_heads SET number = number - 1 WHERE tenant_id = $1",
        tenant.id,
    )
    with acting_as(tenant.system):
        broken = (await verify_chain()).broken
    assert broken is not None
    assert (broken.problem, broken.number) == (ChainProblem.CHAIN, last)


async def test_tenants_have_chains_of_their_own(
    database: DatabaseConfig, tenant: SomeTenant, other_tenant: SomeTenant, accounts: list[UUID]
) -> None:
    one, other = await seal_and_verify(tenant), await seal_and_verify(other_tenant)
    assert one.head != other.head
    await tamper(database, tenant, "UPDATE audit_entries SET via = 'x' WHERE tenant_id = $1", tenant.id)
    assert (await seal_and_verify(other_tenant)).broken is None
    assert (await broken_of(tenant)).number == 1
