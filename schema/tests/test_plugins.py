"""Plugins over the API: what admins see and change, and what everybody else does not."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import BaseModel, SecretStr

from evenhand.api import setting
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import transaction
from evenhand.plugins.host import PluginHost, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.models import TenantPlugin
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, make_tenant
from evenhand_schema.http.app import create_app
from evenhand_schema.schema import build_schema
from evenhand_schema.testing import Api

MODULE = "evenhand_caller_for_tests"
SHOWN = """{ plugin(slug: "caller") { slug state problem enabled version position settings settingsVersion
    settingsSchema(language: "zh") settingsProblems { field code message hint } secrets { name isSet }
    displayTitle(language: "zh") additions { hooks events jobs fields queries } } }"""
ANSWER = """{ __typename ... on Plugin { slug state version settings secrets { name isSet } }
    ... on Failure { code message hint } ... on VersionConflict { currentVersion }
    ... on InvalidInput { problems { field code message hint } } }"""


class CallerSettings(BaseModel):
    """Settings of the plugin under test."""

    token: SecretStr | None = setting(
        None, title={"en": "Token", "zh": "令牌"}, help={"en": "For calls.", "zh": "用于呼叫。"}, secret=True
    )
    lines: int = setting(2, title={"en": "Lines", "zh": "线路"}, help={"en": "How many.", "zh": "数量。"}, ge=1)


@pytest_asyncio.fixture(loop_scope="session")
async def caller(database: DatabaseConfig) -> AsyncIterator[Api]:
    """A client of an application with the plugin "caller", and with one that is broken."""
    made: Any = ModuleType(MODULE)
    made.CallerSettings = CallerSettings
    sys.modules[MODULE] = made
    host = PluginHost([])
    for slug, settings in (("caller", f"{MODULE}:CallerSettings"), ("broken", f"{MODULE}:Nothing")):
        title = {"en": "Caller", "zh": "呼叫"}
        manifest = PluginManifest(slug=slug, title=title, api=">=0", hooks="builtins:object", settings=settings)
        host.load(manifest, object())
    with use_host(host):
        app = create_app(None, schema=build_schema())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evenhand.test") as http:
            yield Api(http)
    del sys.modules[MODULE]


async def change(api: Api, tenant: SomeTenant, call: str, role: Role = Role.ADMIN, **variables: Any) -> dict[str, Any]:
    """The answer to one mutation; `$settings` and `$version` can be used."""
    query = f"mutation ($settings: JSON, $version: Int) {{ {call} {ANSWER} }}"
    for name in ("settings", "version"):
        if f"${name}" not in call:
            query = query.replace(f"${name}: {'JSON' if name == 'settings' else 'Int'}", "")
    query = query.replace("(, )", "").replace("(, ", "(").replace(", )", ")")
    found: dict[str, Any] = (await api.data(tenant, query, role, **variables))[call.partition("(")[0]]
    return found


async def test_an_admin_enables_configures_and_disables(caller: Api, tenant: SomeTenant) -> None:
    fresh = (await caller.data(tenant, SHOWN))["plugin"]
    assert (fresh["state"], fresh["version"], fresh["settings"], fresh["enabled"]) == ("DISABLED", None, None, False)
    assert fresh["displayTitle"] == "呼叫"
    assert fresh["settingsSchema"]["properties"]["token"]["writeOnly"] is True
    assert fresh["settingsSchema"]["properties"]["lines"]["title"] == "线路"
    assert fresh["secrets"] == [{"name": "token", "isSet": False}]
    on = await change(
        caller, tenant, 'enablePlugin(slug: "caller", settings: $settings)', settings={"token": "s3cret-word"}
    )
    assert (on["state"], on["settings"], on["secrets"]) == ("ENABLED", {"lines": 2}, [{"name": "token", "isSet": True}])
    update = 'updatePluginSettings(slug: "caller", settings: $settings, version: $version)'
    changed = await change(caller, tenant, update, settings={"lines": 3}, version=on["version"])
    assert (changed["settings"], changed["secrets"]) == ({"lines": 3}, on["secrets"])
    stale = await change(caller, tenant, update, settings={"lines": 4}, version=on["version"])
    assert (stale["__typename"], stale["currentVersion"]) == ("VersionConflict", changed["version"])
    bad = await change(caller, tenant, update, settings={"lines": 0}, version=None)
    assert [problem["field"] for problem in bad["problems"]] == ["settings.lines"]
    off = await change(caller, tenant, 'disablePlugin(slug: "caller")')
    assert (off["state"], off["settings"]) == ("DISABLED", {"lines": 3})
    everything = (await caller.post(tenant, SHOWN)).text
    assert "s3cret-word" not in everything
    assert "gAAAA" not in everything


async def test_a_chinese_tenant_is_told_in_chinese(caller: Api) -> None:
    tenant = await make_tenant(locale="zh-CN")
    bad = await change(caller, tenant, 'enablePlugin(slug: "caller", settings: $settings)', settings={"lines": 0})
    assert bad["problems"][0]["message"] == "settings.lines（线路）：必须大于或等于 1。"
    found = (await caller.data(tenant, '{ plugin(slug: "caller") { displayTitle settingsSchema } }'))["plugin"]
    assert (found["displayTitle"], found["settingsSchema"]["title"]) == ("呼叫", "呼叫")


async def test_settings_that_cannot_be_used_are_shown_with_what_is_wrong(caller: Api, tenant: SomeTenant) -> None:
    await change(caller, tenant, 'enablePlugin(slug: "caller")')
    with acting_as(tenant.system):
        async with transaction():
            await TenantPlugin.filter(slug="caller").update(settings={"lines": 0})
    found = (await caller.data(tenant, SHOWN))["plugin"]
    assert (found["state"], found["settingsProblems"][0]["field"]) == ("SETTINGS_INVALID", "settings.lines")
    assert "settings.lines" in found["problem"]
    mended = await change(
        caller, tenant, 'updatePluginSettings(slug: "caller", settings: $settings)', settings={"lines": 1}
    )
    assert mended["state"] == "ENABLED"


async def test_what_is_broken_or_not_there_is_told(caller: Api, tenant: SomeTenant) -> None:
    query = '{ broken: plugin(slug: "broken") { state failure } none: plugin(slug: "none") { slug } }'
    found = await caller.data(tenant, query)
    assert found["broken"]["state"] == "BROKEN"
    assert "Nothing" in found["broken"]["failure"]
    assert found["none"] is None
    for slug in ("broken", "none"):
        for call in ("enablePlugin", "disablePlugin"):
            assert (await change(caller, tenant, f'{call}(slug: "{slug}")'))["code"] == "PLUGIN_NOT_INSTALLED"
    no_object = await change(caller, tenant, 'enablePlugin(slug: "caller", settings: $settings)', settings=[1])
    assert no_object["problems"][0]["code"] == "WRONG_TYPE"


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP, Role.READ_ONLY])
async def test_others_change_nothing_and_see_no_settings(caller: Api, tenant: SomeTenant, role: Role) -> None:
    await change(caller, tenant, 'enablePlugin(slug: "caller", settings: $settings)', settings={"token": "x"})
    before = (await caller.data(tenant, SHOWN))["plugin"]
    for call in (
        'enablePlugin(slug: "caller")',
        'disablePlugin(slug: "caller")',
        'updatePluginSettings(slug: "caller", settings: {lines: 9})',
    ):
        assert (await change(caller, tenant, call, role))["code"] == "PERMISSION_DENIED"
    reorder = 'mutation { reorderPlugins(slugs: ["caller"]) { ... on Failure { code } } }'
    assert (await caller.data(tenant, reorder, role))["reorderPlugins"]["code"] == "PERMISSION_DENIED"
    shown = (await caller.data(tenant, SHOWN, role))["plugin"]
    assert (shown["settings"], shown["settingsSchema"], shown["secrets"]) == (None, None, [])
    assert (await caller.data(tenant, SHOWN))["plugin"] == before
