"""The rows that are written with their record, as whole lists: channels, lines, competitors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.actions.constraints import explained
from evenhand.actions.journal import Journal
from evenhand.actions.values import clean
from evenhand.db.bulk import insert_rows
from evenhand.entities.registry import Child
from evenhand.errors import Problem
from evenhand.tenancy.models import uuid7


def check_child(child: Child, row: Any, number: int) -> tuple[dict[str, Any], list[Problem]]:
    """Check one row of a child list. Returns: its values, and what is wrong with it."""
    prefix = f"{child.key}.{number}."
    if not isinstance(row, Mapping):
        where = prefix.rstrip(".")
        return {}, [Problem(where, "WRONG_TYPE", f"{where}: {row!r} is not an object.", "Give an object.")]
    columns = frozenset(child.model._meta.fields_db_projection.values())
    allowed = columns - {"id", "tenant_id", "created_at", child.parent}
    if child.key == "lines" and "position" in columns:
        row = {"position": number + 1, **row}
    if "amount" in allowed and "amount" not in row:
        allowed = allowed - {"amount"}
    return clean(child.model, row, allowed=allowed, prefix=prefix)


async def insert_children(
    child: Child,
    per_record: Mapping[UUID, Sequence[Mapping[str, Any]]],
    journal: Journal,
    times: Mapping[UUID, datetime],
) -> None:
    """Insert the child rows of records, in one statement."""
    rows: list[dict[str, Any]] = []
    columns = frozenset(child.model._meta.fields_db_projection.values())
    for record_id, items in per_record.items():
        for item in items:
            row = {"id": uuid7(), "tenant_id": journal.actor.tenant_id, child.parent: record_id, **item}
            if "created_at" in columns:
                row["created_at"] = times[record_id]
            rows.append(row)
    with explained(child.model, rows):
        await insert_rows(journal.client, child.model, rows)


async def replace_children(
    child: Child,
    per_record: Mapping[UUID, Sequence[Mapping[str, Any]]],
    journal: Journal,
    times: Mapping[UUID, datetime],
) -> None:
    """Put other child rows in the place of those that records have, in two statements."""
    if not per_record:
        return
    await child.model.filter(**{f"{child.parent}__in": list(per_record)}).delete()
    await insert_children(child, per_record, journal, times)


async def children_of(child: Child, ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The child rows of records, as drafts have them, in the order in which they were written."""
    if not ids:
        return {}
    hidden = ("id", "tenant_id", "created_at", child.parent)
    columns = [column for column in child.model._meta.fields_db_projection.values() if column not in hidden]
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in await child.model.filter(**{f"{child.parent}__in": list(ids)}).order_by("id"):
        found.setdefault(getattr(row, child.parent), []).append({name: getattr(row, name) for name in columns})
    return found


def same_rows(wanted: Sequence[Mapping[str, Any]], there: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a child list is as it was; also its order counts."""
    return len(wanted) == len(there) and all(new == old for new, old in zip(wanted, there, strict=True))
