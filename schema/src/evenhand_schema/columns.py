"""The columns of the models as the API shows them: type, nullability, description."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

import strawberry
from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from evenhand_schema.descriptions import describe
from evenhand_schema.scalars import JSON, BigInt

HIDDEN = frozenset({"tenant_id"})
INTERNAL = {
    "AuditEntry": frozenset({"salt"}),
    "Job": frozenset({"payload", "cursor", "key", "failures"}),
    "OwnershipEntry": frozenset({"salt"}),
    "WebhookEndpoint": frozenset({"secret", "former_secret", "custom"}),
}
"""Columns of one model that are for those who do the work: they may hold more than the reader may see."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: in Python and in the database.
        type: what strawberry is told: `str`, `Decimal`, `strawberry.ID`, an enum, `JSON`, …
        null: whether it may be empty.
        defaulted: whether it may be left out of a draft because the model has a default.
    """

    name: str
    type: Any
    null: bool
    defaulted: bool
    description: str

    @property
    def annotation(self) -> Any:
        """The type of the field in an answer."""
        return self.type | None if self.null else self.type

    @property
    def comparable(self) -> bool:
        """Whether records can be filtered and ordered by it."""
        return self.type is not JSON


_TYPES: tuple[tuple[type[Field[Any]], Any], ...] = (
    (fields.JSONField, JSON),
    (fields.BigIntField, BigInt),
    (fields.IntField, int),
    (fields.DecimalField, Decimal),
    (fields.DatetimeField, datetime),
    (fields.DateField, date),
    (fields.BooleanField, bool),
    (fields.UUIDField, strawberry.ID),
    (fields.CharField, str),
    (fields.TextField, str),
)


@cache
def enum_type(kind: type[Enum]) -> type[Enum]:
    """A closed list of the core as a GraphQL enum."""
    own = " ".join((vars(kind).get("__doc__") or "").split())
    return strawberry.enum(kind, description=own or f"The values of {kind.__name__}.")


def _type_of(field: Field[Any]) -> Any:
    if isinstance(field, CharEnumFieldInstance):
        return enum_type(field.enum_type)
    for kind, shown in _TYPES:
        if isinstance(field, kind):
            return shown
    raise TypeError(f"the API has no type for {type(field).__name__}")


@cache
def columns(model: type[Model], shown: frozenset[str] | None = None) -> dict[str, Column]:
    """The model's columns by name, except those that the API never shows.

    References are found in the declarations, so that tortoise need not be initialised.

    Args:
        shown: only these; None for all.
    """
    found: dict[str, Column] = {}
    hidden = HIDDEN | INTERNAL.get(model.__name__, frozenset())
    if shown is not None:
        hidden |= {name for name in model._meta.fields_map if name not in shown}
    for name, field in model._meta.fields_map.items():
        if isinstance(field, ForeignKeyFieldInstance):
            column = field.source_field or f"{name}_id"
            if shown is not None and column not in shown:
                continue
            text = describe(model, column, reference=True)
            found[column] = Column(column, strawberry.ID, bool(field.null), field.null, text)
    for name, field in model._meta.fields_map.items():
        if name in hidden or name in found or isinstance(field, ForeignKeyFieldInstance):
            continue
        defaulted = field.default is not None or bool(field.null)
        found[name] = Column(name, _type_of(field), bool(field.null), defaulted, describe(model, name))
    return found
