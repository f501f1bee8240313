"""Plugins in the API: what is installed, and how the tenant has it."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import Info

from evenhand.auth.permissions import Operation, may
from evenhand.db.session import reading
from evenhand.entities import Tenant
from evenhand.errors import Problem
from evenhand.plugins.overview import PluginCondition, PluginView, plugin_views
from evenhand.plugins.presentation import settings_schema
from evenhand.plugins.problems import language_of
from evenhand.tenancy.context import current_tenant
from evenhand_schema.context import place, request_of
from evenhand_schema.contributions import Contribution
from evenhand_schema.names import camel
from evenhand_schema.scalars import JSON

Language = Annotated[
    str | None, strawberry.argument(description='"en" or "zh"; by default the language of the tenant.')
]

State: Any = strawberry.enum(PluginCondition, name="PluginState", description="What a plugin does for the tenant now.")


@strawberry.type(description="A secret setting; its value is never told.")
class PluginSecret:
    name: str = strawberry.field(description="The setting's name.")
    is_set: bool = strawberry.field(description="Whether it has a value.")


@strawberry.type(description="One thing that is wrong with stored settings.")
class PluginProblem:
    field: str = strawberry.field(description="Where: names of settings, joined by dots.")
    code: str = strawberry.field(description="What is wrong, a stable word for programs.")
    message: str = strawberry.field(description="What is wrong, for people, in the tenant's language.")
    hint: str = strawberry.field(description="How to mend it.")


@strawberry.type(description="What a plugin adds.")
class PluginAdditions:
    hooks: list[str] = strawberry.field(description="Hooks that it implements.")
    events: list[str] = strawberry.field(description="Types of events that it is told of.")
    jobs: list[str] = strawberry.field(description="Kinds of jobs that it brings.")
    fields: list[str] = strawberry.field(description='Fields of entities, such as "Lead.assignment".')
    queries: list[str] = strawberry.field(description="Fields of Query.")
    mutations: list[str] = strawberry.field(description="Fields of Mutation.")


def _words(of: str) -> Any:
    def resolve(root: Any, language: Language = None) -> str:
        text: str = root.view.words(of, language_of(language or root.locale))
        return text

    return resolve


def _schema(root: Any, language: Language = None) -> JSON | None:
    manifest = root.view.manifest
    if not root.admin or manifest is None:
        return None
    found = settings_schema(manifest, language or root.locale)
    return None if found is None else JSON(found)


@strawberry.type(description="A plugin as the tenant has it.")
class Plugin:
    view: strawberry.Private[PluginView]
    locale: strawberry.Private[str]
    admin: strawberry.Private[bool]
    slug: str = strawberry.field(description="Its name everywhere.")
    title: JSON = strawberry.field(description="What people read, by language.")
    description: JSON = strawberry.field(description="What it does, by language.")
    display_title: str = strawberry.field(resolver=_words("title"), description="What people read.")
    display_description: str = strawberry.field(resolver=_words("description"), description="What it does.")
    permissions: list[str] = strawberry.field(description="What it does with the tenant's data.")
    distribution: str = strawberry.field(description='The package it came from; "" when it is not known.')
    release: str = strawberry.field(description='The version of that package; "" when it is not known.')
    state: State = strawberry.field(description="What it does for the tenant now.")
    suspended_at: datetime | None = strawberry.field(
        description="Since when it is not called because it failed too often; `problem` says why."
    )
    problem: str | None = strawberry.field(description="Why it does nothing, or not all it should; null when it does.")
    enabled: bool = strawberry.field(description="Whether the tenant uses it.")
    position: int = strawberry.field(description="Place in the tenant's order: asked first, lowest first.")
    version: int | None = strawberry.field(
        description="Counts changes of what the tenant set; send it with a change to be told of other changes. "
        "Null when nothing was ever set."
    )
    settings: JSON | None = strawberry.field(
        description="Its settings without secrets, at `settingsVersion`; null for everybody but admins."
    )
    settings_version: int | None = strawberry.field(
        description="The version of settings that the installed plugin knows; null when it cannot be used."
    )
    settings_schema: JSON | None = strawberry.field(
        resolver=_schema,
        description="The JSON Schema (draft 2020-12) of its settings, with titles and help; null when it has none, "
        "and for everybody but admins.",
    )
    settings_problems: list[PluginProblem] = strawberry.field(
        description="What is wrong with the stored settings; it is not called until they are mended. Empty for "
        "everybody but admins."
    )
    secrets: list[PluginSecret] = strawberry.field(
        description="Its secret settings, and whether they are set; empty for everybody but admins."
    )
    additions: PluginAdditions = strawberry.field(description="What it adds.")
    failure: str | None = strawberry.field(description="Why it cannot be used by anybody; null when it can.")


async def list_plugins(info: Info) -> list[Plugin]:
    """All plugins beside us, usable or not; first in the tenant's order."""
    context = request_of(info)

    async def load(keys: list[Any]) -> Sequence[list[Plugin]]:
        async with reading():
            tenant = await Tenant.get(id=current_tenant())
        shown = [_shown(info, view, tenant.locale) for view in await plugin_views()]
        return [shown] * len(keys)

    found: list[Plugin] = await context.loader(("plugins", place(info)), load).load("all")
    return found


async def find_plugin(info: Info, slug: str) -> Plugin | None:
    """The plugin of this name, usable or not; None when there is none."""
    return next((plugin for plugin in await list_plugins(info) if plugin.slug == slug), None)


def _shown(info: Info, view: PluginView, locale: str) -> Plugin:
    context = request_of(info)
    admin = may(context.actor, Operation.CONFIGURE, "TenantPlugin")
    manifest, read = view.manifest, view.read
    left_out = context.contributions.failures.get(view.slug)
    broken = view.problem if view.state is PluginCondition.BROKEN else None
    stored = view.version is not None and read is not None and admin
    return Plugin(
        view=view,
        locale=locale,
        admin=admin,
        slug=view.slug,
        title=JSON(manifest.title if manifest else {}),
        description=JSON(manifest.description if manifest else {}),
        permissions=list(manifest.permissions) if manifest else [],
        distribution=view.distribution,
        release=view.release,
        state=view.state,
        suspended_at=view.suspended_at,
        problem=view.problem or (left_out and f"Its part of the API is left out: {left_out}"),
        enabled=view.enabled,
        position=view.position,
        version=view.version,
        settings=JSON(dict(read.data)) if stored and read is not None else None,
        settings_version=manifest.settings_version if manifest and manifest.settings else None,
        settings_problems=[_problem(one) for one in read.problems] if stored and read is not None else [],
        secrets=[PluginSecret(name=name, is_set=given) for name, given in view.secrets.items()] if admin else [],
        additions=_additions(info, view),
        failure=broken or left_out,
    )


def _problem(problem: Problem) -> PluginProblem:
    return PluginProblem(field=problem.field, code=problem.code, message=problem.message, hint=problem.hint)


def _additions(info: Info, view: PluginView) -> PluginAdditions:
    contribution = request_of(info).contributions.by_slug.get(view.slug, Contribution())
    name = camel(view.slug)
    return PluginAdditions(
        hooks=list(view.hooks),
        events=sorted(view.manifest.events) if view.manifest else [],
        jobs=sorted(job.kind for job in view.manifest.jobs) if view.manifest else [],
        fields=sorted(f"{entity}.{name}" for entity in contribution.fields),
        queries=sorted(query.name for query in contribution.queries),
        mutations=sorted(one.name for one in contribution.mutations),
    )
