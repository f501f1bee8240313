"""The schema: built once per process with the contributions of all installed plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import strawberry
from graphql import GraphQLError, GraphQLSchema, lexicographic_sort_schema, print_schema
from graphql import build_schema as build_from_text
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.execution import ExecutionContext
from strawberry.types.field import StrawberryField

from evenhand.plugins.host import current_host
from evenhand_schema.contributions import Contribution, Contributions, EntityField, collect
from evenhand_schema.declare import TYPES
from evenhand_schema.enum_values import describe_values
from evenhand_schema.mutations import HANDLERS, mutation_type, own_mutations
from evenhand_schema.mutations.plugins import contributed_mutations
from evenhand_schema.names import camel
from evenhand_schema.origins import origins_of
from evenhand_schema.plugins import entity_field
from evenhand_schema.queries import contributed_queries, query_fields, query_type
from evenhand_schema.reads.rendering import holds_json
from evenhand_schema.scalars import SCALARS
from evenhand_schema.subscriptions.fields import SUBSCRIPTION


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
        self.contributions = contributions
        self._added: dict[str, list[StrawberryField]] = {}
        for slug, contribution in contributions.by_slug.items():
            for entity, contributed in contribution.fields.items():
                self._added.setdefault(entity, []).append(entity_field(slug, contributed))
        super().__init__(
            query=query_type(contributions),
            mutation=mutation_type(contributions),
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


def _taken_names(contributions: Contributions) -> dict[str, str]:
    """Who adds to what is not there, or takes a name of the core: the core always keeps it."""
    own = {"Query": _names(query_fields()), "Mutation": _names(own_mutations())}
    refused: dict[str, str] = {}
    for slug, contribution in contributions.by_slug.items():
        for kind, name in contribution.names(slug):
            if kind not in own and kind not in TYPES:
                refused[slug] = f"{kind} does not exist; fields can be added to {', '.join(sorted(_entities()))}."
            elif name in (own[kind] if kind in own else _names({**TYPES[kind].columns, **TYPES[kind].members})):
                refused[slug] = f"{kind}.{name} is the core's already; rename the plugin or its field."
        for entity, added in contribution.fields.items():
            if isinstance(added, EntityField) and entity in TYPES:
                _note_unknown_needs(refused, slug, entity, added.needs)
    return refused


def _entities() -> list[str]:
    return [name for name, item in TYPES.items() if item.is_node]


def _names(members: Iterable[str]) -> set[str]:
    return {camel(name) for name in members}


def _note_unknown_needs(refused: dict[str, str], slug: str, entity: str, needs: Iterable[str]) -> None:
    usable = {name for name, column in TYPES[entity].columns.items() if not holds_json(column.type)}
    for name in needs:
        if name not in usable:
            known = ", ".join(sorted(usable))
            refused[slug] = (
                f"It needs the column {name} of {entity}, which is not there or holds JSON. Usable: {known}."
            )


def build_schema(contributions: Contributions | None = None) -> EvenhandSchema:
    """The schema with these contributions, or none.

    Never fails because of a plugin: a contribution that takes a name of the core, or that no schema can be made of,
    is left out as a whole and reported in the schema's `contributions.failures`. Types of one name from several
    plugins are left out with all of these plugins' contributions.
    """
    wanted = contributions or Contributions()
    wanted = wanted.without(_taken_names(wanted))
    if wanted.by_slug:
        wanted = wanted.without(_rival_types(wanted))
    try:
        return EvenhandSchema(wanted)
    except Exception as error:
        if not wanted.by_slug:
            raise
        together = f"{type(error).__name__}: {error}"
    refused: dict[str, str] = {}
    for slug, contribution in wanted.by_slug.items():
        try:
            EvenhandSchema(Contributions({slug: contribution}))
        except Exception as error:
            refused[slug] = f"{type(error).__name__}: {error}"
    wanted = wanted.without(refused)
    try:
        return EvenhandSchema(wanted)
    except Exception:
        # They fail only together, and not by their names: none of them is preferred.
        return EvenhandSchema(wanted.without(dict.fromkeys(wanted.by_slug, together)))


def _rival_types(contributions: Contributions) -> dict[str, str]:
    """Whose types have names that the core or others use for other types, and whose types are none."""
    refused: dict[str, str] = {}
    claims: dict[str, dict[str, set[object]]] = {}
    for slug, contribution in contributions.by_slug.items():
        try:
            found = origins_of(_fields(slug, contribution))
        except Exception as error:
            refused[slug] = f"{type(error).__name__}: {error}"
            continue
        for name, origins in found.items():
            claims.setdefault(name, {})[slug] = origins
    core = _core_origins()
    for name, by in sorted(claims.items()):
        if name in core:
            words = f"The type {name} is the core's already; call the plugin's type something else."
            refused |= {slug: words for slug, origins in by.items() if not origins <= core[name]}
        elif len(set.union(*by.values())) > 1:
            words = f"The type {name} is declared by {' and '.join(sorted(by))}; the schema has it from neither."
            refused |= dict.fromkeys(by, words)
    return refused


def _fields(slug: str, contribution: Contribution) -> Iterator[StrawberryField]:
    """The fields that a contribution adds."""
    one = Contributions({slug: contribution})
    yield from (entity_field(slug, added) for added in contribution.fields.values())
    yield from contributed_queries(one).values()
    yield from contributed_mutations(one).values()


@cache
def _core_origins() -> dict[str, set[object]]:
    roots = (query_type(Contributions()), mutation_type(Contributions()), SUBSCRIPTION)
    definitions = [get_object_definition(root, strict=True) for root in roots]
    return origins_of(field for definition in definitions for field in definition.fields)


@cache
def installed_schema() -> EvenhandSchema:
    """The schema with all installed plugins' contributions, built once per process."""
    return build_schema(collect(list(current_host().manifests.values())))


__all__ = ["EvenhandSchema", "build_schema", "installed_schema"]
