"""A smallest valid row for any tenant table, so that generated tests can walk all of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from tortoise import Tortoise, fields
from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.fields.relational import ForeignKeyFieldInstance

from evenhand.db.bulk import insert_rows
from evenhand.entities import Tagging
from evenhand.ownership.conflicts.models import ConflictParty
from evenhand.ownership.handovers.models import HandoverTask
from evenhand.ownership.members.models import RecordMember
from evenhand.ownership.models import Pool
from evenhand.ownership.pools.models import PoolMember
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import TenantModel, uuid7


def tenant_models() -> list[type[TenantModel]]:
    """Every model of the core and the installed plugins whose rows belong to a tenant."""
    found = [model for app in (Tortoise.apps or {}).values() for model in app.values()]
    return [model for model in found if issubclass(model, TenantModel)]


def _some_value(field: Field[Any], unique: str) -> Any:
    match field:
        case CharEnumFieldInstance():
            members: list[Enum] = list(field.enum_type)
            return members[0]
        case fields.JSONField():
            return []
        case fields.CharField() | fields.TextField():
            longest = getattr(field, "max_length", 300)
            return "USD" if longest == 3 else unique[-longest:]
        case fields.DecimalField():
            return Decimal(1)
        case fields.DatetimeField():
            return datetime.now(UTC)
        case fields.DateField():
            return date(2026, 1, 1)
        case fields.BooleanField():
            return False
        case fields.UUIDField():
            return uuid7()
        case fields.BinaryField():
            return b"value"
        case fields.IntField() | fields.BigIntField():
            return 1
    raise TypeError(f"no value for {type(field).__name__}")


async def insert_some_row(client: TransactionWrapper, model: type[TenantModel], **given: Any) -> UUID:
    """Insert a row with only what is required, and first the rows it refers to; given columns are taken as they are.

    Returns: its id.
    """
    meta = model._meta
    row: dict[str, Any] = {"id": uuid7(), "tenant_id": current_tenant(), **given}
    references = {
        str(field.source_field): field
        for field in (meta.fields_map[name] for name in meta.fk_fields)
        if isinstance(field, ForeignKeyFieldInstance)
    }
    for name, column in meta.fields_db_projection.items():
        field = meta.fields_map[name]
        if column in row:
            continue
        if column in references:
            row[column] = None if references[column].null else await _some_parent(client, references[column])
        elif field.default is not None:
            row[column] = field.default() if callable(field.default) else field.default
        elif field.null:
            row[column] = None
        else:
            row[column] = _some_value(field, uuid7().hex)
    if "pool_id" in row and row["pool_id"] is None and row.get("owner_id") is None:
        row["pool_id"] = await insert_some_row(client, Pool)
    if model is PoolMember and not any(row[name] for name in ("user_id", "team_id", "region", "product_line")):
        row["region"] = "华东"
    if model is Tagging and not any(row[column] for column in references if column not in ("tag_id", "actor_id")):
        row["account_id"] = await _some_parent(client, references["account_id"])
    if model is RecordMember:
        if not any(row[column] for column in ("account_id", "lead_id", "opportunity_id")):
            row["account_id"] = await _some_parent(client, references["account_id"])
        row["share"] = row["share"] or Decimal(1)
    if model is ConflictParty and not any(row[column] for column in references if column != "case_id"):
        row["user_id"] = await _some_parent(client, references["user_id"])
    if model is HandoverTask and row["task_id"] is None and row["ticket_id"] is None:
        row["task_id"] = await _some_parent(client, references["task_id"])
    await insert_rows(client, model, [row])
    inserted: UUID = row["id"]
    return inserted


async def _some_parent(client: TransactionWrapper, field: ForeignKeyFieldInstance[Any]) -> UUID:
    return await insert_some_row(client, field.related_model)
