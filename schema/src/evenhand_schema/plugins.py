"""Plugins in the API: the list of them, and what they contribute."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_type_hints

import strawberry
from strawberry import Info
from strawberry.types.field import StrawberryField

from evenhand.auth.permissions import Operation, may
from evenhand.db.session import reading
from evenhand.plugins.contract import TenantContext
from evenhand.plugins.host import current_host
from evenhand.plugins.models import TenantPlugin
from evenhand_schema.context import RequestContext, place, request_of
from evenhand_schema.contributions import EntityField, RootField
from evenhand_schema.errors import PluginDisabled
from evenhand_schema.names import camel
from evenhand_schema.reads.marks import PluginField, marked
from evenhand_schema.resolvers import with_arguments
from evenhand_schema.scalars import JSON


@strawberry.type(description="A plugin as the tenant has it.")
class Plugin:
    slug: str = strawberry.field(description="Its name everywhere.")
    title: JSON = strawberry.field(description="What people read, by language.")
    description: JSON = strawberry.field(description="What it does, by language.")
    permissions: list[str] = strawberry.field(description="What it does with the tenant's data.")
    enabled: bool = strawberry.field(description="Whether the tenant uses it.")
    position: int = strawberry.field(description="Place in the tenant's order: asked first, lowest first.")
    settings: JSON | None = strawberry.field(description="Its settings; null for everybody but admins.")
    failure: str | None = strawberry.field(description="Why it cannot be used; null when it can.")


async def list_plugins(info: Info) -> list[Plugin]:
    """All plugins beside us, usable or not; first in the tenant's order."""
    context = request_of(info)

    async def load(keys: list[Any]) -> Sequence[list[Plugin]]:
        async with reading():
            rows = {row.slug: row for row in await TenantPlugin.filter(archived_at=None)}
        return [_plugins(context, rows)] * len(keys)

    found: list[Plugin] = await context.loader(("plugins", place(info)), load).load("all")
    return found


def _plugins(context: RequestContext, rows: dict[str, TenantPlugin]) -> list[Plugin]:
    host = current_host()
    settings = may(context.actor, Operation.CONFIGURE, "TenantPlugin")
    found = []
    for slug in {**host.manifests, **host.failures}:
        manifest, row = host.manifests.get(slug), rows.get(slug)
        found.append(
            Plugin(
                slug=slug,
                title=JSON(manifest.title if manifest else {}),
                description=JSON(manifest.description if manifest else {}),
                permissions=list(manifest.permissions) if manifest else [],
                enabled=row is not None and row.enabled and manifest is not None,
                position=row.position if row else 0,
                settings=JSON(row.settings) if row and settings else None,
                failure=host.failures.get(slug) or context.graphql_failures.get(slug),
            )
        )
    return sorted(found, key=lambda plugin: (plugin.position, plugin.slug))


def entity_field(slug: str, contributed: EntityField) -> StrawberryField:
    """The plugin's field on an entity: null while the plugin is disabled."""

    async def resolve(root: Any, info: Info) -> Any:
        context = request_of(info)
        ctx, enabled = await context.plugins()
        plugin = enabled.get(slug)
        if plugin is None:
            return None

        async def load(keys: list[Any]) -> list[Any]:
            records = [dict(zip(("id", *contributed.needs), key, strict=True)) for key in keys]
            asked = records if contributed.needs else [record["id"] for record in records]
            found = await contributed.load(replace(ctx, settings=plugin.settings), asked)
            return [found.get(record["id"]) for record in records]

        key = (root.id, *(getattr(root, name) for name in contributed.needs))
        return await context.loader(("plugin", slug, place(info)), load).load(key)

    with_arguments(resolve, {}, returns=contributed.type | None, root=True)
    field: StrawberryField = strawberry.field(
        resolver=resolve,
        description=contributed.description,
        name=camel(slug),
        metadata=marked(PluginField(contributed.needs)),
    )
    field.python_name = field.name = slug
    return field


def plugin_query(slug: str, contributed: RootField) -> Any:
    """The plugin's field of `Query`: an error while the plugin is disabled."""
    hints = get_type_hints(contributed.resolver, include_extras=True)
    signature = inspect.signature(contributed.resolver)
    names = list(signature.parameters)[1:]

    async def resolve(info: Info, **arguments: Any) -> Any:
        context = request_of(info)
        ctx, enabled = await context.plugins()
        plugin = enabled.get(slug)
        if plugin is None:
            raise PluginDisabled(
                f"The plugin '{slug}' is not enabled here.",
                hint=f'An admin can enable it: setPlugin(slug: "{slug}", enabled: true).',
            )
        return await context.reads.run(_call(contributed.resolver, replace(ctx, settings=plugin.settings), arguments))

    arguments = {name: (hints[name], signature.parameters[name].default) for name in names}
    with_arguments(resolve, arguments, returns=hints["return"])
    return strawberry.field(resolver=resolve, description=contributed.description, name=contributed.name)


def _call(resolver: Callable[..., Any], ctx: TenantContext, arguments: dict[str, Any]) -> Callable[[], Any]:
    async def work() -> Any:
        return await resolver(ctx, **arguments)

    return work
