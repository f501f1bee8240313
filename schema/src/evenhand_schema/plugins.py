"""What plugins contribute, as fields of the schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_type_hints

import strawberry
from strawberry import Info
from strawberry.types.field import StrawberryField

from evenhand.auth.permissions import PermissionDenied
from evenhand.db.session import transaction
from evenhand.plugins.contract import TenantContext
from evenhand.plugins.snapshot import EnabledPlugin
from evenhand.tenancy.context import Scope, current_tenant
from evenhand_schema.context import RequestContext, place, request_of
from evenhand_schema.contributions import EntityField, RootField, RootMutation, TableField
from evenhand_schema.declare import Part
from evenhand_schema.errors import PluginDisabled
from evenhand_schema.names import camel
from evenhand_schema.reads.marks import PluginField, PluginTableField, marked, plugin_is_on
from evenhand_schema.reads.session import fetch
from evenhand_schema.resolvers import part_resolver, with_arguments


def entity_field(slug: str, contributed: EntityField | TableField) -> StrawberryField:
    """The plugin's field on an entity: null while the plugin is disabled."""
    made = _table_field(slug, contributed) if isinstance(contributed, TableField) else _loaded_field(slug, contributed)
    made.python_name = made.name = slug
    return made


def _loaded_field(slug: str, contributed: EntityField) -> StrawberryField:
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
    return field


def _table_field(slug: str, contributed: TableField) -> StrawberryField:
    target = contributed.type.__name__
    part = part_resolver(Part(target, contributed.description))

    async def resolve(root: Any, info: Info) -> Any:
        return await part(root, info) if await plugin_on(request_of(info), slug) else None

    with_arguments(resolve, {}, returns=contributed.type | None, root=True)
    field: StrawberryField = strawberry.field(
        resolver=resolve,
        description=contributed.description,
        name=camel(slug),
        metadata=marked(PluginTableField(slug, target)),
    )
    return field


async def plugin_on(context: RequestContext, slug: str) -> bool:
    """Whether the tenant uses a plugin, as compiled reads see it; asked once per operation."""

    async def load(keys: list[Any]) -> list[bool]:
        rows = await fetch(f"SELECT {plugin_is_on(slug)} AS is_on", [current_tenant()])
        return [rows[0]["is_on"]] * len(keys)

    found: bool = await context.loader(("plugin is on", slug), load).load(slug)
    return found


def _disabled(slug: str) -> PluginDisabled:
    return PluginDisabled(
        f"The plugin '{slug}' is not enabled here.", hint=f'An admin can enable it: enablePlugin(slug: "{slug}").'
    )


async def require_plugin(context: RequestContext, slug: str) -> None:
    """Raise `PluginDisabled` unless the tenant uses the plugin."""
    if not await plugin_on(context, slug):
        raise _disabled(slug)


async def _asked(context: RequestContext, slug: str) -> tuple[TenantContext, EnabledPlugin]:
    ctx, enabled = await context.plugins()
    if slug not in enabled:
        raise _disabled(slug)
    return replace(ctx, settings=enabled[slug].settings), enabled[slug]


def plugin_query(slug: str, contributed: RootField) -> Any:
    """The plugin's field of `Query`: an error while the plugin is disabled."""

    async def resolve(info: Info, **arguments: Any) -> Any:
        context = request_of(info)
        ctx, _ = await _asked(context, slug)
        return await context.reads.run(_call(contributed.resolver, ctx, arguments))

    arguments, returns = signature_of(contributed.resolver)
    with_arguments(resolve, arguments, returns=returns)
    return strawberry.field(resolver=resolve, description=contributed.description, name=contributed.name)


def mutation_resolver(slug: str, contributed: RootMutation) -> Callable[..., Any]:
    """The plugin's field of `Mutation`: one transaction, and none of it stays when it raises."""

    async def resolve(info: Info, **arguments: Any) -> Any:
        context = request_of(info)
        actor = context.actor
        if Scope.WRITE not in actor.scopes or actor.role not in contributed.roles:
            raise PermissionDenied(
                f"A {actor.role.value} with this key may not call {contributed.name}.",
                hint="Ask an admin for a role or a key that allows it.",
            )
        ctx, _ = await _asked(context, slug)
        await context.renew()
        async with transaction():
            return await contributed.resolver(ctx, **arguments)

    return resolve


def signature_of(resolver: Callable[..., Any]) -> tuple[dict[str, tuple[Any, Any]], Any]:
    """The arguments of a plugin's resolver behind the context, and what it returns."""
    hints = get_type_hints(resolver, include_extras=True)
    signature = inspect.signature(resolver)
    names = list(signature.parameters)[1:]
    return {name: (hints[name], signature.parameters[name].default) for name in names}, hints["return"]


def _call(resolver: Callable[..., Any], ctx: TenantContext, arguments: dict[str, Any]) -> Callable[[], Any]:
    async def work() -> Any:
        return await resolver(ctx, **arguments)

    return work
