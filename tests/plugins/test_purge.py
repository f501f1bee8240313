"""What a plugin keeps goes when an admin asks for it: all of one tenant's, nothing of another's."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from evenhand.actions.plugins import PluginNotInstalled, disable_plugin, enable_plugin
from evenhand.actions.purge import PluginStillEnabled, plugin_models, plugin_rows, purge_plugin
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.config import APP_ROLE, DatabaseConfig
from evenhand.db.migrate import connect
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.plugins.host import current_host
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.rows import insert_some_row

SLUG = "assignment"


async def fill(tenant: SomeTenant) -> dict[str, int]:
    """Rows in all of the plugin's tables. Returns: how many by table."""
    with acting_as(tenant.system):
        await enable_plugin(SLUG)
        for model in plugin_models(current_host().manifests[SLUG]):
            async with transaction() as client:
                await insert_some_row(client, model)
        await disable_plugin(SLUG)
        return await plugin_rows(SLUG)


async def test_all_of_one_tenants_goes_and_nothing_of_another(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    mine, theirs = await fill(tenant), await fill(other_tenant)
    assert mine == theirs
    assert {"evenhand_assignment_groups", "evenhand_assignment_turns", "tenant_plugins"} <= mine.keys()
    with acting_as(tenant.actor(Role.ADMIN)):
        assert await purge_plugin(SLUG) == mine
        assert await plugin_rows(SLUG) == {}
        assert await purge_plugin(SLUG) == {}
        async with reading():
            (entry,) = await AuditEntry.filter(action="purge_plugin")
        assert entry.after == {"removed": mine}
        assert entry.user_id == tenant.users[Role.ADMIN]
        await enable_plugin(SLUG)
    with acting_as(other_tenant.system):
        assert await plugin_rows(SLUG) == theirs


async def test_rows_that_the_application_may_only_add_go_too(
    database: DatabaseConfig, tenant: SomeTenant, other_tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = await fill(tenant), await fill(other_tenant)
    model = next(one for one in plugin_models(current_host().manifests[SLUG]) if one.__name__ == "UserTurn")
    monkeypatch.setattr(model, "append_only", True)
    owner = await connect(database)
    try:
        await owner.execute(f'REVOKE DELETE ON "{model._meta.db_table}" FROM {APP_ROLE}')
        with acting_as(tenant.system):
            assert await purge_plugin(SLUG) == mine
            async with reading() as client:
                assert await raw_connection(client).fetchval("SELECT current_user") == APP_ROLE
        with acting_as(other_tenant.system):
            assert await plugin_rows(SLUG) == theirs
    finally:
        await owner.execute(f'GRANT DELETE ON "{model._meta.db_table}" TO {APP_ROLE}')
        await owner.close()


async def test_an_enabled_plugin_keeps_everything(tenant: SomeTenant) -> None:
    await fill(tenant)
    with acting_as(tenant.system):
        await enable_plugin(SLUG)
        before = await plugin_rows(SLUG)
        with pytest.raises(PluginStillEnabled):
            await purge_plugin(SLUG)
        assert await plugin_rows(SLUG) == before
        with pytest.raises(PluginNotInstalled):
            await purge_plugin("telepathy")


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP, Role.READ_ONLY])
async def test_only_admins_purge(tenant: SomeTenant, role: Role) -> None:
    before = await fill(tenant)
    with acting_as(tenant.actor(role)):
        with pytest.raises(PermissionDenied):
            await plugin_rows(SLUG)
        with pytest.raises(PermissionDenied):
            await purge_plugin(SLUG)
    with acting_as(tenant.system):
        assert await plugin_rows(SLUG) == before


async def test_who_enables_and_who_purges_at_once_both_get_a_whole_answer(tenant: SomeTenant) -> None:
    for _ in range(5):
        await fill(tenant)

        async def purge() -> None:
            with suppress(PluginStillEnabled):
                await purge_plugin(SLUG)

        with acting_as(tenant.system):
            await asyncio.gather(purge(), enable_plugin(SLUG), purge())
            async with reading():
                assert (await TenantPlugin.get(slug=SLUG)).enabled
            await disable_plugin(SLUG)


def test_tables_that_refer_to_others_go_first() -> None:
    names = [model.__name__ for model in plugin_models(current_host().manifests[SLUG])]
    assert sorted(names) == ["TurnGroup", "UserTurn"]
