"""The schema: built once per process with the contributions of all installed plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import strawberry
import structlog
from graphql import GraphQLError, GraphQLSchema, lexicographic_sort_schema, print_schema
from graphql import build_schema as build_from_text
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.execution import ExecutionContext
from strawberry.types.field import StrawberryField

from evenhand.plugins.host import current_host
from evenhand_schema.contributions import Contribution, ContributionConflict, Contributions, collect
from evenhand_schema.declare import TYPES
from evenhand_schema.enum_values import describe_values
from evenhand_schema.mutations import HANDLERS, MUTATION
from evenhand_schema.names import camel
from evenhand_schema.plugins import entity_field
from evenhand_schema.queries import query_fields, query_type
from evenhand_schema.reads.rendering import holds_json
from evenhand_schema.scalars import SCALARS
from evenhand_schema.subscriptions.fields import SUBSCRIPTION

log = structlog.get_logger(__name__)


class _CheckedDocument(SchemaExtension):
    """Uses the document that was parsed and validated, within limits, before the execution."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.execution_context.context.document.ast
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = list(self.execution_context.context.document.errors)
        yield


class EvenhandSchema(strawberry.Schema):
    """A strawberry schema whose entities also have the plugins' fields."""

    def __init__(self, contributions: Contributions) -> None:
        _refuse_taken_names(contributions)
        self.contributions = contributions
        self._added: dict[str, list[StrawberryField]] = {}
        for slug, contribution in contributions.by_slug.items():
            for entity, contributed in contribution.fields.items():
                self._added.setdefault(entity, []).append(entity_field(slug, contributed))
        super().__init__(
            query=query_type(contributions),
            mutation=MUTATION,
            subscription=SUBSCRIPTION,
            config=StrawberryConfig(scalar_map=dict(SCALARS)),
            extensions=[_CheckedDocument],
            exception_handlers=HANDLERS,
        )
        describe_values(self._schema)

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """The declared fields of a type, and those that plugins add to it."""
        added = [] if type_definition.is_input else self._added.get(type_definition.name, [])
        return [*super().get_fields(type_definition), *added]

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave errors to the HTTP layer, which logs unexpected ones once, with an id."""

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """The schema as graphql-core sees it."""
        return self._schema

    @property
    def sdl(self) -> str:
        """The schema as text, sorted."""
        return print_schema(lexicographic_sort_schema(build_from_text(self.as_str()))) + "\n"


def _refuse_taken_names(contributions: Contributions) -> None:
    """Hold plugins to entities that exist and to names that the core does not use itself."""
    own = query_fields()
    for slug, contribution in contributions.by_slug.items():
        for entity in contribution.fields:
            if entity not in TYPES:
                raise ContributionConflict(
                    f"Plugin {slug} adds a field to {entity}, which does not exist.",
                    hint=f"Use one of: {', '.join(sorted(TYPES))}.",
                )
            if slug in TYPES[entity].columns or slug in TYPES[entity].members:
                raise ContributionConflict(
                    f"Plugin {slug} adds {entity}.{camel(slug)}, which the core has already.",
                    hint="Ask the plugin's author to rename it.",
                )
            _refuse_unknown_needs(slug, entity, contribution.fields[entity].needs)
        for query in contribution.queries:
            if query.name in {camel(name) for name in own}:
                raise ContributionConflict(
                    f"Plugin {slug} adds Query.{query.name}, which the core has already.",
                    hint="Ask the plugin's author to rename it.",
                )


def _refuse_unknown_needs(slug: str, entity: str, needs: Iterable[str]) -> None:
    usable = {name for name, column in TYPES[entity].columns.items() if not holds_json(column.type)}
    for name in needs:
        if name not in usable:
            raise ContributionConflict(
                f"Plugin {slug} needs the column {name} of {entity}, which is not there or holds JSON.",
                hint=f"Use some of: {', '.join(sorted(usable))}.",
            )


def build_schema(contributions: Contributions | None = None) -> EvenhandSchema:
    """The schema with these contributions, or none. One that no schema can be made of is left out and reported.

    Raises:
        ContributionConflict: two plugins want the same name, or one wants a name of the core.
    """
    wanted = contributions or Contributions({}, {})
    try:
        return EvenhandSchema(wanted)
    except ContributionConflict:
        raise
    except Exception:
        if not wanted.by_slug:
            raise
    usable: dict[str, Contribution] = {}
    failures = dict(wanted.failures)
    for slug, contribution in wanted.by_slug.items():
        try:
            EvenhandSchema(Contributions({slug: contribution}, {}))
        except Exception as error:
            failures[slug] = f"{type(error).__name__}: {error}"
            log.warning("plugin.graphql_unusable", plugin=slug, error=str(error))
        else:
            usable[slug] = contribution
    return EvenhandSchema(Contributions(usable, failures))


@cache
def installed_schema() -> EvenhandSchema:
    """The schema with all installed plugins' contributions, built once per process."""
    return build_schema(collect(list(current_host().manifests.values())))


__all__ = ["EvenhandSchema", "build_schema", "installed_schema"]
