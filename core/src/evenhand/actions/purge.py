"""Remove all that a plugin keeps for the current tenant, when an admin asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.fields.relational import ForeignKeyFieldInstance

from evenhand.actions.journal import writing
from evenhand.actions.plugins import ENTITY, lock_row, usable_plugin
from evenhand.auth.permissions import Operation, require
from evenhand.db.config import APP_ROLE
from evenhand.db.session import raw_connection, reading
from evenhand.errors import EvenhandError
from evenhand.plugins.checks import models_in
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import current_actor, current_tenant
from evenhand.tenancy.models import TenantModel


class PluginStillEnabled(EvenhandError):
    """What an enabled plugin keeps is not removed under its feet."""

    code = "PLUGIN_STILL_ENABLED"


# Rows of the core that exist for the plugin alone; what it decided or did stays in the ledger, the audit and jobs.
_CORE = (
    ("event_deliveries", "subscriber_id IN (SELECT id FROM event_subscribers WHERE tenant_id = $1 AND {subscriber})"),
    ("event_subscribers", "{subscriber}"),
    ("schedules", "starts_with(kind, $2 || '.')"),
    ("tenant_plugins", "slug = $2"),
)
_SUBSCRIBER = "kind = 'plugin' AND name = $2"


async def plugin_rows(slug: str) -> dict[str, int]:
    """How many rows `purge_plugin` would remove, by table; tables without any are left out.

    Raises:
        PluginNotInstalled: its tables are not known without it. PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    manifest = usable_plugin(slug)
    counted: dict[str, int] = {}
    async with reading() as client:
        connection = raw_connection(client)
        for table, condition in _statements(manifest):
            text = f'SELECT count(*) FROM "{table}" WHERE tenant_id = $1 AND {condition}'
            counted[table] = await connection.fetchval(text, *_values(condition, slug))
    return {table: count for table, count in counted.items() if count}


async def purge_plugin(slug: str) -> dict[str, int]:
    """Remove the plugin's rows of the tenant, its settings and secrets, its subscription and its schedules.

    All in one transaction. Other tenants keep theirs, and so do the ledger, the audit and finished jobs.

    Returns: how many rows were removed, by table; tables without any are left out.

    Raises:
        PluginNotInstalled: its tables are not known without it. PluginStillEnabled; PermissionDenied.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    manifest = usable_plugin(slug)
    removed: dict[str, int] = {}
    async with writing("purge_plugin") as journal:
        # The row is there to be locked, so that nobody enables the plugin meanwhile.
        row, created = await lock_row(manifest, journal)
        if row.enabled:
            raise PluginStillEnabled(
                f"Plugin {slug} is enabled.", hint=f"Disable it first: evenhand plugin disable {slug}"
            )
        for table, condition in _statements(manifest):
            removed[table] = await _delete(journal.client, manifest, slug, table, condition)
        if created:
            removed["tenant_plugins"] -= 1
        found = {table: count for table, count in removed.items() if count}
        if found:
            journal.record(ENTITY, row.id, before={"slug": slug, "settings": row.settings}, after={"removed": found})
    return found


def plugin_models(manifest: PluginManifest) -> list[type[TenantModel]]:
    """The models of the plugin's tables that hold tenants' rows, those that refer to others first."""
    if manifest.models is None:
        return []
    left = [one for one in models_in(import_module(manifest.models), manifest.slug) if issubclass(one, TenantModel)]
    ordered: list[type[TenantModel]] = []
    while left:
        named = {target for model in left for target in _targets(model) if target is not model}
        # In a circle of references the first goes first: keys are checked at the end of a statement.
        free = [model for model in left if model not in named] or left[:1]
        ordered += free
        left = [model for model in left if model not in free]
    return ordered


def _targets(model: type[TenantModel]) -> Sequence[type]:
    fields = (model._meta.fields_map[name] for name in model._meta.fk_fields)
    return [field.related_model for field in fields if isinstance(field, ForeignKeyFieldInstance)]


def _statements(manifest: PluginManifest) -> list[tuple[str, str]]:
    """The tables and, beside the tenant, the conditions of what is removed, in this order."""
    own = [(model._meta.db_table, "TRUE") for model in plugin_models(manifest)]
    return [*own, *((table, condition.format(subscriber=_SUBSCRIBER)) for table, condition in _CORE)]


def _values(condition: str, slug: str) -> list[object]:
    return [current_tenant(), slug] if "$2" in condition else [current_tenant()]


async def _delete(client: TransactionWrapper, manifest: PluginManifest, slug: str, table: str, condition: str) -> int:
    connection = raw_connection(client)
    append_only = {model._meta.db_table for model in plugin_models(manifest) if model.append_only}
    if table in append_only:
        # The application may not delete there; the schema's owner may, under the same row level security.
        await connection.execute("SET LOCAL ROLE NONE")
    text = f'DELETE FROM "{table}" WHERE tenant_id = $1 AND {condition}'
    status: str = await connection.execute(text, *_values(condition, slug))
    if table in append_only:
        await connection.execute(f"SET LOCAL ROLE {APP_ROLE}")
    return int(status.rpartition(" ")[2])
