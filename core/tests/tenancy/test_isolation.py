"""Every tenant table, through the ORM and through SQL: neither tenant sees or changes the other's rows."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import DoesNotExist

from evenhand.db.config import APP_ROLE, DatabaseConfig
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.entities import Account, Tenant
from evenhand.tenancy.context import TenantMismatch, TenantRequired, acting_as
from evenhand.tenancy.models import TenantModel
from evenhand.testing import SomeTenant
from evenhand.testing.rows import insert_some_row, tenant_models

MINIMUM_OF_TABLES = 35


def table(model: type[TenantModel]) -> str:
    return f'"{model._meta.db_table}"'


async def test_there_are_tables_to_walk(database: DatabaseConfig) -> None:
    assert len(tenant_models()) >= MINIMUM_OF_TABLES


async def test_orm_hides_other_tenants_rows(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    for model in tenant_models():
        with acting_as(tenant.system):
            async with transaction() as client:
                record_id = await insert_some_row(client, model)
        with acting_as(other_tenant.system):
            async with transaction():
                assert await model.filter(id=record_id).count() == 0, model
                assert await model.get_or_none(id=record_id) is None, model
                with pytest.raises(DoesNotExist):
                    await model.get(id=record_id)
                assert record_id not in await model.all().values_list("id", flat=True), model
        with acting_as(tenant.system):
            async with reading():
                assert await model.filter(id=record_id).count() == 1, model


async def test_orm_refuses_to_save_or_delete_a_row_of_another_tenant(
    tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    for model in tenant_models():
        with acting_as(tenant.system):
            async with transaction() as client:
                record = await model.get(id=await insert_some_row(client, model))
        with acting_as(other_tenant.system):
            async with transaction():
                with pytest.raises(TenantMismatch):
                    await record.save()
                with pytest.raises(TenantMismatch):
                    await record.delete()
                if not model.append_only:
                    assert await model.filter(id=record.id).delete() == 0, model


async def test_orm_raises_without_a_tenant(database: DatabaseConfig) -> None:
    for model in tenant_models():
        for query in (model.all, model.filter, model.first, lambda model=model: model.get(id=None)):
            with pytest.raises(TenantRequired):
                query()


async def test_sql_under_the_application_role_sees_and_changes_nothing(
    tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    for model in tenant_models():
        with acting_as(tenant.system):
            async with transaction() as client:
                record_id = await insert_some_row(client, model)
        with acting_as(other_tenant.system):
            async with transaction() as client:
                connection = raw_connection(client)
                assert await connection.fetchval("SELECT current_user") == APP_ROLE
                seen = await connection.fetchval(f"SELECT count(*) FROM {table(model)} WHERE id = $1", record_id)
                assert seen == 0, model
                for statement in (
                    f"UPDATE {table(model)} SET id = id WHERE id = '{record_id}'",
                    f"DELETE FROM {table(model)} WHERE id = '{record_id}'",
                ):
                    assert await _affected(connection, statement) == (None if model.append_only else 0), statement
        with acting_as(tenant.system):
            async with reading():
                assert await model.exists(id=record_id), model


async def _affected(connection: asyncpg.Connection, statement: str) -> int | None:
    """How many rows a statement touched; None when the role may not even try."""
    try:
        async with connection.transaction():
            status: str = await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return None
    return int(status.rpartition(" ")[2])


async def test_sql_cannot_insert_a_row_for_another_tenant(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    for model in tenant_models():
        with acting_as(other_tenant.system):
            async with transaction() as client:
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                    async with raw_connection(client).transaction():
                        await insert_some_row(client, model, tenant_id=tenant.id)


async def test_sql_without_a_tenant_sees_nothing(tenant: SomeTenant, database: DatabaseConfig) -> None:
    with acting_as(tenant.system):
        async with transaction() as client:
            await insert_some_row(client, Account)
    connection = await asyncpg.connect(**database.connect_arguments(), server_settings={"role": APP_ROLE})
    try:
        for model in tenant_models():
            assert await connection.fetchval(f"SELECT count(*) FROM {table(model)}") == 0
        assert await connection.fetchval("SELECT count(*) FROM tenants") == 0
    finally:
        await connection.close()


async def test_a_reference_to_another_tenants_row_is_refused(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    tried = 0
    for model in tenant_models():
        for name in sorted(model._meta.fk_fields):
            field: Any = model._meta.fields_map[name]
            with acting_as(tenant.system):
                async with transaction() as client:
                    foreign = await insert_some_row(client, field.related_model)
            given: dict[str, Any] = {field.source_field: foreign}
            if field.source_field == "owner_id" and "pool_id" in model._meta.fields_map:
                given["pool_id"] = None
            with acting_as(other_tenant.system):
                async with transaction() as client:
                    with pytest.raises(asyncpg.ForeignKeyViolationError):
                        async with raw_connection(client).transaction():
                            await insert_some_row(client, model, **given)
            tried += 1
    assert tried > MINIMUM_OF_TABLES


async def test_a_tenant_sees_only_itself(tenant: SomeTenant, other_tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with reading():
            assert [found.id for found in await Tenant.all()] == [tenant.id]


async def test_every_table_is_keyed_and_secured_by_tenant(database: DatabaseConfig) -> None:
    connection = await asyncpg.connect(**database.connect_arguments())
    try:
        for model in tenant_models():
            name = model._meta.db_table
            secured = await connection.fetchrow(
                "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = $1", name
            )
            assert tuple(secured) == (True, True), name
            indices = await connection.fetch(
                "SELECT i.indisprimary, array_agg(a.attname::text ORDER BY k.ord) AS columns FROM pg_index i "
                "JOIN pg_class c ON c.oid = i.indrelid "
                "CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k(attnum, ord) "
                "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum "
                "WHERE c.relname = $1 GROUP BY i.indexrelid, i.indisprimary",
                name,
            )
            assert [row["columns"] for row in indices if row["indisprimary"]] == [["tenant_id", "id"]], name
            assert all(row["columns"][0] == "tenant_id" for row in indices), (name, indices)
    finally:
        await connection.close()


async def test_a_transaction_of_another_tenant_inside_one_is_refused(
    tenant: SomeTenant, other_tenant: SomeTenant
) -> None:
    with acting_as(tenant.system):
        async with transaction():
            with acting_as(other_tenant.system), pytest.raises(TenantMismatch):
                async with transaction():
                    pass


async def test_reading_refuses_writes(tenant: SomeTenant) -> None:
    with acting_as(tenant.system):
        async with reading() as client:
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await insert_some_row(client, Account)
