"""What rules see of a record and of what happened to it: the names, and the values of many events at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from tortoise import fields
from tortoise.fields.base import Field as Column
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.fields.relational import ForeignKeyFieldInstance

from evenhand.actions.values import BadValue, convert
from evenhand.automation.shapes import Field, Kind, Shape
from evenhand.clock import now as current_moment
from evenhand.db.session import driver_transaction, raw_connection
from evenhand.entities import CustomField, Tagging, Tenant, User
from evenhand.entities.columns import Shape as JsonShape
from evenhand.entities.columns import shape_of
from evenhand.entities.enums import CustomFieldType
from evenhand.entities.registry import ENTITIES, Entity
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import RecordModel, TenantModel

TAGGED = ("Account", "Contact", "Lead", "Opportunity")
_KINDS: tuple[tuple[type[Column[Any]], Kind], ...] = (
    (fields.DecimalField, Kind.NUMBER),
    (fields.IntField, Kind.INTEGER),
    (fields.BooleanField, Kind.FLAG),
    (fields.DatetimeField, Kind.MOMENT),
    (fields.DateField, Kind.DAY),
    (fields.UUIDField, Kind.TEXT),
    (fields.CharField, Kind.TEXT),
    (fields.TextField, Kind.TEXT),
)
_CUSTOM = {
    CustomFieldType.NUMBER: Kind.NUMBER,
    CustomFieldType.BOOLEAN: Kind.FLAG,
    CustomFieldType.DATE: Kind.DAY,
}
_HIDDEN = frozenset({"tenant_id", "custom", "muted_notifications"})


class Happened(Protocol):
    """An event, as far as rules look at it."""

    @property
    def id(self) -> UUID: ...
    @property
    def type(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def record_id(self) -> UUID: ...
    @property
    def user_id(self) -> UUID | None: ...
    @property
    def via(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...


@dataclass(frozen=True)
class Surroundings:
    """What all rules of a tenant share at one moment."""

    now: datetime
    zone: ZoneInfo
    locale: str

    @property
    def today(self) -> date:
        """The tenant's day."""
        return self.now.astimezone(self.zone).date()

    @property
    def language(self) -> str:
        """The tenant's language: "en" or "zh"."""
        return "zh" if self.locale.startswith("zh") else "en"


async def surroundings() -> Surroundings:
    """Those of the current tenant, now."""
    tenant = await Tenant.get(id=current_tenant())
    return Surroundings(current_moment(), ZoneInfo(tenant.time_zone), tenant.locale)


def camel(name: str) -> str:
    """A column as the API spells it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _field(column: Column[Any]) -> Field | None:
    null = bool(column.null)
    if isinstance(column, CharEnumFieldInstance):
        return Field(Kind.TEXT, tuple(str(one.value) for one in column.enum_type), null)
    if isinstance(column, fields.JSONField):
        return Field(Kind.TEXTS, null=False) if shape_of(column) is JsonShape.TEXTS else None
    return next((Field(kind, null=null) for one, kind in _KINDS if isinstance(column, one)), None)


@cache
def columns_of(model: type[TenantModel]) -> Mapping[str, Field]:
    """The plain columns of a model by their database names."""
    found: dict[str, Field] = {}
    for name, column in model._meta.fields_map.items():
        if isinstance(column, ForeignKeyFieldInstance):
            found[column.source_field or f"{name}_id"] = Field(Kind.TEXT, null=bool(column.null))
    for name, column in model._meta.fields_map.items():
        shown = None if name in _HIDDEN or isinstance(column, ForeignKeyFieldInstance) else _field(column)
        if shown is not None and name not in found:
            found[name] = shown
    return found


def references_of(kind: Entity) -> Mapping[str, tuple[str, Entity]]:
    """What records of an entity refer to: name to (column, entity)."""
    return _references(kind.model)


@cache
def _references(model: type[RecordModel]) -> Mapping[str, tuple[str, Entity]]:
    found: dict[str, tuple[str, Entity]] = {}
    for name, column in model._meta.fields_map.items():
        if isinstance(column, ForeignKeyFieldInstance):
            target = ENTITIES.get(str(column.model_name).split(".")[-1])
            if target is not None:
                found[camel(name)] = (column.source_field or f"{name}_id", target)
    return found


def _shown(model: type[TenantModel]) -> dict[str, Field | Shape]:
    return {camel(name): shown for name, shown in columns_of(model).items()}


def _optional(model: type[TenantModel]) -> dict[str, Field | Shape]:
    return {camel(name): Field(shown.kind, shown.choices) for name, shown in columns_of(model).items()}


EVENT: Shape = {
    "id": Field(Kind.TEXT, null=False, text="Id of the event."),
    "type": Field(Kind.TEXT, null=False, text="What happened, e.g. LeadCreated."),
    "at": Field(Kind.MOMENT, null=False, text="When it happened."),
    "via": Field(Kind.TEXT, null=False, text="Through what: graphql, import, automation:…"),
    "actorId": Field(Kind.TEXT, text="The user who did it; empty for the system."),
}


def shape_of_entity(kind: Entity, custom: Sequence[CustomField] = ()) -> Shape:
    """What a rule over records of an entity may name.

    Args:
        custom: the tenant's own fields of it.
    """
    own = {
        one.key: Field(
            _CUSTOM.get(one.type, Kind.TEXT), tuple(one.options if one.type is CustomFieldType.CHOICE else ())
        )
        for one in custom
    }
    shape: dict[str, Field | Shape] = {
        "event": EVENT,
        "record": {**_shown(kind.model), "custom": own},
        "before": _optional(kind.model),
        "changed": Field(Kind.TEXTS, null=False, text="Names of the fields that the event changed."),
        "actor": _optional(User),
        "now": Field(Kind.MOMENT, null=False, text="The present moment."),
        "today": Field(Kind.DAY, null=False, text="The tenant's day."),
    }
    if kind.name in TAGGED:
        shape["tags"] = Field(Kind.TEXTS, null=False, text="The words on the record.")
    for name, (_, target) in references_of(kind).items():
        shape[name] = _optional(target.model)
    return shape


async def custom_fields(kind: Entity) -> list[CustomField]:
    """The tenant's own fields of an entity."""
    return list(await CustomField.filter(entity=kind.name, archived_at=None).order_by("key"))


View = Mapping[str, Any]


def _values(record: TenantModel | None, model: type[TenantModel]) -> dict[str, Any]:
    stored = record.columns() if record is not None else {}
    return {camel(name): stored.get(name) for name in columns_of(model)}


def _custom_value(kind: Kind, value: Any) -> Any:
    try:
        if value is None or kind is Kind.FLAG:
            return value
        if kind is Kind.NUMBER:
            return Decimal(str(value))
        return date.fromisoformat(value) if kind is Kind.DAY else value
    except (ValueError, InvalidOperation):
        return None


async def load_views(kind: Entity, events: Sequence[Happened], around: Surroundings) -> dict[UUID, View]:
    """What rules see of events that happened to records of one entity, by the events' ids; in a few statements.

    The record is as it is now; what it was before comes from the audit. Events of records that are not there are
    left out.
    """
    records = await _by_id(kind.model, {event.record_id for event in events})
    definitions = await custom_fields(kind)
    related: dict[str, dict[UUID, TenantModel]] = {}
    for name, (column, target) in references_of(kind).items():
        related[name] = await _by_id(target.model, {getattr(record, column) for record in records.values()} - {None})
    actors = await _by_id(User, {event.user_id for event in events if event.user_id is not None})
    tags = await _tags(kind, list(records))
    old = await _old_values(kind, events)
    views: dict[UUID, View] = {}
    for event in events:
        record = records.get(event.record_id)
        if record is None:
            continue
        shown = _values(record, kind.model)
        stored = record.custom if isinstance(record, RecordModel) else {}
        custom = {one.key: _custom_value(_CUSTOM.get(one.type, Kind.TEXT), stored.get(one.key)) for one in definitions}
        before, changed = old.get(event.id, ({}, []))
        created = event.type == f"{kind.name}Created"
        views[event.id] = {
            "event": {
                "id": event.id,
                "type": event.type,
                "at": event.occurred_at,
                "via": event.via,
                "actorId": event.user_id,
            },
            "record": {**shown, "custom": custom},
            "before": dict.fromkeys(shown) if created else {**shown, **before},
            "changed": changed,
            "actor": _values(actors.get(event.user_id) if event.user_id else None, User),
            "now": around.now,
            "today": around.today,
            **({"tags": tags.get(event.record_id, [])} if kind.name in TAGGED else {}),
            **{
                name: _values(related[name].get(getattr(record, column)), target.model)
                for name, (column, target) in references_of(kind).items()
            },
        }
    return views


async def _by_id(model: type[TenantModel], ids: Collection[UUID]) -> dict[UUID, TenantModel]:
    return {one.id: one for one in await model.filter(id__in=list(ids))} if ids else {}


async def _tags(kind: Entity, ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    if kind.name not in TAGGED or not ids:
        return {}
    column = f"{kind.name.lower()}_id"
    found: dict[UUID, list[str]] = {}
    for tagging in await Tagging.filter(**{f"{column}__in": list(ids)}).select_related("tag").order_by("tag__name"):
        found.setdefault(getattr(tagging, column), []).append(tagging.tag.name)
    return found


_OLD = """
SELECT e.id, a.before, a.after
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[]) AS e (id, record_id, at)
JOIN audit_entries AS a ON a.tenant_id = $1 AND a.record_id = e.record_id AND a.occurred_at = e.at AND a.entity = $5
ORDER BY a.id DESC
"""


async def _old_values(kind: Entity, events: Sequence[Happened]) -> dict[UUID, tuple[dict[str, Any], list[str]]]:
    """Old values of what each event's transaction changed in its record, and the names of what it changed."""
    rows = await raw_connection(driver_transaction()).fetch(
        _OLD,
        current_tenant(),
        [event.id for event in events],
        [event.record_id for event in events],
        [event.occurred_at for event in events],
        kind.name,
    )
    columns = {column: kind.model._meta.fields_map[name] for name, column in _projection(kind).items()}
    known = columns_of(kind.model)
    found: dict[UUID, tuple[dict[str, Any], list[str]]] = {}
    for row in rows:
        before, changed = found.setdefault(row["id"], ({}, []))
        old, new = _json(row["before"]), _json(row["after"])
        for name in dict.fromkeys((*old, *new)):
            if name in known:
                changed.append(camel(name))
        for name, value in old.items():
            if name in known:
                before[camel(name)] = _typed(columns[name], value)
    return {event: (before, sorted(set(changed))) for event, (before, changed) in found.items()}


def _projection(kind: Entity) -> Mapping[str, str]:
    return kind.model._meta.fields_db_projection


def _json(value: Any) -> dict[str, Any]:
    import orjson

    loaded = orjson.loads(value) if isinstance(value, str | bytes) else value
    return loaded if isinstance(loaded, dict) else {}


def _typed(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    try:
        return convert(column, value)
    except (BadValue, TypeError):
        return None
