"""Each hook, asked through the facade, with a plugin that implements it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest
from pydantic import BaseModel

from evenhand.actions.assignment import assign_records
from evenhand.actions.errors import NoPolicy
from evenhand.actions.plugins import enable_plugin
from evenhand.clock import system_clock
from evenhand.db.session import transaction
from evenhand.errors import InvalidInput, Problem
from evenhand.plugins.contract import (
    AssignmentPolicy,
    Candidate,
    CommissionLine,
    Deal,
    FieldProblem,
    Finding,
    HappenedEvent,
    Kpi,
    OpenRecord,
    Period,
    RecordChange,
    Resolution,
    TenantContext,
    Verdict,
)
from evenhand.plugins.hooks import SPECS, hookimpl
from evenhand.plugins.host import PluginFailed, PluginHost, tenant_context, use_host
from evenhand.plugins.importing import Importer
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import Role, acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant


@contextmanager
def plugin(tenant: SomeTenant, hooks: object, **facts: Any) -> Iterator[PluginHost]:
    host = PluginHost([])
    host.load(PluginManifest(slug="one", title={"en": "One"}, api="", hooks="nowhere:nothing", **facts), hooks)
    assert host.failures == {}
    with use_host(host), acting_as(tenant.system):
        yield host


def test_each_hook_has_a_test() -> None:
    tests = {name for name in vars(sys.modules[__name__]) if name.startswith("test_hook_")}
    assert tests == {f"test_hook_{name}" for name in SPECS}


class Limit(BaseModel):
    """Settings of the test plugin."""

    most: int = 1


async def test_hook_validate_settings(tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, Any, Any]] = []

    class Hooks:
        @hookimpl
        async def validate_settings(
            self, ctx: TenantContext, old: BaseModel | None, new: BaseModel | None
        ) -> list[Problem]:
            seen.append((ctx.settings, old, new))
            most = cast(Limit, new).most
            return [Problem("most", "TOO_MANY", f"most: {most} are too many.", "Give less.")] if most > 5 else []

    monkeypatch.setattr(sys.modules[__name__], "Limit", Limit)
    monkeypatch.setitem(sys.modules, "limit_settings", sys.modules[__name__])
    with plugin(tenant, Hooks(), settings="limit_settings:Limit") as host:
        with pytest.raises(InvalidInput) as refused:
            await enable_plugin("one", settings={"most": 6})
        assert [problem.code for problem in refused.value.problems] == ["TOO_MANY"]
        assert await host.enabled() == []
        await enable_plugin("one", settings={"most": 5})
        assert [len(await host.enabled()), seen[-1]] == [1, (Limit(most=5), None, Limit(most=5))]


async def test_hook_plugin_health(tenant: SomeTenant) -> None:
    finding = Finding("IDLE", {"en": "It does nothing.", "zh": "无效果。"}, {"en": "Set it up.", "zh": "请配置。"})

    class Hooks:
        @hookimpl
        def plugin_health(self) -> list[Finding]:
            return [finding]

    with plugin(tenant, Hooks()) as host:
        assert await host.plugin_health(await tenant_context()) == []
        await enable_plugin("one")
        assert await host.plugin_health(await tenant_context()) == [("one", finding)]


async def test_hook_validate_record(tenant: SomeTenant) -> None:
    class Hooks:
        @hookimpl
        async def validate_record(self, changes: Sequence[RecordChange]) -> list[FieldProblem]:
            return [
                FieldProblem(one.record_id, "name", "TOO_SHORT", "name: too short.", "Use more letters.")
                for one in changes
                if "name" in one.changed and len(one.after["name"]) < 2
            ]

    short, kept, long = uuid7(), uuid7(), uuid7()
    changes = [
        RecordChange("Lead", short, None, {"name": "L"}),
        RecordChange("Lead", kept, {"name": "L", "region": None}, {"name": "L", "region": "East"}),
        RecordChange("Lead", long, {"name": "L"}, {"name": "Li"}),
    ]
    with plugin(tenant, Hooks()) as host:
        await enable_plugin("one")
        async with transaction():
            found = await host.validate_record(await tenant_context(), changes=changes)
    assert [(slug, problem.record_id) for slug, problem in found] == [("one", short)]


def _to_rep(tenant: SomeTenant, name: Callable[[str | None], str]) -> object:
    class Hooks:
        @hookimpl
        async def resolve_owner(
            self,
            ctx: TenantContext,
            records: Sequence[OpenRecord],
            candidates: Sequence[Candidate],
            policy: str | None = "an argument with a default is given too",
        ) -> list[Resolution] | None:
            if policy not in (None, "east"):
                return None
            rep = tenant.users[Role.REP]
            verdicts = [Verdict(one.user_id, one.user_id == rep, "FIXED") for one in candidates]
            return [Resolution(one.record_id, rep, name(policy), ctx.seed, verdicts) for one in records]

        @hookimpl
        def assignment_policies(self) -> list[AssignmentPolicy]:
            return [AssignmentPolicy("east", {"en": "East", "zh": "华东"}, ("Lead",))]

    return Hooks()


async def test_hook_resolve_owner(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")
    with plugin(tenant, _to_rep(tenant, lambda policy: policy or "usual")):
        await enable_plugin("one")
        for policy in (None, "one:east"):
            (assigned,) = await assign_records("lead", [lead], policy=policy)
            assert assigned.owner_id == tenant.users[Role.REP]
        for policy in ("one:west", "two:east", "one"):
            with pytest.raises(NoPolicy, match=policy):
                await assign_records("lead", [lead], policy=policy)


async def test_hook_assignment_policies(tenant: SomeTenant) -> None:
    lead = await tenant.create("Lead", name="Li")
    with plugin(tenant, _to_rep(tenant, lambda policy: "usual")) as host:
        await enable_plugin("one")
        found = await host.assignment_policies(await tenant_context())
        assert [(slug, policy.name) for slug, policy in found] == [("one", "east")]
        # It was told to go by one policy and went by another.
        with pytest.raises(PluginFailed, match="broke its contract"):
            await assign_records("lead", [lead], policy="one:east")


async def test_hook_kpi_calculators(tenant: SomeTenant) -> None:
    class Hooks:
        @hookimpl
        def kpi_calculators(self) -> list[Kpi]:
            return [Kpi("deals", {"en": "Deals", "zh": "成交数"}, "count", lambda deals: [])]

    with plugin(tenant, Hooks()) as host:
        await enable_plugin("one")
        assert [(slug, kpi.key) for slug, kpi in await host.kpi_calculators(await tenant_context())] == [
            ("one", "deals")
        ]


async def test_hook_commission_lines(tenant: SomeTenant) -> None:
    line = CommissionLine(uuid7(), uuid7(), "flat", Decimal(100), Decimal(5), "CNY", date(2026, 1, 2), {"en": "5%"})

    class Hooks:
        amount: Any = line.amount

        @hookimpl
        def commission_lines(self, deals: Sequence[Deal], period: Period) -> list[CommissionLine]:
            return [CommissionLine(**{**vars(line), "amount": self.amount})]

    hooks = Hooks()
    period = Period(date(2026, 1, 1), date(2026, 1, 31))
    with plugin(tenant, hooks) as host:
        await enable_plugin("one")
        ctx = await tenant_context()
        assert await host.commission_lines(ctx, deals=[], period=period) == [("one", line)]
        for money in (5.0, "5", None, Decimal("NaN")):
            hooks.amount = money
            with pytest.raises(PluginFailed, match=r"CommissionLine.amount: .* instead of a finite Decimal"):
                await host.commission_lines(ctx, deals=[], period=period)


async def test_hook_importers(tenant: SomeTenant) -> None:
    class Csv:
        name = "csv"
        sniff = open = recognise = reader = lambda *_: None

    class Hooks:
        offered: object = Csv()

        @hookimpl
        def importers(self) -> list[Importer]:
            return [cast(Importer, self.offered)]

    hooks = Hooks()
    with plugin(tenant, hooks) as host:
        await enable_plugin("one")
        assert await host.importers(await tenant_context()) == [("one", hooks.offered)]
        hooks.offered = "csv"
        assert await host.importers(await tenant_context()) == []


async def test_hook_on_event(tenant: SomeTenant) -> None:
    heard: list[Any] = []

    class Hooks:
        @hookimpl
        async def on_event(self, ctx: TenantContext, event: HappenedEvent) -> None:
            heard.append((ctx.tenant_id, event.type))

    class Happened:
        id = record_id = uuid7()
        tenant_id, user_id = tenant.id, None
        type, entity = "LeadCreated", "Lead"
        payload = None
        occurred_at = system_clock()

    event = cast(HappenedEvent, Happened())
    with plugin(tenant, Hooks(), events=("LeadCreated",)) as host:
        await enable_plugin("one")
        delivered = await host.deliver_event(await tenant_context(), "one", event=event)
        assert delivered is not None
        assert (delivered.error, heard) == (None, [(tenant.id, "LeadCreated")])
