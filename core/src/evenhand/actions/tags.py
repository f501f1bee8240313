"""Put tags on records: who put which word on what, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.actions.constraints import explained
from evenhand.actions.errors import RecordArchived
from evenhand.actions.journal import Journal, writing
from evenhand.actions.sight import no_such, refused_records
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import driver_transaction, raw_connection
from evenhand.entities import Tag, Tagging
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7

TAGGABLE = ("Account", "Contact", "Lead", "Opportunity")


@dataclass(frozen=True)
class Mark:
    """A tag for one record.

    Attributes:
        actor_id: who put it there; None for the system.
        at: when, for history that the system brings in; now by default.
    """

    tag_id: UUID
    entity: str
    record_id: UUID
    why: str | None = None
    actor_id: UUID | None = None
    at: datetime | None = None


async def put_tags(marks: Sequence[Mark], *, journal: Journal) -> int:
    """Put tags on records inside the transaction of `journal`; a tag that is there already stays as it is.

    Returns: how many were new.

    Raises:
        InvalidInput: a record of an entity that has no tags, or that does not exist. NotFound: no such tag.
        RecordArchived: a record was put away.
    """
    for mark in marks:
        _require_taggable(mark.entity)
    wanted = {(mark.tag_id, mark.entity, mark.record_id): mark for mark in reversed(marks)}
    present = await _present(marks)
    await _refuse_archived(marks)
    new = [mark for key, mark in wanted.items() if key not in present]
    rows = [_row(mark, journal) for mark in new]
    with explained(Tagging, rows):
        await insert_rows(journal.client, Tagging, rows)
    for mark in new:
        payload = {"tag_id": mark.tag_id, "why": mark.why}
        journal.record(mark.entity, mark.record_id, before=None, after=payload, at=mark.at)
        journal.emit("Tagged", mark.entity, mark.record_id, payload, at=mark.at)
    return len(new)


async def _refuse_archived(marks: Sequence[Mark]) -> None:
    """Refuse tags on records that were put away, or that the actor may not change; nobody puts them away meanwhile."""
    for name in sorted({mark.entity for mark in marks}):
        rows = await raw_connection(driver_transaction()).fetch(
            f'SELECT id, archived_at FROM "{entity(name).model._meta.db_table}" '
            "WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR SHARE",
            current_actor().tenant_id,
            [mark.record_id for mark in marks if mark.entity == name],
        )
        await _refuse_hidden(name, [row["id"] for row in rows])
        for row in rows:
            if row["archived_at"] is not None:
                raise RecordArchived(f"{name} {row['id']} is archived.", hint="Restore it first.")


async def _refuse_hidden(name: str, ids: Sequence[UUID]) -> None:
    """Refuse tags on records that the actor may not change; on hidden ones in the words for missing ones."""
    for record_id, error in sorted((await refused_records(entity(name), ids)).items()):
        if isinstance(error, NotFound):
            raise InvalidInput([no_such(f"{name.lower()}_id", record_id)])
        raise error


def _require_taggable(entity_name: str) -> None:
    if entity_name not in TAGGABLE:
        hint = f"Tag one of: {', '.join(TAGGABLE)}."
        raise InvalidInput([Problem("", "NOT_TAGGABLE", f"{entity_name} records have no tags.", hint)])


async def _present(marks: Sequence[Mark]) -> set[tuple[UUID, str, UUID]]:
    """Which of these are there; the tags stay locked, so that two writers do not put one on twice."""
    tag_ids = {mark.tag_id for mark in marks}
    locked = {tag.id for tag in await Tag.filter(id__in=list(tag_ids)).order_by("id").select_for_update(no_key=True)}
    for tag_id in tag_ids - locked:
        raise NotFound("Tag", tag_id)
    found: set[tuple[UUID, str, UUID]] = set()
    for name in {mark.entity for mark in marks}:
        column = f"{name.lower()}_id"
        records = [mark.record_id for mark in marks if mark.entity == name]
        taggings = await Tagging.filter(**{"tag_id__in": list(tag_ids), f"{column}__in": records})
        found |= {(tagging.tag_id, name, getattr(tagging, column)) for tagging in taggings}
    return found


def _row(mark: Mark, journal: Journal) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "tag_id": mark.tag_id,
        **{f"{name.lower()}_id": mark.record_id if name == mark.entity else None for name in TAGGABLE},
        "actor_id": mark.actor_id,
        "why": mark.why,
        "created_at": journal.moment(mark.at),
    }


async def tag_records(entity_name: str, record_ids: Sequence[UUID], tag_id: UUID, *, why: str | None = None) -> int:
    """Put a tag on records, in the actor's name. Returns: how many did not have it yet.

    Args:
        why: in the actor's words.

    Raises:
        InvalidInput, NotFound, PermissionDenied.
    """
    kind = entity(entity_name)
    actor = current_actor()
    require(actor, Operation.UPDATE, kind.name)
    why = require_value(Tagging, "why", why)
    marks = [Mark(tag_id, kind.name, record_id, why, actor.user_id) for record_id in record_ids]
    async with writing("tag_records") as journal:
        return await put_tags(marks, journal=journal)


async def untag_records(entity_name: str, record_ids: Sequence[UUID], tag_id: UUID) -> int:
    """Take a tag off records. Returns: how many had it.

    Raises:
        InvalidInput: an entity that has no tags. PermissionDenied.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.UPDATE, kind.name)
    _require_taggable(kind.name)
    column = f"{kind.name.lower()}_id"
    async with writing("untag_records") as journal:
        there = Tagging.filter(**{"tag_id": tag_id, f"{column}__in": list(record_ids)})
        found = await there.order_by("id").select_for_update()
        refused = await refused_records(kind, {getattr(tagging, column) for tagging in found})
        for error in refused.values():
            if not isinstance(error, NotFound):
                raise error
        found = [tagging for tagging in found if getattr(tagging, column) not in refused]
        for tagging in found:
            record_id: UUID = getattr(tagging, column)
            payload = {"tag_id": tag_id}
            journal.record(kind.name, record_id, before=payload, after=None)
            journal.emit("Untagged", kind.name, record_id, payload)
        await Tagging.filter(id__in=[tagging.id for tagging in found]).delete()
    return len(found)
