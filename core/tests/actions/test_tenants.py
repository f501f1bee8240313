from __future__ import annotations

import asyncio

import pytest

from evenhand.actions.errors import DuplicateValue
from evenhand.actions.tenants import create_tenant
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import reading
from evenhand.entities import Pipeline, Stage, Tenant
from evenhand.errors import InvalidInput
from evenhand.ownership.models import Pool
from evenhand.tenancy.context import acting_as, system_actor
from evenhand.tenancy.models import uuid7


@pytest.mark.parametrize(("locale", "pool", "last"), [("en", "Public pool", "Lost"), ("zh-CN", "公海", "输单")])
async def test_a_tenant_starts_with_a_pool_and_a_pipeline(
    database: DatabaseConfig, locale: str, pool: str, last: str
) -> None:
    slug = f"t-{uuid7().hex}"
    tenant_id = await create_tenant(slug, "华兴", locale=locale, time_zone="Asia/Shanghai", currency="CNY")
    with acting_as(system_actor(tenant_id)):
        async with reading():
            tenant = await Tenant.get(slug=slug)
            assert (tenant.time_zone, tenant.currency) == ("Asia/Shanghai", "CNY")
            assert (await Pool.get(is_default=True)).name == pool
            pipeline = await Pipeline.get(is_default=True)
            stages = await Stage.filter(pipeline_id=pipeline.id).order_by("position")
    assert stages[-1].name == last
    assert [stage.kind.value for stage in stages] == ["open"] * 4 + ["won", "lost"]


async def test_a_slug_is_taken_once_also_by_racers(database: DatabaseConfig) -> None:
    slug = f"t-{uuid7().hex}"

    async def create() -> bool:
        try:
            return bool(await create_tenant(slug, "Acme"))
        except DuplicateValue:
            return False

    assert sum(await asyncio.gather(*(create() for _ in range(6)))) == 1


async def test_bad_tenants_are_refused_with_all_problems(database: DatabaseConfig) -> None:
    with pytest.raises(InvalidInput) as invalid:
        await create_tenant("Bad Slug", " ", time_zone="Mars/Base", currency="dollars")
    assert [problem.field for problem in invalid.value.problems] == ["slug", "name", "time_zone", "currency"]


@pytest.mark.parametrize(
    ("slug", "options", "field"),
    [
        ("acme\n", {}, "slug"),
        ("acme", {"locale": "x" * 17}, "locale"),
        ("acme", {"name": "长" * 301}, "name"),
        ("acme", {"name": "\x00"}, "name"),
        ("acme", {"currency": "USD\n"}, "currency"),
    ],
)
async def test_what_no_tenant_can_be_called_is_refused(
    database: object, slug: str, options: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as invalid:
        await create_tenant(slug, **{"name": "Acme", **options})
    assert [problem.field for problem in invalid.value.problems] == [field]
