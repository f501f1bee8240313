from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from evenhand.actions.assignment import assign_records
from evenhand.actions.errors import NoPolicy
from evenhand.actions.plugins import PluginNotInstalled, set_plugin
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import reading
from evenhand.entities import Lead
from evenhand.errors import InvalidInput, NotFound
from evenhand.ownership.models import Decision, OwnershipEntry
from evenhand.plugins.contract import (
    Candidate,
    Deal,
    Kpi,
    OpenRecord,
    Period,
    Resolution,
    TenantContext,
    Verdict,
)
from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.host import PluginFailed, PluginHost, tenant_context, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant, make_tenant


class Settings(BaseModel):
    """Settings of the test plugins."""

    user: UUID | None = None
    percent: int = Field(default=5, ge=0, le=100)


def manifest(slug: str) -> PluginManifest:
    return PluginManifest(
        slug=slug, title={"en": slug}, api=">=0.1", hooks=f"{__name__}:nothing", settings="plugin_settings:Settings"
    )


@pytest.fixture(autouse=True)
def settings_module(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType

    module = ModuleType("plugin_settings")
    module.__dict__["Settings"] = Settings
    monkeypatch.setitem(sys.modules, "plugin_settings", module)


def host(**plugins: object) -> PluginHost:
    made = PluginHost([])
    for slug, hooks in plugins.items():
        made.load(manifest(slug), hooks)
    assert made.failures == {}
    return made


class ToOne:
    """Gives everything to the user in its settings."""

    def __init__(self) -> None:
        self.calls = 0

    @hookimpl
    async def resolve_owner(
        self, ctx: TenantContext, records: Sequence[OpenRecord], candidates: Sequence[Candidate]
    ) -> list[Resolution]:
        self.calls += 1
        wanted = cast(Settings, ctx.settings).user
        verdicts = [Verdict(item.user_id, item.user_id == wanted, "CHOSEN") for item in candidates]
        return [Resolution(item.record_id, wanted, "to_one", ctx.seed, verdicts) for item in records]


class Silent:
    """Leaves the decision to others."""

    @hookimpl
    def resolve_owner(self) -> None:
        return None


class Raising:
    """Fails everywhere, after it wrote something."""

    @hookimpl
    async def resolve_owner(self, records: Sequence[OpenRecord]) -> list[Resolution]:
        await Lead.filter(id=records[0].record_id).update(name="half done")
        raise RuntimeError("no such column")

    @hookimpl
    def kpi_calculators(self) -> list[Kpi]:
        raise RuntimeError("no figures today")

    @hookimpl
    def commission_lines(self) -> list[Any]:
        raise RuntimeError("no money today")


class Figures:
    """One key figure."""

    @hookimpl
    async def kpi_calculators(self, ctx: TenantContext) -> list[Kpi]:
        return [Kpi("deals", {"en": "Deals"}, "count", lambda deals: [])]


async def enable(*slugs: str, **settings: Any) -> None:
    for position, slug in enumerate(slugs):
        await set_plugin(slug, enabled=True, settings=settings, position=position)


async def test_a_disabled_plugin_is_never_asked(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    policy = ToOne()
    lead = await tenant.create("Lead", name="Li")
    with use_host(host(to_one=policy)):
        with acting_as(other_tenant.system):
            await enable("to_one", user=str(other_tenant.users[Role.REP]))
        with acting_as(tenant.system):
            with pytest.raises(NoPolicy):
                await assign_records("lead", [lead])
            await enable("to_one", user=str(tenant.users[Role.REP]))
            await set_plugin("to_one", enabled=False)
            with pytest.raises(NoPolicy):
                await assign_records("lead", [lead])
    assert policy.calls == 0


async def test_the_first_plugin_with_an_opinion_decides(tenant: SomeTenant) -> None:
    first, second = ToOne(), ToOne()
    lead = await tenant.create("Lead", name="Li")
    rep = tenant.users[Role.REP]
    with use_host(host(silent=Silent(), one=first, two=second)), acting_as(tenant.system):
        await enable("silent", "two", "one", user=str(rep))
        (assigned,) = await assign_records("lead", [lead], seed=7)
        async with reading():
            decision = await Decision.get(id=assigned.decision_id)
            line = await OwnershipEntry.filter(record_id=lead).order_by("-started_at").first()
            assert (await Lead.get(id=lead)).owner_id == rep
    assert (first.calls, second.calls) == (0, 1)
    assert (decision.plugin, decision.policy, decision.seed, decision.owner_id) == ("two", "to_one", 7, rep)
    assert len(decision.verdicts) == len(tenant.users)
    assert line is not None
    assert (line.policy, line.decision_id) == ("two:to_one", decision.id)


async def test_a_raising_policy_changes_nothing(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")
    with use_host(host(raising=Raising(), to_one=ToOne())), acting_as(tenant.system):
        await enable("raising", "to_one", user=str(tenant.users[Role.REP]))
        with pytest.raises(PluginFailed, match="raising failed in resolve_owner"):
            await assign_records("lead", [lead])
        async with reading():
            record = await Lead.get(id=lead)
            assert (record.name, record.owner_id) == ("Li", None)
            assert not await Decision.all().exists()


async def test_a_policy_that_breaks_its_contract_changes_nothing(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")

    class Answers:
        answer: Any = None

        @hookimpl
        def resolve_owner(self, records: Sequence[OpenRecord], candidates: Sequence[Candidate]) -> Any:
            return self.answer(records, candidates)

    def full(candidates: Sequence[Candidate], eligible: bool = True) -> list[Verdict]:
        return [Verdict(item.user_id, eligible, "X") for item in candidates]

    plugin = Answers()
    foreign, rep = other_tenant.users[Role.REP], tenant.users[Role.REP]
    with use_host(host(answers=plugin)), acting_as(tenant.system):
        await enable("answers")
        for answer in (
            lambda records, candidates: [],
            lambda records, candidates: [Resolution(uuid7(), None, "p", 1, full(candidates))],
            lambda records, candidates: [Resolution(lead, rep, "p", 1, full(candidates)[:1])],
            lambda records, candidates: [Resolution(lead, rep, "p", 1, full(candidates, eligible=False))],
            lambda records, candidates: [Resolution(lead, foreign, "p", 1, full(candidates))],
        ):
            plugin.answer = answer
            with pytest.raises(PluginFailed, match="broke its contract"):
                await assign_records("lead", [lead])
        async with reading():
            assert (await Lead.get(id=lead)).owner_id is None
            assert not await Decision.all().exists()


async def test_only_known_records_are_assigned_and_only_by_managers(tenant: SomeTenant) -> None:
    with use_host(host(to_one=ToOne())):
        with acting_as(tenant.system):
            await enable("to_one", user=str(tenant.users[Role.REP]))
            with pytest.raises(NotFound):
                await assign_records("lead", [uuid7()])
            with pytest.raises(InvalidInput):
                await assign_records("contact", [uuid7()])
        with acting_as(tenant.actor(Role.REP)), pytest.raises(PermissionDenied):
            await assign_records("lead", [uuid7()])


async def test_where_a_failure_may_be_skipped_the_others_answer(tenant: SomeTenant) -> None:
    with use_host(host(raising=Raising(), figures=Figures())) as plugins, acting_as(tenant.system):
        await enable("raising", "figures")
        ctx = await tenant_context()
        assert [(slug, kpi.key) for slug, kpi in await plugins.kpi_calculators(ctx)] == [("figures", "deals")]
        deals: list[Deal] = []
        period = Period(date(2026, 1, 1), date(2026, 1, 31))
        with pytest.raises(PluginFailed):
            await plugins.commission_lines(ctx, deals=deals, period=period)
        assert await plugins.importers(ctx) == []


async def test_settings_are_checked_kept_and_audited(tenant: SomeTenant) -> None:
    with use_host(host(figures=Figures())) as plugins, acting_as(tenant.actor(Role.ADMIN)):
        with pytest.raises(InvalidInput) as invalid:
            await set_plugin("figures", enabled=True, settings={"percent": 101})
        assert [item.field for item in invalid.value.problems] == ["settings.percent"]
        assert await plugins.enabled() == []
        await set_plugin("figures", enabled=True, settings={"percent": 7})
        await set_plugin("figures", enabled=True)
        await set_plugin("figures", enabled=False)
        await set_plugin("figures", enabled=True)
        (enabled,) = await plugins.enabled()
        assert cast(Settings, enabled.settings).percent == 7
        async with reading():
            audited = await AuditEntry.filter(action="set_plugin").order_by("id")
    assert [entry.after.get("enabled") for entry in audited] == [True, False, True]
    assert {entry.user_id for entry in audited} == {tenant.users[Role.ADMIN]}


async def test_only_admins_configure_and_only_what_is_installed(tenant: SomeTenant) -> None:
    with use_host(host(figures=Figures())):
        for role in (Role.MANAGER, Role.REP, Role.READ_ONLY):
            with acting_as(tenant.actor(role)), pytest.raises(PermissionDenied):
                await set_plugin("figures", enabled=True)
        with acting_as(tenant.system), pytest.raises(PluginNotInstalled, match="Installed: figures"):
            await set_plugin("figure", enabled=True)


def test_a_plugin_that_cannot_be_loaded_is_kept_apart() -> None:
    class Misspelt:
        @hookimpl
        def resolve_ownr(self) -> None:
            return None

    made = PluginHost([])
    made.load(manifest("absent"))
    made.load(manifest("misspelt"), Misspelt())
    made.load(manifest("figures"), Figures())
    assert made.manifests.keys() == {"figures"}
    assert made.failures.keys() == {"absent", "misspelt"}
    assert "resolve_ownr" in made.failures["misspelt"]


async def test_the_context_tells_the_tenants_day(tenant: SomeTenant) -> None:
    shanghai = await make_tenant(time_zone="Asia/Shanghai")
    late = datetime(2026, 1, 1, 20, 0, tzinfo=UTC)
    for somewhere, day in ((tenant, date(2026, 1, 1)), (shanghai, date(2026, 1, 2))):
        with acting_as(somewhere.system):
            ctx = await tenant_context(seed=3, now=late)
            assert (ctx.seed, ctx.today) == (3, day)
            assert (await tenant_context()).seed != (await tenant_context()).seed
