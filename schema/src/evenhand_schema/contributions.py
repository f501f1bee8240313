"""What plugins add to the GraphQL schema: a field on an entity, and root fields of their own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from evenhand.plugins.contract import TenantContext
from evenhand.plugins.loader import load_target
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import Role
from evenhand_schema.declare import complete
from evenhand_schema.names import camel
from evenhand_schema.plugin_types import rivals

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
class TableField:
    """The plugin's field on an entity, read from its own tables by the one statement that answers the whole query.

    Null while the plugin is disabled for the tenant.

    Attributes:
        type: a class declared with `part_type`: its members are lists and values about the entity's record.
        description: what the field tells, for people who read the schema.
    """

    type: type
    description: str


@dataclass(frozen=True)
class RootField:
    """A field of `Query`; answers the error PLUGIN_DISABLED while the plugin is disabled for the tenant.

    Attributes:
        name: the plugin's slug in camelCase, or a name that starts with it and goes on with a capital letter.
        resolver: `async def resolver(ctx: TenantContext, typed arguments…) -> strawberry type`, with
            annotations that can be read when the program runs. It runs in the open read-only transaction.
        description: what the field tells, for people who read the schema.
    """

    name: str
    resolver: Callable[..., Any]
    description: str


@dataclass(frozen=True)
class TableList:
    """A field of `Query` with the rows of one of the plugin's tables, page by page, with `filter` and `orderBy`.

    Read by the one statement that answers the whole query; answers PLUGIN_DISABLED while the plugin is disabled.

    Attributes:
        name: as for `RootField`.
        type: a class declared with `table_type`.
        description: what the list holds, for people who read the schema.
    """

    name: str
    type: type
    description: str


@dataclass(frozen=True)
class RootMutation:
    """A field of `Mutation`; answers a union of its result and the reasons why nothing was changed.

    Attributes:
        name: as for `RootField`.
        resolver: `async def resolver(ctx: TenantContext, typed arguments…) -> strawberry object type`. It runs in
            one transaction that ends with it; what it raises as an `EvenhandError` becomes the answer, and nothing
            of what it did stays.
        description: what it changes, for people who read the schema.
        roles: who may call it, with a key that may write.
    """

    name: str
    resolver: Callable[..., Any]
    description: str
    roles: frozenset[Role] = frozenset({Role.ADMIN, Role.MANAGER, Role.REP})


@dataclass(frozen=True)
class Contribution:
    """All that one plugin adds; the object that the manifest's `graphql` names.

    Attributes:
        fields: by entity name, e.g. {"Lead": …, "Account": …}; the field is named by the slug.
    """

    fields: Mapping[str, EntityField | TableField] = field(default_factory=dict)
    queries: Sequence[RootField | TableList] = ()
    mutations: Sequence[RootMutation] = ()

    def names(self, slug: str) -> Iterator[tuple[str, str]]:
        """The places in the schema that it takes: type and field."""
        yield from ((entity, camel(slug)) for entity in self.fields)
        yield from (("Query", query.name) for query in self.queries)
        yield from (("Mutation", mutation.name) for mutation in self.mutations)

    def declared_types(self) -> list[type]:
        """The classes over tables that it names."""
        added = (*self.fields.values(), *self.queries)
        return [one.type for one in added if isinstance(one, TableField | TableList)]


@dataclass(frozen=True)
class Contributions:
    """What the installed plugins add, by slug, and why some could not be taken."""

    by_slug: Mapping[str, Contribution] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)

    def without(self, refused: Mapping[str, str]) -> Contributions:
        """What is left without some, which are reported and logged."""
        for slug, reason in sorted(refused.items()):
            log.warning("plugin.graphql_unusable", plugin=slug, error=reason)
        kept = {slug: one for slug, one in self.by_slug.items() if slug not in refused}
        return Contributions(kept, {**self.failures, **refused})


def collect(manifests: Sequence[PluginManifest]) -> Contributions:
    """Load the contributions that the manifests name.

    Never raises: one that cannot be used is left out as a whole and reported in `failures`. When plugins claim the
    same name, all of them are left out, whichever was found first.
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
            complete()
        except Exception as error:
            failures[manifest.slug] = f"{type(error).__name__}: {error}"
        else:
            found[manifest.slug] = contribution
    loaded = Contributions(found).without(failures)
    return loaded.without(_conflicts(found, [manifest.slug for manifest in manifests]))


def _conflicts(found: Mapping[str, Contribution], slugs: Sequence[str]) -> dict[str, str]:
    """Who claims a foreign name, or the same name as another plugin."""
    refused: dict[str, str] = {}
    claims: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for slug, contribution in sorted(found.items()):
        for place in contribution.names(slug):
            claims[place].append(slug)
            if not _is_own(place[1], slug, slugs):
                refused[slug] = f"{place[0]}.{place[1]} is not its own name: call it {camel(slug)}Something."
    for (kind, name), claimants in sorted(claims.items()):
        if len(claimants) > 1:
            words = f"{kind}.{name} is claimed by {' and '.join(sorted(claimants))}; the schema has it from neither."
            for slug in claimants:
                refused.setdefault(slug, words)
    for slug, contribution in sorted(found.items()):
        for name in rivals(contribution.declared_types()):
            refused.setdefault(slug, f"The type {name} is declared by several plugins; the schema has it from neither.")
    return refused


def _is_own(name: str, slug: str, slugs: Sequence[str]) -> bool:
    """Whether a field's name starts with the plugin's own, and with no longer one of another plugin."""
    fitting = [camel(one) for one in slugs if re.fullmatch(rf"{camel(one)}(?:[A-Z0-9]\w*)?", name)]
    return max(fitting, key=len, default=None) == camel(slug)
