"""Which Python classes stand behind the names of types that a field leads to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryContainer, StrawberryObjectDefinition, get_object_definition
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

_NAMES = NameConverter()


def origins_of(fields: Iterable[StrawberryField]) -> dict[str, set[object]]:
    """The classes behind the types that these fields and their arguments lead to, by the types' names.

    strawberry itself takes the first of two classes of one name, and says nothing.
    """
    found: dict[str, set[object]] = {}
    todo = list(fields)
    while todo:
        field = todo.pop()
        for kind in (field.type, *(argument.type for argument in field.arguments)):
            todo += _note(kind, found)
    return found


def _note(kind: Any, found: dict[str, set[object]]) -> list[StrawberryField]:
    """Note what a type is; the fields that lead on from it when it is new."""
    while isinstance(kind, StrawberryContainer):
        kind = kind.of_type
    if isinstance(kind, StrawberryUnion):
        return [field for one in kind.types for field in _note(one, found)]
    if isinstance(kind, StrawberryEnumDefinition):
        found.setdefault(kind.name, set()).add(kind.wrapped_cls)
        return []
    definition = kind if isinstance(kind, StrawberryObjectDefinition) else get_object_definition(kind)
    if definition is None:
        return []
    # Of a generic type, such as a page of records, every use is a type of its own.
    parts = tuple(sorted((name, str(_NAMES.get_name_from_type(one))) for name, one in _arguments(definition)))
    origin = (definition.origin, parts) if parts else definition.origin
    known = found.setdefault(_NAMES.from_object(definition), set())
    if origin in known:
        return []
    known.add(origin)
    return list(definition.fields)


def _arguments(definition: StrawberryObjectDefinition) -> list[tuple[str, Any]]:
    return list(definition.type_var_map.items()) if definition.concrete_of is not None else []
