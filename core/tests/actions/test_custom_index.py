from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenhand.actions.journal import writing
from evenhand.actions.records import create_record, create_records, update_record
from evenhand.db.config import DatabaseConfig
from evenhand.db.session import raw_connection, reading
from evenhand.entities.registry import entity
from evenhand.tenancy.context import acting_as
from evenhand.testing import SomeTenant
from evenhand.testing.queries import watch_statements


async def define(tenant: SomeTenant, *, indexed: bool = False) -> dict[str, UUID]:
    return {
        key: await tenant.create("CustomField", entity="Lead", key=key, type=kind, indexed=indexed)
        for key, kind in (("region", "text"), ("budget", "number"), ("visited", "date"), ("decided", "boolean"))
    }


async def kept(tenant: SomeTenant) -> set[tuple[Any, ...]]:
    statement = "SELECT entity, key, record_id, text_key, number_key FROM custom_values WHERE tenant_id = $1"
    with acting_as(tenant.system):
        async with reading() as client:
            return {tuple(row) for row in await raw_connection(client).fetch(statement, tenant.id)}


async def test_values_are_kept_while_the_index_is_on(tenant: SomeTenant) -> None:
    fields = await define(tenant)
    before = await tenant.create("Lead", name="Li", custom={"region": "华东", "budget": "12.5", "decided": True})
    assert await kept(tenant) == set()
    with acting_as(tenant.system):
        for key in fields:
            await update_record("custom_field", fields[key], {"indexed": True})
        first = {
            ("Lead", "region", before, "华东", None),
            ("Lead", "budget", before, "12.5", 12.5),
            ("Lead", "decided", before, "true", None),
        }
        assert await kept(tenant) == first
        after = await create_record("lead", {"name": "Wu", "custom": {"visited": "20260531", "budget": -1e18}})
        second = {
            ("Lead", "visited", after, "2026-05-31", None),
            ("Lead", "budget", after, "-1000000000000000000", -1e18),
        }
        assert await kept(tenant) == first | second
        await update_record("lead", before, {"custom": {"region": None, "budget": 3}})
        third = {("Lead", "budget", before, "3", 3.0), ("Lead", "decided", before, "true", None)}
        assert await kept(tenant) == third | second
        await update_record("custom_field", fields["budget"], {"indexed": False})
        assert await kept(tenant) == {row for row in third | second if row[1] != "budget"}
        await update_record("custom_field", fields["budget"], {"indexed": True})
        assert await kept(tenant) == third | second


async def test_a_field_that_becomes_another_takes_its_index_along(tenant: SomeTenant) -> None:
    fields = await define(tenant, indexed=True)
    await tenant.create("Lead", name="Li", custom={"region": "华东"})
    await tenant.create("CustomField", entity="Account", key="area", type="text")
    account = await tenant.create("Account", name="Acme", custom={"area": "East"})
    with acting_as(tenant.system):
        await update_record("custom_field", fields["region"], {"entity": "Account"})
        assert await kept(tenant) == set()
        await update_record("account", account, {"custom": {"region": "South"}})
        assert await kept(tenant) == {("Account", "region", account, "South", None)}


async def test_statements_stay_constant(tenant: SomeTenant) -> None:
    await define(tenant, indexed=True)

    async def create(count: int) -> int:
        with acting_as(tenant.system), watch_statements() as seen:
            async with writing("create") as journal:
                drafts = [{"name": f"{number}", "custom": {"budget": number}} for number in range(count)]
                await create_records(entity("Lead"), drafts, journal=journal)
        return len(seen)

    assert await create(1) == await create(200)
    assert len(await kept(tenant)) == 201


async def test_switching_on_while_others_write_misses_nothing(tenant: SomeTenant) -> None:
    fields = await define(tenant)

    async def write(number: int) -> None:
        with acting_as(tenant.system):
            await create_record("lead", {"name": "Li", "custom": {"budget": number}})

    async def switch(on: bool) -> None:
        with acting_as(tenant.system):
            await update_record("custom_field", fields["budget"], {"indexed": on})

    for attempt in range(5):
        await switch(False)
        await asyncio.gather(write(attempt), write(attempt), switch(True), write(attempt), write(attempt))
        assert len(await kept(tenant)) == (attempt + 1) * 4


async def test_no_other_tenants_values_are_touched(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    await define(tenant, indexed=True)
    await tenant.create("Lead", name="Li", custom={"region": "华东"})
    fields = await define(other_tenant)
    before = await kept(tenant)
    with acting_as(other_tenant.system):
        await update_record("custom_field", fields["region"], {"indexed": True})
    assert await kept(other_tenant) == set()
    assert await kept(tenant) == before
    assert len(before) == 1


NUMBERS = st.one_of(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)).map(str)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(one=st.one_of(NUMBERS, st.text(max_size=8)), other=NUMBERS)
async def test_number_keys_order_as_numbers_do(database: DatabaseConfig, one: str, other: str) -> None:
    connection = await asyncpg.connect(**database.connect_arguments())
    try:
        row = await connection.fetchrow(
            "SELECT a, b, evenhand_number_key(a) AS ka, evenhand_number_key(b) AS kb "
            "FROM (SELECT evenhand_number($1) AS a, evenhand_number($2) AS b) AS numbers",
            one.replace("\x00", ""),
            other,
        )
    finally:
        await connection.close()
    if row["a"] is not None:
        assert (row["a"] <= row["b"]) <= (row["ka"] <= row["kb"])
        assert (row["a"] >= row["b"]) <= (row["ka"] >= row["kb"])
