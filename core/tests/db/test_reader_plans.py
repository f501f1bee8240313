"""Readers keep their statements, and with them the plans."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from evenhand.db import readers
from evenhand.db.config import DatabaseConfig
from evenhand.testing import SomeTenant

ONE = "SELECT json_build_object('number', {}, 'users', count(*)) FROM users WHERE tenant_id = $1"
KEPT = (
    "SELECT coalesce(json_agg(json_build_object('sql', statement, 'generic', generic_plans, 'custom', custom_plans)), "
    "'[]') FROM pg_prepared_statements WHERE statement LIKE '%''number''%' AND statement NOT LIKE '%pg_prepared%'"
)


@asynccontextmanager
async def one_reader(config: DatabaseConfig) -> AsyncIterator[readers.Readers]:
    found = readers.Readers(config, 1)
    try:
        yield found
    finally:
        await found.close()


async def kept(reader: readers.Readers, tenant: SomeTenant) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(await reader.fetch(tenant.id, KEPT, []))
    return found


async def test_a_statement_is_planned_once_for_all_tenants(
    database: DatabaseConfig, tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    async with one_reader(database) as reader:
        for asking in (tenant, tenant, other_tenant, tenant):
            answer = orjson.loads(await reader.fetch(asking.id, ONE.format(1), [asking.id]))
            assert answer["users"] == len(asking.users)
        (statement,) = await kept(reader, tenant)
    assert (statement["generic"], statement["custom"]) == (4, 0)


async def test_statements_used_longest_ago_give_way(
    database: DatabaseConfig, tenant: SomeTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "KEPT_STATEMENTS", 3)
    async with one_reader(database) as reader:
        for number in (1, 2, 1, 3, 4, 5):
            await reader.fetch(tenant.id, ONE.format(number), [tenant.id])
        found = {statement["sql"] for statement in await kept(reader, tenant)}
    # The look itself is a statement too, and put out the oldest of the last three.
    assert found == {ONE.format(4), ONE.format(5)}
