"""What fields of the schema read, as marks on them; the compiler reads the marks, resolvers serve the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField

from evenhand_schema.reads.arguments import Given

MARK = "reads"
"""The key of a mark in a field's metadata."""


@dataclass(frozen=True)
class RecordField:
    """One record of a type by the argument `id`."""

    target: str


@dataclass(frozen=True)
class RecordsField:
    """A page of all records of a type."""

    target: str


@dataclass(frozen=True)
class FirstField:
    """The first of the records of a type that a list with other arguments would have.

    Attributes:
        listed: makes the list's arguments of the field's own.
    """

    target: str
    listed: Callable[[Mapping[str, Given]], dict[str, Given]]


@dataclass(frozen=True)
class GroupsField:
    """Groups of the records of a type, see `grouping`.

    Attributes:
        target: the type of the records.
        groups: the type of the groups.
    """

    target: str
    groups: str


@dataclass(frozen=True)
class CallerField:
    """The user who asks."""


@dataclass(frozen=True)
class NodeField:
    """A record of any type by the argument `id`."""


@dataclass(frozen=True)
class PluginField:
    """A field of an entity that Python makes from arguments: a plugin's, or one of the core's.

    Attributes:
        needs: the columns of the record that its function takes.
    """

    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class PluginTableField:
    """A plugin's field on an entity, over its own tables.

    Attributes:
        target: the declared type of what it shows.
    """

    slug: str
    target: str


@dataclass(frozen=True)
class PluginRecordsField:
    """A page of all rows of a plugin's table."""

    slug: str
    target: str


Mark = (
    RecordField
    | RecordsField
    | FirstField
    | GroupsField
    | CallerField
    | NodeField
    | PluginField
    | PluginTableField
    | PluginRecordsField
)


def plugin_is_on(slug: str) -> str:
    """SQL: whether the tenant `$1` uses a plugin. Settings that cannot be used keep it from being called, not read."""
    return (
        f"EXISTS (SELECT 1 FROM tenant_plugins AS p WHERE p.tenant_id = $1 AND p.slug = '{slug}' AND p.enabled "
        "AND p.suspended_at IS NULL AND p.archived_at IS NULL)"
    )


def marked(mark: Mark) -> dict[object, Any]:
    """The metadata of a field with this mark."""
    return {MARK: mark}


def declaration_of(field: GraphQLField) -> Any:
    """The strawberry field behind a field of the schema; None when there is none."""
    return field.extensions.get("strawberry-definition")
