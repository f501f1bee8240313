"""What plugins add to the GraphQL schema: a field on an entity, and root fields of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from evenhand.errors import EvenhandError
from evenhand.plugins.contract import TenantContext
from evenhand.plugins.loader import load_target
from evenhand.plugins.manifest import PluginManifest
from evenhand_schema.names import camel

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class EntityField:
    """The plugin's field on an entity, `lead { <slug> { … } }`; null while the plugin is disabled for the tenant.

    Attributes:
        type: a strawberry type.
        load: records' ids to values of that type, for all records of an answer in one call. `ctx.settings` are the
            plugin's settings. It runs in the open read-only transaction. A record may be missing: its field is null.
        description: what the field tells, for people who read the schema.
        needs: columns of the record that `load` wants to have, e.g. ("email", "created_at"). It is then called with
            mappings from "id" and these names to their values instead of ids, and needs no statement to read them.
    """

    type: type
    load: Callable[[TenantContext, Sequence[Any]], Awaitable[Mapping[UUID, Any]]]
    description: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class RootField:
    """A field of `Query`; answers the error PLUGIN_DISABLED while the plugin is disabled for the tenant.

    Attributes:
        name: the plugin's slug in camelCase, or a name that starts with it.
        resolver: `async def resolver(ctx: TenantContext, typed arguments…) -> strawberry type`, with
            annotations that can be read when the program runs. It runs in the open read-only transaction.
        description: what the field tells, for people who read the schema.
    """

    name: str
    resolver: Callable[..., Any]
    description: str


@dataclass(frozen=True)
class Contribution:
    """All that one plugin adds; the object that the manifest's `graphql` names.

    Attributes:
        fields: by entity name, e.g. {"Lead": …, "Account": …}; the field is named by the slug.
    """

    fields: Mapping[str, EntityField] = field(default_factory=dict)
    queries: Sequence[RootField] = ()


class ContributionConflict(EvenhandError):
    """Two plugins want the same name in the schema, or one wants a name that is not its own."""

    code = "CONTRIBUTION_CONFLICT"


@dataclass(frozen=True)
class Contributions:
    """What the installed plugins add, by slug, and why some could not be taken."""

    by_slug: Mapping[str, Contribution]
    failures: Mapping[str, str]


def collect(manifests: Sequence[PluginManifest]) -> Contributions:
    """Load the contributions that the manifests name. One that cannot be loaded is reported in `failures`.

    Raises:
        ContributionConflict: naming both plugins.
    """
    found: dict[str, Contribution] = {}
    failures: dict[str, str] = {}
    for manifest in manifests:
        if manifest.graphql is None:
            continue
        try:
            contribution = load_target(manifest.graphql)
            if not isinstance(contribution, Contribution):
                raise TypeError(f"{manifest.graphql} is no Contribution")
        except Exception as error:
            failures[manifest.slug] = f"{type(error).__name__}: {error}"
            log.warning("plugin.graphql_unusable", plugin=manifest.slug, error=str(error))
        else:
            found[manifest.slug] = contribution
    _refuse_conflicts(found)
    return Contributions(found, failures)


def _refuse_conflicts(found: Mapping[str, Contribution]) -> None:
    fields: dict[tuple[str, str], str] = {}
    for slug, contribution in found.items():
        for entity in contribution.fields:
            _take(fields, (entity, camel(slug)), slug)
        for query in contribution.queries:
            if not query.name.startswith(camel(slug)):
                raise ContributionConflict(
                    f"Plugin {slug} adds Query.{query.name}, which does not start with its own name.",
                    hint=f"Call the field {camel(slug)} or {camel(slug)}Something.",
                )
            _take(fields, ("Query", query.name), slug)


def _take(taken: dict[tuple[str, str], str], name: tuple[str, str], slug: str) -> None:
    other = taken.setdefault(name, slug)
    if other != slug:
        raise ContributionConflict(
            f"Plugins {other} and {slug} both add {name[0]}.{name[1]}.",
            hint="Remove one of them, or ask its author to rename the field.",
        )
