"""The schema: built once per process with the contributions of all installed plugins."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import strawberry
from graphql import GraphQLError, lexicographic_sort_schema, print_schema
from graphql import build_schema as build_from_text
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.execution import ExecutionContext
from strawberry.types.field import StrawberryField

from evenhand.plugins.host import current_host
from evenhand_schema.contributions import ContributionConflict, Contributions, collect
from evenhand_schema.mutations import HANDLERS, MUTATION
from evenhand_schema.plugins import entity_field
from evenhand_schema.queries import query_type
from evenhand_schema.scalars import SCALARS
from evenhand_schema.types import Decision


class _ParsedDocument(SchemaExtension):
    """Uses the document that was parsed, within limits, before the execution."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.execution_context.context.document
        yield


class EvenhandSchema(strawberry.Schema):
    """A strawberry schema whose entities also have the plugins' fields."""

    def __init__(self, contributions: Contributions) -> None:
        self.contributions = contributions
        self._added: dict[str, list[StrawberryField]] = {}
        for slug, contribution in contributions.by_slug.items():
            for entity, contributed in contribution.fields.items():
                self._added.setdefault(entity, []).append(entity_field(slug, contributed))
        super().__init__(
            query=query_type(contributions),
            mutation=MUTATION,
            types=[Decision],
            config=StrawberryConfig(scalar_map=dict(SCALARS)),
            extensions=[_ParsedDocument],
            exception_handlers=HANDLERS,
        )

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """The declared fields of a type, and those that plugins add to it."""
        own = super().get_fields(type_definition)
        added = [] if type_definition.is_input else self._added.get(type_definition.name, [])
        taken = {field.python_name for field in own}
        for field in added:
            if field.python_name in taken:
                raise ContributionConflict(
                    f"Plugin {field.python_name} adds {type_definition.name}.{field.graphql_name}, which exists.",
                    hint="Ask the plugin's author to rename it.",
                )
        return [*own, *added]

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave errors to the HTTP layer, which logs unexpected ones once, with an id."""

    @property
    def sdl(self) -> str:
        """The schema as text, sorted."""
        return print_schema(lexicographic_sort_schema(build_from_text(self.as_str()))) + "\n"


def build_schema(contributions: Contributions | None = None) -> EvenhandSchema:
    """The schema with these contributions, or none.

    Raises:
        ContributionConflict: two plugins want the same name.
    """
    return EvenhandSchema(contributions or Contributions({}, {}))


@cache
def installed_schema() -> EvenhandSchema:
    """The schema with all installed plugins' contributions, built once per process."""
    return build_schema(collect(list(current_host().manifests.values())))


__all__ = ["EvenhandSchema", "build_schema", "installed_schema"]
