"""The fields of an entity that a file can fill: its columns, what they refer to, and parts that rows belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.fields.relational import ForeignKeyFieldInstance

from evenhand.actions.values import convert
from evenhand.entities import ExternalId
from evenhand.entities.enums import ChannelKind
from evenhand.entities.registry import ENTITIES, Entity
from evenhand.plugins.importing import ImportField, ValueKind

KEY = "external_id"
"""The field that holds what the source system calls the record."""
CUSTOM = "custom."

CHANNELS: Mapping[str, tuple[ChannelKind, str | None]] = {
    "email": (ChannelKind.EMAIL, None),
    "email_2": (ChannelKind.EMAIL, None),
    "phone": (ChannelKind.PHONE, None),
    "mobile": (ChannelKind.PHONE, "mobile"),
    "wechat": (ChannelKind.WECHAT, None),
    "wecom": (ChannelKind.WECOM, None),
    "whatsapp": (ChannelKind.WHATSAPP, None),
    "line": (ChannelKind.LINE, None),
    "telegram": (ChannelKind.TELEGRAM, None),
}
"""Fields of a contact that are ways to reach it: kind and label."""
ADDRESS = ("address", "city", "postal_code")
"""Fields of an account that make up one address."""
_ANY_TEXT = fields.TextField()
LINE = ("product", "quantity", "unit_price")
"""Fields of an opportunity that make up its line."""

_TEXT_LISTS = frozenset({"also_names", "skills", "regions", "languages"})
_CURRENCIES: Mapping[tuple[str, str], str] = {
    ("Account", "annual_revenue"): "annual_revenue_currency",
    ("Lead", "value_estimate"): "value_currency",
}


@dataclass(frozen=True)
class Target:
    """One field that a column can fill.

    Attributes:
        column: the record's own column; None for a part of something else (a channel, a line, the key).
        convert: checks a value and makes it what the column keeps; raises `BadValue`.
        currency: of money: the column that holds its currency.
    """

    field: ImportField
    column: str | None = None
    convert: Callable[[Any], Any] | None = None
    currency: str | None = None

    @property
    def name(self) -> str:
        return self.field.name


def _kind_of(field: Field[Any], currency: str | None) -> ValueKind | None:
    match field:
        case CharEnumFieldInstance():
            return ValueKind.CHOICE
        case fields.JSONField() | fields.UUIDField():
            return None
        case fields.DecimalField():
            return ValueKind.MONEY if currency else ValueKind.NUMBER
        case fields.DatetimeField():
            return ValueKind.MOMENT
        case fields.DateField():
            return ValueKind.DATE
        case fields.BooleanField():
            return ValueKind.BOOLEAN
        case fields.IntField():
            return ValueKind.WHOLE
    return ValueKind.TEXT


def _currency_of(kind: Entity, column: str) -> str | None:
    own = _CURRENCIES.get((kind.name, column))
    if own is not None:
        return own
    is_rate = column in ("quantity", "discount_percent", "probability")
    return "currency" if "currency" in kind.writable and not is_rate else None


def _column_targets(kind: Entity) -> dict[str, Target]:
    model = kind.model
    relations = {
        f"{name}_id": relation.related_model
        for name in model._meta.fk_fields
        if isinstance(relation := model._meta.fields_map[name], ForeignKeyFieldInstance)
    }
    by_model = {known.model: known.name for known in ENTITIES.values()}
    targets: dict[str, Target] = {}
    for name, column in model._meta.fields_db_projection.items():
        if column not in kind.writable or column == "custom":
            continue
        field = model._meta.fields_map[name]
        if column in relations:
            related = by_model.get(relations[column])
            if related is not None:
                short = column.removesuffix("_id")
                reference = ImportField(short, ValueKind.REFERENCE, entity=related)
                targets[short] = Target(reference, column, partial(convert, field))
            continue
        currency = _currency_of(kind, column) if isinstance(field, fields.DecimalField) else None
        value_kind = ValueKind.TEXTS if column in _TEXT_LISTS else _kind_of(field, currency)
        if value_kind is None:
            continue
        choices = (
            tuple(str(member.value) for member in field.enum_type) if isinstance(field, CharEnumFieldInstance) else ()
        )
        targets[column] = Target(ImportField(column, value_kind, choices), column, partial(convert, field), currency)
    return targets


def _parts(kind: Entity) -> dict[str, ImportField]:
    """Fields that are no columns of the record itself."""
    parts = {KEY: ValueKind.TEXT}
    match kind.name:
        case "Lead":
            parts |= {"first_name": ValueKind.TEXT, "last_name": ValueKind.TEXT, "number": ValueKind.TEXT}
        case "User":
            parts |= {"first_name": ValueKind.TEXT, "last_name": ValueKind.TEXT}
        case "Contact":
            parts |= dict.fromkeys(CHANNELS, ValueKind.TEXT)
        case "Account":
            parts |= dict.fromkeys(ADDRESS, ValueKind.TEXT)
        case "Opportunity":
            parts |= {"quantity": ValueKind.NUMBER, "unit_price": ValueKind.MONEY}
    result = {name: ImportField(name, value_kind) for name, value_kind in parts.items()}
    if kind.name == "Opportunity":
        result["product"] = ImportField("product", ValueKind.REFERENCE, entity="Product")
    return result


def _part_converter(kind: Entity, name: str) -> Callable[[Any], Any] | None:
    """The checks of the child's column behind a part."""
    if name == "product":
        return None
    if name == KEY:
        return partial(convert, ExternalId._meta.fields_map["external_id"])
    wanted = {"Contact": ("channels", "value"), "Opportunity": ("lines", name)}.get(kind.name)
    if wanted is None:
        return partial(convert, _ANY_TEXT)
    child = next(child for child in kind.children if child.key == wanted[0])
    return partial(convert, child.model._meta.fields_map[wanted[1]])


def targets_of(kind: Entity) -> Mapping[str, Target]:
    """All fields of the entity that a file can fill, by name."""
    return _targets(kind.name)


@cache
def _targets(name: str) -> Mapping[str, Target]:
    kind = ENTITIES[name]
    if not kind.model._meta._inited:
        raise RuntimeError("Open the database first: before that, models do not know what they refer to.")
    parts = {
        name: Target(
            field,
            None,
            _part_converter(kind, name),
            "currency" if field.kind is ValueKind.MONEY else None,
        )
        for name, field in _parts(kind).items()
    }
    return {**_column_targets(kind), **parts}
