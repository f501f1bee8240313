"""Keys of duplicates on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.ownership.duplicates.models import DuplicateKey
from evenhand.tenancy.context import acting_as
from evenhand.testing import Command, SomeTenant


@pytest.fixture
def evenhand(database: DatabaseConfig, tmp_path: Path) -> Command:
    return Command(database, tmp_path)


async def test_making_the_keys_of_a_tenant_anew(
    evenhand: Command, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    account = await tenant.create("Account", name="Acme", tax_id="91310000MA1K35XY2B")
    with acting_as(tenant.system):
        async with transaction() as client:
            await raw_connection(client).execute("DELETE FROM duplicate_keys WHERE tenant_id = $1", tenant.id)
    assert "keys of 0 records" in evenhand("duplicates", "rebuild", "--tenant", other_tenant.slug)
    assert "keys of 1 records" in evenhand("duplicates", "rebuild", "--tenant", tenant.slug)
    with acting_as(tenant.system):
        async with reading():
            assert await DuplicateKey.filter(record_id=account).count() == 2
    assert "no tenant" in evenhand("duplicates", "rebuild", "--tenant", f"{tenant.slug}-x", code=1)
