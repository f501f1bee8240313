from __future__ import annotations

from typing import Any

import pytest

from evenhand.actions.records import create_record, update_record
from evenhand.db.session import reading
from evenhand.entities import Lead
from evenhand.errors import InvalidInput
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant


async def define(tenant: SomeTenant) -> None:
    for key, kind, options in (
        ("budget", "number", []),
        ("decided", "boolean", []),
        ("visited", "date", []),
        ("channel", "choice", ["线上", "线下"]),
        ("remark", "text", []),
    ):
        await tenant.create(
            "CustomField", entity="Lead", key=key, type=kind, options=options, titles={"en": key, "zh": key}
        )


async def test_custom_values_are_kept_merged_and_removed(tenant: SomeTenant) -> None:
    await define(tenant)
    values = {"budget": 12.5, "channel": "线上", "visited": "2026-02-28", "decided": False}
    lead = await tenant.create("Lead", name="Li", custom=values)
    with acting_as(tenant.system):
        await update_record("lead", lead, {"custom": {"budget": None, "remark": "重要"}})
        async with reading():
            kept = (await Lead.get(id=lead)).custom
    assert kept == {"channel": "线上", "visited": "2026-02-28", "decided": False, "remark": "重要"}


@pytest.mark.parametrize(
    ("custom", "code"),
    [
        ({"colour": "red"}, "UNKNOWN_CUSTOM_FIELD"),
        ({"budget": "much"}, "BAD_CUSTOM_VALUE"),
        ({"budget": True}, "BAD_CUSTOM_VALUE"),
        ({"budget": "NaN"}, "BAD_CUSTOM_VALUE"),
        ({"budget": "1e1000"}, "BAD_CUSTOM_VALUE"),
        ({"budget": 1e300}, "BAD_CUSTOM_VALUE"),
        ({"budget": "1" * 301}, "BAD_CUSTOM_VALUE"),
        ({"decided": "yes"}, "BAD_CUSTOM_VALUE"),
        ({"visited": "2026-02-30"}, "BAD_CUSTOM_VALUE"),
        ({"channel": "纸"}, "BAD_CUSTOM_VALUE"),
        ({"remark": 7}, "BAD_CUSTOM_VALUE"),
        ([1], "WRONG_TYPE"),
    ],
)
async def test_custom_values_that_do_not_fit_are_refused(tenant: SomeTenant, custom: Any, code: str) -> None:
    await define(tenant)
    with acting_as(tenant.system):
        with pytest.raises(InvalidInput) as invalid:
            await create_record("lead", {"name": "Li", "custom": custom})
        assert [problem.code for problem in invalid.value.problems] == [code]
        async with reading():
            assert not await Lead.all().exists()


async def test_definitions_belong_to_one_tenant_and_entity(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await define(tenant)
    with pytest.raises(InvalidInput):
        await other_tenant.create("Lead", name="Li", custom={"budget": 1})
    with pytest.raises(InvalidInput):
        await tenant.create("Account", name="Acme", custom={"budget": 1})


async def test_an_empty_change_of_custom_values_changes_nothing(tenant: SomeTenant) -> None:
    await define(tenant)
    lead = await tenant.create("Lead", name="Li", custom={"remark": "重要"})
    with acting_as(tenant.system):
        assert not await update_record("lead", lead, {"custom": {}})
        with pytest.raises(InvalidInput):
            await update_record("lead", lead, {"custom": []})
        async with reading():
            assert (await Lead.get(id=lead)).custom == {"remark": "重要"}


@pytest.mark.parametrize(
    "custom",
    [{"budget": 2**70}, {"budget": float("nan")}, {"remark": "\x00"}, {"remark": "\ud800"}, {"channel": []}],
)
async def test_custom_values_that_cannot_be_kept_are_refused(tenant: SomeTenant, custom: dict[str, Any]) -> None:
    await define(tenant)
    with pytest.raises(InvalidInput):
        await tenant.create("Lead", name="Li", custom=custom)
