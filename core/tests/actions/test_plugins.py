from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Literal, Self

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator
from structlog.testing import capture_logs

from evenhand.actions.errors import VersionConflict
from evenhand.actions.plugins import (
    PluginNotInstalled,
    PluginSettingsNewer,
    disable_plugin,
    enable_plugin,
    reorder_plugins,
    set_plugin,
    update_plugin_settings,
    upgrade_plugin_settings,
)
from evenhand.api import setting
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading, transaction
from evenhand.errors import InvalidInput
from evenhand.events.models import OutboxEvent
from evenhand.plugins.host import EnabledPlugin, PluginHost, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.plugins.models import TenantPlugin
from evenhand.plugins.settings import read_settings
from evenhand.tenancy.context import Role, acting_as
from evenhand.testing import SomeTenant, make_tenant

MODULE = "evenhand_dialer_for_tests"
WORDS = {"en": "Words", "zh": "文字"}


class DialerSettings(BaseModel):
    """Settings with a secret, choices and a rule over two of them."""

    model_config = ConfigDict(frozen=True)

    token: SecretStr | None = setting(None, title={"en": "Token", "zh": "令牌"}, help=WORDS, secret=True)
    lines: int = setting(2, title={"en": "Lines", "zh": "线路数"}, help=WORDS, ge=1, le=10)
    mode: Literal["fast", "kind"] = setting("kind", title={"en": "Mode", "zh": "模式"}, help=WORDS)
    note: str | None = setting("none", title={"en": "Note", "zh": "备注"}, help=WORDS)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.token is not None and self.token.get_secret_value() == "forbidden-token":
            raise ValueError(f"token {self.token.get_secret_value()} is not for {self.mode}")
        return self


def upgrade(version: int, data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 called the lines `channels` and the token `key`."""
    if version > 1:
        return data
    renamed = {"channels": "lines", "key": "token"}
    return {renamed.get(name, name): value for name, value in data.items()}


def broken_upgrade(version: int, data: dict[str, Any]) -> dict[str, Any]:
    raise RuntimeError("no way")


@pytest.fixture(autouse=True)
def module() -> Iterator[None]:
    made: Any = ModuleType(MODULE)
    made.DialerSettings, made.upgrade, made.broken_upgrade = DialerSettings, upgrade, broken_upgrade
    sys.modules[MODULE] = made
    yield
    del sys.modules[MODULE]


def manifest(slug: str = "dialer", **options: Any) -> PluginManifest:
    given = {"settings": f"{MODULE}:DialerSettings", "settings_version": 2, **options}
    return PluginManifest(slug=slug, title={"en": slug}, api=">=0", hooks="builtins:object", **given)


def host(*manifests: PluginManifest) -> PluginHost:
    made = PluginHost([])
    for one in manifests or (manifest(),):
        made.load(one, object())
    assert not made.failures
    return made


async def row(slug: str = "dialer") -> TenantPlugin:
    async with reading():
        return await TenantPlugin.get(slug=slug)


async def enabled(plugins: PluginHost) -> EnabledPlugin:
    (found,) = await plugins.enabled()
    return found


def settings_of(plugin: EnabledPlugin) -> DialerSettings:
    assert isinstance(plugin.settings, DialerSettings)
    return plugin.settings


@pytest.mark.parametrize("position", [-1, 2**40])
async def test_odd_positions_are_refused(tenant: SomeTenant, position: int) -> None:
    with use_host(host()), acting_as(tenant.system), pytest.raises(InvalidInput):
        await set_plugin("dialer", enabled=True, position=position)


async def test_racers_enable_a_plugin_once(tenant: SomeTenant) -> None:
    with use_host(host()), acting_as(tenant.system):
        await asyncio.gather(*(enable_plugin("dialer") for _ in range(5)))
        async with reading():
            assert await TenantPlugin.filter(slug="dialer", enabled=True).count() == 1
            assert await OutboxEvent.filter(type="PluginEnabled").count() == 1
            assert await AuditEntry.filter(action="enable_plugin").count() == 1


async def test_racers_that_change_different_settings_all_win(tenant: SomeTenant) -> None:
    changes: list[dict[str, Any]] = [{"lines": 7}, {"mode": "fast"}, {"note": "x"}, {"token": "t-secret"}]
    with use_host(host()) as plugins, acting_as(tenant.system):
        await enable_plugin("dialer")
        await asyncio.gather(*(update_plugin_settings("dialer", change) for change in changes))
        found = settings_of(await enabled(plugins))
        assert (found.lines, found.mode, found.note) == (7, "fast", "x")
        assert found.token is not None
        assert found.token.get_secret_value() == "t-secret"


async def test_of_racers_on_one_version_one_wins(tenant: SomeTenant) -> None:
    with use_host(host()), acting_as(tenant.system):
        await enable_plugin("dialer")
        version = (await row()).version
        done = await asyncio.gather(
            *(update_plugin_settings("dialer", {"lines": n}, version=version) for n in range(3, 8)),
            return_exceptions=True,
        )
        assert [type(one) for one in done if one is not None] == [VersionConflict] * 4
        assert (await row()).version == version + 1


async def test_a_secret_is_told_nowhere(tenant: SomeTenant) -> None:
    secret = "s3cret-7f8a"
    with use_host(host()) as plugins, acting_as(tenant.actor(Role.ADMIN)), capture_logs() as logs:
        await enable_plugin("dialer", settings={"token": secret, "lines": 3})
        await update_plugin_settings("dialer", {"lines": 4})
        with pytest.raises(InvalidInput) as refused:
            await update_plugin_settings("dialer", {"token": "forbidden-token"})
        with pytest.raises(InvalidInput) as untyped:
            await update_plugin_settings("dialer", {"token": {"raw": secret}})
        stored = await row()
        async with reading():
            told: list[Any] = [*await AuditEntry.all().values(), *await OutboxEvent.all().values()]
        assert secret not in f"{told} {logs} {stored.settings} {stored.secrets} {untyped.value}"
        assert "forbidden-token" not in f"{refused.value} {refused.value.problems}"
        assert "gAAAA" not in str(told)
        assert any(one.get("after") and one["after"].get("secrets") == {"token": "changed"} for one in told)
        assert "token" not in stored.settings
        found = settings_of(await enabled(plugins))
        assert found.token is not None
        assert (found.token.get_secret_value(), found.lines) == (secret, 4)
        await update_plugin_settings("dialer", {"lines": 5}, replace=True)
        assert settings_of(await enabled(plugins)).token == found.token
        await update_plugin_settings("dialer", {"token": None})
        assert settings_of(await enabled(plugins)).token is None
        assert (await row()).secrets == {}


async def test_a_change_keeps_the_rest_and_a_replacement_does_not(tenant: SomeTenant) -> None:
    with use_host(host()) as plugins, acting_as(tenant.system):
        await update_plugin_settings("dialer", {"lines": 9, "mode": "fast"})
        assert await plugins.enabled() == []
        await enable_plugin("dialer")
        await update_plugin_settings("dialer", {"mode": None, "note": None})
        found = settings_of(await enabled(plugins))
        assert (found.lines, found.mode, found.note) == (9, "kind", None)
        await update_plugin_settings("dialer", {"mode": "fast"}, replace=True)
        assert settings_of(await enabled(plugins)) == DialerSettings(mode="fast")
        before = await row()
        await update_plugin_settings("dialer", {"mode": "fast"})
        assert (await row()).version == before.version
        async with reading():
            events = await OutboxEvent.filter(entity="TenantPlugin").order_by("id").values_list("type", "payload")
        assert events[:2] == [("PluginSettingsUpdated", {"slug": "dialer"}), ("PluginEnabled", {"slug": "dialer"})]
        await disable_plugin("dialer")
        await disable_plugin("dialer")
        async with reading():
            assert await OutboxEvent.filter(type="PluginDisabled").count() == 1
        assert (await row()).settings["mode"] == "fast"


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-GB", ["settings.lines: Input should be less than or equal to 10.", "settings.mode: Input should be"]),
        ("zh-CN", ["settings.lines（线路数）：必须小于或等于 10。", "settings.mode（模式）：必须是以下之一"]),
    ],
)
async def test_problems_say_where_what_and_how_in_the_tenants_language(locale: str, said: list[str]) -> None:
    tenant = await make_tenant(locale=locale)
    with use_host(host()), acting_as(tenant.system):
        with pytest.raises(InvalidInput) as refused:
            await enable_plugin("dialer", settings={"lines": 11, "mode": "rude"})
        for problem, start in zip(refused.value.problems, said, strict=True):
            assert problem.message.startswith(start)
            assert problem.hint
        assert [problem.field for problem in refused.value.problems] == ["settings.lines", "settings.mode"]
        with pytest.raises(InvalidInput) as unknown:
            await enable_plugin("dialer", settings={"speed": 1})
        assert "token, lines, mode, note" in unknown.value.hint
        async with reading():
            assert await TenantPlugin.all().count() == 0


async def test_an_unknown_setting_is_told_with_all_else_that_is_wrong(tenant: SomeTenant) -> None:
    with acting_as(tenant.system), use_host(host()):
        await enable_plugin("dialer")
        with pytest.raises(InvalidInput) as refused:
            await update_plugin_settings("dialer", {"colour": "red", "lines": 99})
    codes = {problem.field: problem.code for problem in refused.value.problems}
    assert codes == {"settings.colour": "UNKNOWN_SETTING", "settings.lines": "LESS_THAN_EQUAL"}


async def test_older_settings_are_upgraded_when_read_and_stored_with_the_next_change(tenant: SomeTenant) -> None:
    current = manifest(upgrade_settings=f"{MODULE}:upgrade")
    with acting_as(tenant.system):
        with use_host(host(manifest())):
            await enable_plugin("dialer", settings={"token": "abc"})
        stored = await row()
        old = {"channels": 8, "mode": "fast"}
        async with transaction():
            await TenantPlugin.filter(slug="dialer").update(
                settings=old, settings_version=1, secrets={"key": stored.secrets["token"]}
            )
        with use_host(host(current)) as plugins:
            found = settings_of(await enabled(plugins))
            assert (found.lines, found.mode, found.token and found.token.get_secret_value()) == (8, "fast", "abc")
            assert (await row()).settings == old
            assert await upgrade_plugin_settings("dialer")
            assert not await upgrade_plugin_settings("dialer")
            after = await row()
            assert (after.settings_version, after.settings["lines"]) == (2, 8)
            assert after.secrets.keys() == {"token"}
            assert settings_of(await enabled(plugins)) == found
            assert not await upgrade_plugin_settings("dialer")


async def test_settings_that_cannot_be_used_are_a_state_that_an_admin_can_mend(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        with use_host(host()) as plugins:
            await enable_plugin("dialer")
            async with transaction():
                await TenantPlugin.filter(slug="dialer").update(settings={"lines": 99})
            assert await plugins.enabled() == []
            found = await row()
            problems = read_settings(manifest(), found.settings, 2, {}).problems
            assert [problem.code for problem in problems] == ["LESS_THAN_EQUAL"]
            await update_plugin_settings("dialer", {"lines": 9})
            assert settings_of(await enabled(plugins)).lines == 9
        with use_host(host(manifest(settings_version=1))) as older:
            assert await older.enabled() == []
            with pytest.raises(PluginSettingsNewer, match="version 2"):
                await update_plugin_settings("dialer", {"lines": 3})
            await update_plugin_settings("dialer", {"lines": 3}, replace=True)
            assert settings_of(await enabled(older)).lines == 3
            assert (await row()).settings_version == 1
        with use_host(host(manifest(upgrade_settings=f"{MODULE}:broken_upgrade"))) as broken:
            assert await broken.enabled() == []
            with pytest.raises(InvalidInput, match="no way"):
                await update_plugin_settings("dialer", {"lines": 3})
            await update_plugin_settings("dialer", {}, replace=True)
            assert settings_of(await enabled(broken)) == DialerSettings()


async def test_a_secret_whose_key_is_lost_is_told_and_can_be_entered_again(
    tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with use_host(host()) as plugins, acting_as(tenant.system):
        await enable_plugin("dialer", settings={"token": "abc"})
        monkeypatch.setenv("EVENHAND_SECRET_KEY", "A" * 43 + "=")
        assert await plugins.enabled() == []
        with pytest.raises(InvalidInput) as refused:
            await update_plugin_settings("dialer", {"lines": 3})
        assert [problem.code for problem in refused.value.problems] == ["SECRET_UNREADABLE"]
        await update_plugin_settings("dialer", {"token": "abc"})
        assert settings_of(await enabled(plugins)).token == SecretStr("abc")


async def test_plugins_stand_in_the_order_that_the_tenant_gave_them(tenant: SomeTenant) -> None:
    names = ("aa", "bb", "cc", "dd")
    with use_host(host(*(manifest(name) for name in names))) as plugins, acting_as(tenant.system):
        for name in ("cc", "aa", "bb"):
            await enable_plugin(name)
        assert [one.manifest.slug for one in await plugins.enabled()] == ["cc", "aa", "bb"]
        await reorder_plugins(["bb", "dd"])
        assert [one.manifest.slug for one in await plugins.enabled()] == ["bb", "cc", "aa"]
        async with reading():
            audited = await AuditEntry.filter(action="reorder_plugins").count()
        await reorder_plugins(["bb", "dd"])
        async with reading():
            assert await AuditEntry.filter(action="reorder_plugins").count() == audited
        orders = [["aa", "bb", "cc", "dd"], ["dd", "cc", "bb", "aa"]] * 4
        await asyncio.gather(*(reorder_plugins(order) for order in orders))
        async with reading():
            rows = await TenantPlugin.all().order_by("position")
        assert [one.slug for one in rows] in orders
        assert [one.position for one in rows] == [0, 1, 2, 3]
        with pytest.raises(InvalidInput, match="aa named more than once"):
            await reorder_plugins(["aa", "bb", "aa"])
        with pytest.raises(PluginNotInstalled):
            await reorder_plugins(["aa", "zz"])


async def test_a_plugin_that_is_gone_can_still_be_disabled(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        with use_host(host()):
            await enable_plugin("dialer")
        with use_host(PluginHost([])):
            with pytest.raises(PluginNotInstalled):
                await enable_plugin("dialer")
            await disable_plugin("dialer")
            with pytest.raises(PluginNotInstalled):
                await disable_plugin("other")
        assert not (await row()).enabled


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REP, Role.READ_ONLY])
async def test_only_admins_change_plugins(tenant: SomeTenant, role: Role) -> None:
    with use_host(host()), acting_as(tenant.actor(role)):
        for change in (
            enable_plugin("dialer"),
            disable_plugin("dialer"),
            update_plugin_settings("dialer", {"lines": 3}),
            upgrade_plugin_settings("dialer"),
            reorder_plugins(["dialer"]),
            set_plugin("dialer", enabled=True),
        ):
            with pytest.raises(PermissionDenied):
                await change
        async with reading():
            assert await TenantPlugin.all().count() == 0


async def test_other_tenants_are_not_touched(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with use_host(host()) as plugins:
        with acting_as(tenant.system):
            await enable_plugin("dialer", settings={"lines": 3})
        with acting_as(other_tenant.system):
            assert await plugins.enabled() == []
            await enable_plugin("dialer", settings={"lines": 4})
            await disable_plugin("dialer")
        with acting_as(tenant.system):
            assert settings_of(await enabled(plugins)).lines == 3


def test_stored_settings_are_plain_json() -> None:
    found = read_settings(manifest(), {"lines": 3}, 2, {})
    assert json.loads(json.dumps(found.data)) == {"lines": 3}
