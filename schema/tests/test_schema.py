"""The schema as a whole: committed, described, and silent about tenants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from evenhand.entities.registry import ENTITIES
from evenhand_schema.names import plural
from evenhand_schema.sdl import PATH, current_sdl


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(current_sdl())


def _own_types(schema: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    for name, kind in schema.type_map.items():
        if not name.startswith("__") and name not in ("Boolean", "Float", "ID", "Int", "String"):
            yield kind


def test_the_committed_schema_is_current() -> None:
    assert PATH.read_text(encoding="utf-8") == current_sdl(), "run: python -m evenhand_schema.sdl"


def test_everything_is_described(schema: GraphQLSchema) -> None:
    silent = []
    for kind in _own_types(schema):
        if not kind.description:
            silent.append(kind.name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, field in kind.fields.items():
                if not field.description:
                    silent.append(f"{kind.name}.{name}")
                for argument_name, argument in getattr(field, "args", {}).items():
                    if not argument.description:
                        silent.append(f"{kind.name}.{name}({argument_name})")
        if isinstance(kind, GraphQLEnumType):
            silent += [f"{kind.name}.{name}" for name, value in kind.values.items() if not value.description]
    assert silent == [], "describe them where they are declared; values of the core's enums in enum_values.py"


def test_tenants_are_never_named(schema: GraphQLSchema) -> None:
    names = []
    for kind in _own_types(schema):
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType):
            names += [f"{kind.name}.{name}" for name in kind.fields if "tenant" in name.lower()]
        if isinstance(kind, GraphQLEnumType):
            names += [f"{kind.name}.{name}" for name in kind.values if "tenant" in name.lower()]
    # What is kept elsewhere has to say whose it is.
    assert names == ["AuditCheckpoint.tenant"]


def test_every_entity_can_be_read_and_changed(schema: GraphQLSchema) -> None:
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    for name in ENTITIES:
        single = name[0].lower() + name[1:]
        assert single in schema.query_type.fields
        assert plural(single) in schema.query_type.fields
        for verb in ("create", "update", "archive", "restore"):
            assert f"{verb}{name}" in schema.mutation_type.fields
