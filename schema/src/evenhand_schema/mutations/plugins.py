"""Plugins: enable, disable, configure and order them, and the mutations that they bring themselves."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from typing import Any

import strawberry
from strawberry import Info

from evenhand.actions.plugins import disable_plugin, enable_plugin, reorder_plugins, set_plugin, update_plugin_settings
from evenhand.auth.permissions import Operation, require
from evenhand.errors import EvenhandError, InvalidInput, Problem
from evenhand_schema.context import request_of
from evenhand_schema.contributions import Contributions
from evenhand_schema.mutations.arguments import REQUIRED, VERSION, described, mutation, result
from evenhand_schema.mutations.failures import PluginDisabled
from evenhand_schema.plugin_views import Plugin, find_plugin, list_plugins
from evenhand_schema.plugins import mutation_resolver, signature_of
from evenhand_schema.scalars import JSON

_SLUG = described(str, "The plugin's name.")
_DONE = "The plugin as it is now, or why nothing was changed."


@strawberry.type(description="The plugins in their new order.")
class PluginsReordered:
    plugins: list[Plugin] = strawberry.field(description="All plugins, first in the tenant's order.")


def _object(settings: Any) -> dict[str, Any] | None:
    if settings is not None and not isinstance(settings, dict):
        message = "settings: is not an object."
        raise InvalidInput([Problem("settings", "WRONG_TYPE", message, "Give settings by name, as one object.")])
    return settings


async def _after(info: Info, slug: str) -> Plugin:
    found = await find_plugin(info, slug)
    if found is None:
        raise EvenhandError(f"Plugin {slug} is gone.", hint="Read the list of plugins again.")
    return found


async def _begin(info: Info) -> None:
    context = request_of(info)
    require(context.actor, Operation.READ, "TenantPlugin")
    await context.renew()


async def _set_plugin(info: Info, slug: str, enabled: bool | None, settings: Any, position: int | None) -> Plugin:
    given = _object(settings)
    await _begin(info)
    await set_plugin(slug, enabled=enabled, settings=given, position=position)
    return await _after(info, slug)


async def _enable(info: Info, slug: str, settings: Any, version: int | None) -> Plugin:
    given = _object(settings)
    await _begin(info)
    await enable_plugin(slug, settings=given, version=version)
    return await _after(info, slug)


async def _disable(info: Info, slug: str, version: int | None) -> Plugin:
    await _begin(info)
    await disable_plugin(slug, version=version)
    return await _after(info, slug)


async def _update_settings(info: Info, slug: str, settings: Any, replace: bool, version: int | None) -> Plugin:
    given = _object(settings)
    await _begin(info)
    await update_plugin_settings(slug, given or {}, replace=replace, version=version)
    return await _after(info, slug)


async def _reorder(info: Info, slugs: list[str]) -> PluginsReordered:
    await _begin(info)
    await reorder_plugins(slugs)
    return PluginsReordered(plugins=await list_plugins(info))


def plugin_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    changes = described(
        JSON | None, "Changes to its settings, by name: null puts a setting back to its default, and removes a secret."
    )
    return {
        "enable_plugin": mutation(
            _enable,
            {"slug": (_SLUG, REQUIRED), "settings": (changes, None), "version": (VERSION, None)},
            result("EnablePlugin", Plugin, description=_DONE),
            "Let the tenant use a plugin, from the next request on and in every process; admins only. One that is used "
            "for the first time comes last in the tenant's order; a suspended one starts afresh.",
        ),
        "disable_plugin": mutation(
            _disable,
            {"slug": (_SLUG, REQUIRED), "version": (VERSION, None)},
            result("DisablePlugin", Plugin, description=_DONE),
            "Let the tenant do without a plugin; its settings and data stay. Admins only.",
        ),
        "update_plugin_settings": mutation(
            _update_settings,
            {
                "slug": (_SLUG, REQUIRED),
                "settings": (changes, REQUIRED),
                "replace": (
                    described(
                        bool,
                        "These are all settings: others go back to their defaults. Secrets stay until they are named.",
                    ),
                    False,
                ),
                "version": (VERSION, None),
            },
            result("UpdatePluginSettings", Plugin, description=_DONE),
            "Change the settings of a plugin, enabled or not; admins only.",
        ),
        "reorder_plugins": mutation(
            _reorder,
            {
                "slugs": (
                    described(list[str], "Who comes first, in order; the others follow as they were."),
                    REQUIRED,
                )
            },
            result("ReorderPlugins", PluginsReordered, description="The new order, or why nothing was changed."),
            "Put the tenant's plugins into an order: who is asked first; admins only.",
        ),
        "set_plugin": mutation(
            _set_plugin,
            {
                "slug": (_SLUG, REQUIRED),
                "enabled": (described(bool | None, "Whether the tenant uses it."), None),
                "settings": (described(JSON | None, "All its settings; they replace the old ones."), None),
                "position": (described(int | None, "Place in the tenant's order, lowest first."), None),
            },
            result("SetPlugin", Plugin, description=_DONE),
            "Enable, disable, configure or move a plugin in one go; admins only.",
        ),
    }


def contributed_mutations(contributions: Contributions) -> dict[str, Any]:
    """The mutations that plugins bring, by name."""
    made: dict[str, Any] = {}
    for slug, contribution in contributions.by_slug.items():
        for one in contribution.mutations:
            arguments, returns = signature_of(one.resolver)
            name = f"{one.name[0].upper()}{one.name[1:]}"
            union = result(name, returns, PluginDisabled, description="What was done, or why nothing was changed.")
            made[one.name] = mutation(mutation_resolver(slug, one), arguments, union, one.description)
    return made
