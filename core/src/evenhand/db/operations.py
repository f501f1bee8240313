"""Migration operations that turn a plain table into a tenant's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.migrations.operations import TortoiseOperation
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.models import Model

from evenhand.db.config import APP_ROLE

TENANT_SETTING = "nullif(current_setting('app.tenant', true), '')::uuid"
"""The current tenant inside PostgreSQL; after its first use the setting is '', not null."""


def scope_statements(model: type[Model], *, append_only: bool) -> list[str]:
    """The SQL that gives the table of a `TenantModel` its key, references, row level security and rights.

    Derived from the model's fields: primary key `(tenant_id, id)`, a foreign key `(tenant_id, x_id)` and an
    index for every reference, a policy on `app.tenant`, and the application role's rights (no update or
    delete when `append_only`).
    """
    table = model._meta.db_table
    statements = [
        f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey"',
        f'ALTER TABLE "{table}" ADD PRIMARY KEY (tenant_id, id)',
        f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_tenant_fk" FOREIGN KEY (tenant_id) REFERENCES tenants (id)',
    ]
    for name in sorted(model._meta.fk_fields):
        field = cast(ForeignKeyFieldInstance[Model], model._meta.fields_map[name])
        column = str(field.source_field)
        target = field.related_model._meta.db_table
        statements += [
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_{column}_fk" '
            f'FOREIGN KEY (tenant_id, "{column}") REFERENCES "{target}" (tenant_id, id)',
            f'CREATE INDEX "{table}_{column}_idx" ON "{table}" (tenant_id, "{column}")',
        ]
    rights = "SELECT, INSERT" if append_only else "SELECT, INSERT, UPDATE, DELETE"
    return [
        *statements,
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY tenant_only ON "{table}" USING (tenant_id = {TENANT_SETTING}) '
        f"WITH CHECK (tenant_id = {TENANT_SETTING})",
        f'GRANT {rights} ON "{table}" TO {APP_ROLE}',
    ]


def unscope_statements(model: type[Model]) -> list[str]:
    """Take back what `scope_statements` did, so that the table can be changed or dropped."""
    table = model._meta.db_table
    statements = [
        f'REVOKE ALL ON "{table}" FROM {APP_ROLE}',
        f'DROP POLICY tenant_only ON "{table}"',
        f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
    ]
    for name in sorted(model._meta.fk_fields):
        column = str(cast(ForeignKeyFieldInstance[Model], model._meta.fields_map[name]).source_field)
        statements += [
            f'DROP INDEX "{table}_{column}_idx"',
            f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_{column}_fk"',
        ]
    return [
        *statements,
        f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_tenant_fk"',
        # Other tables' references to this key go with it; theirs are taken back first or with them.
        f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey" CASCADE',
        f'ALTER TABLE "{table}" ADD PRIMARY KEY (id)',
    ]


class ScopeTables(TortoiseOperation):
    """Make the tables of these models a tenant's tables.

    Args:
        models: names of models of this app whose tables exist; order does not matter.
        append_only: those of them that the application may only insert into and read.
    """

    def __init__(self, models: Sequence[str], append_only: Sequence[str] = ()) -> None:
        self.models = tuple(models)
        self.append_only = frozenset(append_only)

    def describe(self) -> str:
        return f"Scope {len(self.models)} tables by tenant"

    async def _run(self, state_editor: BaseSchemaEditor | None, statements: Sequence[str]) -> None:
        if state_editor is not None:
            for statement in statements:
                await state_editor._run_sql(statement)

    async def database_forward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        per_model = [
            scope_statements(new_state.apps.get_model(app_label, name), append_only=name in self.append_only)
            for name in self.models
        ]
        # All primary keys first: references point at them.
        keys = [statement for statements in per_model for statement in statements[:2]]
        rest = [statement for statements in per_model for statement in statements[2:]]
        await self._run(state_editor, [*keys, *rest])

    async def database_backward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        per_model = [unscope_statements(old_state.apps.get_model(app_label, name)) for name in self.models]
        # References go before the keys that they point at.
        rest = [statement for statements in per_model for statement in statements[:-2]]
        keys = [statement for statements in per_model for statement in statements[-2:]]
        await self._run(state_editor, [*rest, *keys])


class RunSQL(TortoiseOperation):
    """Run SQL that no other operation expresses (checks, functions), with its way back."""

    def __init__(self, forward: Sequence[str], backward: Sequence[str]) -> None:
        self.forward = tuple(forward)
        self.backward = tuple(backward)

    def describe(self) -> str:
        return f"Run {len(self.forward)} SQL statements"

    async def database_forward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        if state_editor is not None:
            for statement in self.forward:
                await state_editor._run_sql(statement)

    async def database_backward(
        self, app_label: str, old_state: State, new_state: State, state_editor: BaseSchemaEditor | None = None
    ) -> None:
        if state_editor is not None:
            for statement in self.backward:
                await state_editor._run_sql(statement)


def require_one_holder(table: str) -> RunSQL:
    """A check that every row is held by exactly one owner or one pool."""
    return RunSQL(
        [f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_one_holder" CHECK (num_nonnulls(owner_id, pool_id) = 1)'],
        [f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_one_holder"'],
    )


__all__ = ["TENANT_SETTING", "RunSQL", "ScopeTables", "require_one_holder"]
