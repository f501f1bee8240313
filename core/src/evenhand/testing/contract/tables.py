"""The part of the contract about tables and migrations."""

from __future__ import annotations

import pytest

from evenhand.db.config import APP_ROLE, DatabaseConfig
from evenhand.db.develop import missing_migrations
from evenhand.db.migrate import connect, migrate
from evenhand.db.session import raw_connection, transaction
from evenhand.tenancy.context import acting_as
from evenhand.tenancy.models import TenantModel
from evenhand.testing.contract.base import ContractBase, in_session_loop
from evenhand.testing.rows import insert_some_row
from evenhand.testing.server import temporary_database
from evenhand.testing.tenants import SomeTenant

_SHAPE = """
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS item
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'policy ' || tablename || ' ' || coalesce(qual, '') FROM pg_policies
UNION ALL SELECT 'right ' || table_name || ' ' || privilege_type
FROM information_schema.role_table_grants WHERE grantee = 'evenhand_app'
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_GUARD = """
SELECT relrowsecurity AND relforcerowsecurity AS guarded,
    (SELECT array_agg(attribute.attname::text ORDER BY key.place)
     FROM pg_constraint, unnest(conkey) WITH ORDINALITY AS key (number, place)
     JOIN pg_attribute AS attribute ON attribute.attrelid = $1::regclass AND attribute.attnum = key.number
     WHERE conrelid = $1::regclass AND contype = 'p') AS key,
    (SELECT count(*) FROM pg_policies WHERE tablename = $2) AS policies,
    has_table_privilege($3, $1::regclass, 'SELECT') AS readable
FROM pg_class WHERE oid = $1::regclass
"""


async def _read(config: DatabaseConfig, statement: str) -> list[str]:
    connection = await connect(config)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


class TableContract(ContractBase):
    """What holds for the plugin's tables; skipped by plugins without tables."""

    def models(self) -> list[type[TenantModel]]:
        """The plugin's models; skips the test when it has none."""
        if self.manifest.models is None:
            pytest.skip("the plugin has no tables")
        found = self.own_models()
        assert found, f"{self.manifest.models} holds no models"
        return found

    @in_session_loop
    async def test_tables_carry_its_name_and_belong_to_tenants(self, database: DatabaseConfig) -> None:
        """`evenhand_<slug>_…`, derived from `TenantModel`."""
        prefix = f"evenhand_{self.manifest.slug}_"
        for model in self.models():
            assert model._meta.db_table.startswith(prefix), f"{model.__name__}: name its table {prefix}…"
            assert issubclass(model, TenantModel), f"{model.__name__}: derive it from evenhand.api.TenantModel"

    @in_session_loop
    async def test_tables_are_guarded(self, database: DatabaseConfig) -> None:
        """Key `(tenant_id, id)`, and row level security, also for the owner: end migrations with `ScopeTables`."""
        connection = await connect(database)
        try:
            for model in self.models():
                table = model._meta.db_table
                row = await connection.fetchrow(_GUARD, table, table, APP_ROLE)
                assert row is not None
                assert row["guarded"], f"{table} has no row level security"
                assert row["policies"], f"{table} has no policy"
                assert row["key"] == ["tenant_id", "id"], f"{table} has the key {row['key']}"
                assert row["readable"], f"{table} cannot be read by {APP_ROLE}"
        finally:
            await connection.close()

    @in_session_loop
    async def test_rows_are_hidden_from_other_tenants(self, tenant: SomeTenant, other_tenant: SomeTenant) -> None:
        """Through the models and through SQL that forgets the tenant."""
        for model in self.models():
            with acting_as(tenant.system):
                async with transaction() as client:
                    await insert_some_row(client, model)
            with acting_as(other_tenant.system):
                async with transaction() as client:
                    assert await model.all().count() == 0
                    count = f'SELECT count(*) FROM "{model._meta.db_table}"'
                    assert await raw_connection(client).fetchval(count) == 0

    @in_session_loop
    async def test_migrations_go_up_and_down_and_up(self) -> None:
        """Taking them back leaves the database as it was without the plugin; doing them again, as with it."""
        self.models()
        label = self.manifest.slug
        async with temporary_database(f"contract_{label}") as config:
            with_plugin = await _read(config, _SHAPE)
            tables = await _read(config, _TABLES)
            down = await migrate(config, targets=[(label, "__first__")])
            own = set(tables) - set(await _read(config, _TABLES))
            assert own, "the migrations make no tables"
            assert all(name.startswith(f"evenhand_{label}_") for name in own), own
            left = [item for item in await _read(config, _SHAPE) if f"evenhand_{label}_" in item]
            assert left == []
            assert await migrate(config) == down
            assert await _read(config, _SHAPE) == with_plugin

    @in_session_loop
    async def test_migrations_say_what_the_models_say(self) -> None:
        """No change of the models waits for a migration."""
        self.models()
        assert await missing_migrations(self.manifest.slug) == [], f"write one: make_migrations({self.manifest.slug!r})"
