"""Plugins refuse records as the core itself does: alone in bulk, named, and at no cost while nobody checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from evenhand.actions.bulk import BulkMode, ItemStatus, create_many, update_many
from evenhand.actions.leads import convert_lead
from evenhand.actions.opportunities import move_opportunity
from evenhand.actions.plugins import enable_plugin
from evenhand.actions.records import Change, create_record, update_record
from evenhand.actions.upserts import Upsert, upsert_many
from evenhand.audit.models import AuditEntry
from evenhand.db.session import reading
from evenhand.entities import Account, Lead, Opportunity, Stage, StageChange
from evenhand.errors import InvalidInput
from evenhand.plugins.contract import FieldProblem, RecordChange
from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.host import PluginFailed, PluginHost, use_host
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import uuid7
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements


class Careful:
    """Wants no record called "bad"."""

    def __init__(self) -> None:
        self.asked: list[list[RecordChange]] = []
        self.answer: list[FieldProblem] = []

    @hookimpl
    async def validate_record(self, changes: Sequence[RecordChange]) -> list[FieldProblem]:
        self.asked.append(list(changes))
        if any(change.after.get("name") == "explode" for change in changes):
            raise RuntimeError("cannot judge")
        return self.answer + [
            FieldProblem(change.record_id, "name", "BAD_NAME", "name: is bad.", "Use a good one.")
            for change in changes
            if change.after.get("name") == "bad"
        ]


@contextmanager
def careful(tenant: SomeTenant, *validates: str) -> Iterator[Careful]:
    host, hooks = PluginHost([]), Careful()
    host.load(
        PluginManifest(slug="careful", title={"en": "Careful"}, api="", hooks="x:y", validates=validates or None), hooks
    )
    with use_host(host), acting_as(tenant.system):
        yield hooks


async def audited() -> int:
    async with reading():
        return await AuditEntry.all().count()


async def test_a_record_is_refused_with_the_plugins_problem_and_nothing_is_written(tenant: SomeTenant) -> None:
    with careful(tenant) as hooks:
        await create_record("Account", {"name": "bad"})
        assert hooks.asked == []
        await enable_plugin("careful")
        before = await audited()
        with pytest.raises(InvalidInput) as refused:
            await create_record("Account", {"name": "bad"})
        (problem,) = refused.value.problems
        assert (problem.field, problem.code, problem.hint) == ("name", "BAD_NAME", "Use a good one.")
        assert "careful" in problem.message
        assert await audited() == before
        good = await create_record("Account", {"name": "good"})
        with pytest.raises(InvalidInput):
            await update_record("Account", good, {"name": "bad"})
        async with reading():
            assert (await Account.get(id=good)).version == 1
        (change,) = hooks.asked[-1]
        assert change.before is not None
        assert (change.before["name"], change.after["name"], change.changed) == ("good", "bad", frozenset({"name"}))


async def test_items_of_a_bulk_fail_alone_and_are_asked_together(tenant: SomeTenant) -> None:
    names = ["bad" if number % 100 == 7 else f"L{number}" for number in range(300)]
    with careful(tenant) as hooks:
        await enable_plugin("careful")
        items = await create_many("Lead", [{"name": name} for name in names])
        assert [item.status is ItemStatus.FAILED for item in items] == [name == "bad" for name in names]
        # Once for all of them, and once more for the good ones.
        assert [len(changes) for changes in hooks.asked] == [300, 297]
        ids = [item.record_id for item in items if item.record_id is not None]
        hooks.asked.clear()
        changed = await update_many(
            "Lead", [Change(one, {"name": "bad" if place < 2 else f"M{place}"}) for place, one in enumerate(ids[:10])]
        )
        assert [item.status for item in changed] == [ItemStatus.FAILED] * 2 + [ItemStatus.UPDATED] * 8
        assert isinstance(changed[0].error, InvalidInput)
        assert changed[0].error.problems[0].code == "BAD_NAME"
        drafts = [Upsert("1", {"name": "bad"}), Upsert("2", {"name": "good"})]
        upserted = await upsert_many("Lead", "crm", drafts)
        assert [item.status for item in upserted] == [ItemStatus.FAILED, ItemStatus.CREATED]
        whole = await create_many("Lead", [{"name": "bad"}, {"name": "x"}], mode=BulkMode.ALL_OR_NOTHING)
        assert [item.status for item in whole] == [ItemStatus.FAILED] * 2


async def test_a_failing_plugin_refuses_all_and_is_asked_once(tenant: SomeTenant) -> None:
    with careful(tenant) as hooks:
        await enable_plugin("careful")
        items = await create_many("Lead", [{"name": name} for name in ("a", "explode", "b", "c")])
        assert all(isinstance(item.error, PluginFailed) for item in items)
        assert len(hooks.asked) == 1
        hooks.answer = [FieldProblem(uuid7(), "", "X", "x.", "x.")]
        with pytest.raises(PluginFailed, match="not being written"):
            await create_record("Lead", {"name": "a"})
        async with reading():
            assert await Lead.all().count() == 0


async def test_moves_and_conversions_are_asked_about(tenant: SomeTenant) -> None:
    deal = await tenant.create("Opportunity", name="bad")
    lead = await tenant.create("Lead", name="bad")
    with careful(tenant) as hooks:
        await enable_plugin("careful")
        async with reading():
            second = (await Stage.filter(kind="open").order_by("position"))[1]
        with pytest.raises(InvalidInput):
            await move_opportunity(deal, second.id)
        assert "stage_id" in hooks.asked[-1][0].changed
        with pytest.raises(InvalidInput):
            await convert_lead(lead)
        async with reading():
            assert (await Opportunity.get(id=deal)).stage_id != second.id
            assert await StageChange.filter(opportunity_id=deal).count() == 1
            assert await Account.all().count() == 0
        await update_record("Lead", lead, {"name": "good"})
        hooks.asked.clear()
        await convert_lead(lead)
        assert [changes[0].entity for changes in hooks.asked] == ["Account", "Contact", "Opportunity", "Lead"]
        assert {"status", "converted_at"} <= hooks.asked[-1][0].changed


async def test_writes_that_nobody_checks_cost_nothing_more(tenant: SomeTenant) -> None:
    async def statements(values: dict[str, Any]) -> int:
        with watch_statements() as seen:
            await create_record("Account", values)
        return len(seen)

    with acting_as(tenant.system), use_host(PluginHost([])):
        plain = await statements({"name": "Alpha"})
    with careful(tenant, "Opportunity"):
        assert await statements({"name": "Beta"}) == plain
        await enable_plugin("careful")
        assert await statements({"name": "bad Gamma"}) == plain
