"""`setPlugin`: enable, disable and configure plugins."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import Info

from evenhand.actions.plugins import set_plugin
from evenhand.auth.permissions import Operation, require
from evenhand.errors import InvalidInput, Problem
from evenhand_schema.context import request_of
from evenhand_schema.mutations.arguments import REQUIRED, mutation, result
from evenhand_schema.plugins import Plugin, list_plugins
from evenhand_schema.scalars import JSON


async def _set_plugin(info: Info, slug: str, enabled: bool | None, settings: Any, position: int | None) -> Plugin:
    context = request_of(info)
    require(context.actor, Operation.READ, "TenantPlugin")
    if settings is not None and not isinstance(settings, dict):
        message = "settings: is not an object."
        raise InvalidInput([Problem("settings", "WRONG_TYPE", message, "Give all settings as one object.")])
    await context.renew()
    await set_plugin(slug, enabled=enabled, settings=settings, position=position)
    return next(plugin for plugin in await list_plugins(info) if plugin.slug == slug)


def _described(kind: Any, text: str) -> Any:
    return Annotated[kind, strawberry.argument(description=text)]


def plugin_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    return {
        "set_plugin": mutation(
            _set_plugin,
            {
                "slug": (_described(str, "The plugin."), REQUIRED),
                "enabled": (_described(bool | None, "Whether the tenant uses it."), None),
                "settings": (_described(JSON | None, "All its settings; they replace the old ones."), None),
                "position": (_described(int | None, "Place in the tenant's order, lowest first."), None),
            },
            result("SetPlugin", Plugin, description="The plugin as it is now, or why nothing was changed."),
            "Enable, disable, configure or move a plugin; admins only.",
        )
    }
