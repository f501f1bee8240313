"""An import gives nobody a right that the person has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenhand.actions.imports import ImportOptions, import_file
from evenhand.actions.plugins import set_plugin
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Account
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant


@pytest.mark.parametrize("update_owners", [False, True])
async def test_a_rep_gives_nothing_away_by_an_import(tenant: SomeTenant, tmp_path: Path, update_owners: bool) -> None:
    manager = tenant.users[Role.MANAGER]
    path = tmp_path / "accounts.csv"
    path.write_text(f"id,name,owner\n1,Acme,{manager}\n2,Other,{manager}\n")
    with acting_as(tenant.system):
        await set_plugin("importers", enabled=True)
        await import_file("accounts", path, ImportOptions(columns={"owner": ""}))
    with acting_as(tenant.actor(Role.REP)):
        with pytest.raises(PermissionDenied):
            await import_file("accounts", path, ImportOptions(update_owners=update_owners))
        async with reading():
            assert await Account.filter(owner_id=manager).count() == 0
