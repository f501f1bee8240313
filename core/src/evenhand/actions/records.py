"""Create, update, archive and restore records of any entity: set-based, with journal and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.actions.constraints import explained
from evenhand.actions.errors import RecordArchived, VersionConflict
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.preparation import prepare_changes, prepare_new
from evenhand.actions.structure import refuse_archiving
from evenhand.actions.values import clean
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Child, Entity, entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.ownership.holders import default_holder, require_eligible_owners, require_may_own
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel, uuid7

Draft = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A change asked for: which record, on which version it was made, and the new values.

    Attributes:
        version: None takes the change whatever the current version is.
        at: when it happened, for history that the system brings in; now by default.
    """

    record_id: UUID
    values: Draft
    version: int | None = None
    at: datetime | None = None


def check_draft(kind: Entity, draft: Draft, *, partial: bool = False) -> tuple[dict[str, Any], list[Problem]]:
    """Check one draft of `kind` without touching the database: its columns and its child lists.

    Returns: column values, with child lists under their keys; and all problems.
    """
    keys = {child.key for child in kind.children}
    allowed = kind.changeable if partial else kind.writable
    own = {name: value for name, value in draft.items() if name not in keys}
    values, problems = clean(kind.model, own, allowed=allowed, filled=kind.filled, partial=partial)
    for child in kind.children:
        if draft.get(child.key) is None:
            continue
        if not isinstance(draft[child.key], Sequence) or isinstance(draft[child.key], str):
            message = f"{child.key}: {draft[child.key]!r} is not a list."
            problems.append(Problem(child.key, "WRONG_TYPE", message, "Give a list of objects."))
            continue
        values[child.key] = []
        for number, row in enumerate(draft[child.key]):
            row_values, row_problems = _check_child(child, row, number)
            values[child.key].append(row_values)
            problems += row_problems
    return values, problems


def _check_child(child: Child, row: Any, number: int) -> tuple[dict[str, Any], list[Problem]]:
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


async def create_records(
    kind: Entity,
    drafts: Sequence[Draft],
    *,
    journal: Journal,
    why: Why | None = None,
    moments: Sequence[datetime] | None = None,
) -> list[UUID]:
    """Create records of one entity inside the transaction of `journal`; all or nothing.

    Args:
        moments: when each was created, for history that the system brings in; now by default.

    Returns: their ids, in the order of the drafts.

    Raises:
        InvalidInput: with the problems of all drafts; fields start with the draft's number when there are several.
    """
    cleaned: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, draft in enumerate(drafts):
        values, found = check_draft(kind, draft)
        if len(drafts) > 1:
            found = [Problem(f"{number}.{item.field}", item.code, item.message, item.hint) for item in found]
        cleaned.append(values)
        problems += found
    if problems:
        raise InvalidInput(problems)
    return await insert_clean(kind, cleaned, journal=journal, why=why, moments=moments)


async def insert_clean(
    kind: Entity,
    cleaned: Sequence[dict[str, Any]],
    *,
    journal: Journal,
    why: Why | None = None,
    moments: Sequence[datetime] | None = None,
    ids: Sequence[UUID] | None = None,
) -> list[UUID]:
    """Insert records whose values went through `check_draft`. Returns: their ids, in order.

    Args:
        ids: the ids to give them, when the caller announced them already (new ones by default).
    """
    if not cleaned:
        return []
    times = [journal.moment(at) for at in moments] if moments is not None else [journal.now] * len(cleaned)
    await prepare_new(kind, cleaned, times)
    if kind.ownable:
        await _give_holders(kind, cleaned, chosen=why is None)
    ids = list(ids) if ids is not None else [uuid7() for _ in cleaned]
    keys = {child.key for child in kind.children}
    rows = [
        {
            "id": record_id,
            "tenant_id": journal.actor.tenant_id,
            "created_at": at,
            "updated_at": at,
            "version": 1,
            **({"held_since": at} if kind.ownable else {}),
            **{name: value for name, value in values.items() if name not in keys},
        }
        for record_id, values, at in zip(ids, cleaned, times, strict=True)
    ]
    with explained(kind.model, rows):
        await insert_rows(journal.client, kind.model, rows)
    for child in kind.children:
        listed = {i: values[child.key] for i, values in zip(ids, cleaned, strict=True) if child.key in values}
        await _insert_children(child, listed, journal, dict(zip(ids, times, strict=True)))
    for record_id, values, at in zip(ids, cleaned, times, strict=True):
        given = {name: value for name, value in values.items() if value not in (None, [], {})}
        journal.record(kind.name, record_id, before=None, after=given, at=at)
        journal.emit(f"{kind.name}Created", kind.name, record_id, given, at=at)
        if kind.ownable:
            journal.hold(
                kind.name,
                record_id,
                owner_id=values["owner_id"],
                pool_id=values["pool_id"],
                why=why or Why(OwnershipReason.CREATED),
                at=at,
            )
    await _note_first_stages(kind, ids, cleaned, journal)
    return ids


async def _note_first_stages(
    kind: Entity, ids: Sequence[UUID], cleaned: Sequence[Mapping[str, Any]], journal: Journal
) -> None:
    if kind.name == "Opportunity":
        from evenhand.actions.stages import note_stage_changes

        await note_stage_changes(
            [(i, None, values["stage_id"], values["stage_entered_at"]) for i, values in zip(ids, cleaned, strict=True)],
            journal,
        )


async def _give_holders(kind: Entity, cleaned: Sequence[dict[str, Any]], *, chosen: bool) -> None:
    """Fill in exactly one of owner and pool, and refuse owners who cannot hold customers.

    Args:
        chosen: the actor chose the owners, and must be allowed to.
    """
    fallback = await default_holder(kind.name)
    problems = []
    for number, values in enumerate(cleaned):
        if values["owner_id"] is not None and values["pool_id"] is not None:
            message = f"owner_id: record {number + 1} has both an owner and a pool."
            problems.append(Problem("owner_id", "TWO_HOLDERS", message, "Give an owner or a pool, not both."))
        elif values["owner_id"] is None and values["pool_id"] is None:
            values["owner_id"], values["pool_id"] = fallback
    if problems:
        raise InvalidInput(problems)
    owners = {values["owner_id"] for values in cleaned if values["owner_id"] is not None}
    if chosen:
        require_may_own(kind.name, owners)
    await require_eligible_owners(owners)


async def _insert_children(
    child: Child,
    per_record: Mapping[UUID, Sequence[Mapping[str, Any]]],
    journal: Journal,
    times: Mapping[UUID, datetime],
) -> None:
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


async def create_record(entity_name: str, values: Draft) -> UUID:
    """Create one record. Returns: its id.

    Args:
        entity_name: e.g. "Lead".
        values: column name to value; child lists by their keys ("channels", "lines").

    Raises:
        InvalidInput, DuplicateValue, OwnerNotEligible, PermissionDenied.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.CREATE, kind.name)
    async with writing(f"create_{_snake(kind.name)}") as journal:
        (record_id,) = await create_records(kind, [values], journal=journal)
    return record_id


async def update_records(kind: Entity, changes: Sequence[Change], *, journal: Journal) -> list[UUID]:
    """Change records of one entity inside the transaction of `journal`; all or nothing.

    Each record is locked first. Values that are the same already change nothing.

    Returns: ids of the records that really changed.
    """
    ids = [change.record_id for change in changes]
    if len(set(ids)) < len(ids):
        message = "id: a record is named twice in one change."
        raise InvalidInput([Problem("id", "NAMED_TWICE", message, "Put the values of one record together.")])
    locked = await _lock(kind, ids)
    problems: list[Problem] = []
    plans: list[tuple[RecordModel, dict[str, Any]]] = []
    for change in changes:
        record = locked[change.record_id]
        _refuse_stale(kind, record, change)
        values, found = check_draft(kind, change.values, partial=True)
        problems += found
        plans.append((record, values))
    if problems:
        raise InvalidInput(problems)
    return await apply_clean(kind, plans, journal=journal, moments={change.record_id: change.at for change in changes})


async def apply_clean(
    kind: Entity,
    plans: Sequence[tuple[RecordModel, dict[str, Any]]],
    *,
    journal: Journal,
    moments: Mapping[UUID, datetime | None] | None = None,
) -> list[UUID]:
    """Write checked values over locked records.

    Args:
        moments: when each record changed, for history that the system brings in; now by default.

    Returns: ids of the records that really changed.
    """
    times = {record.id: journal.moment((moments or {}).get(record.id)) for record, _ in plans}
    await prepare_changes(kind, plans, journal, times)
    keys = {child.key for child in kind.children}
    there = {
        child.key: await children_of(child, [record.id for record, values in plans if child.key in values])
        for child in kind.children
    }
    changed: list[UUID] = []
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record, values in plans:
        new = {k: v for k, v in values.items() if k not in keys and getattr(record, k) != v}
        children = {
            child: values[child.key]
            for child in kind.children
            if child.key in values and not _same_rows(values[child.key], there[child.key].get(record.id, []))
        }
        if not new and not children:
            continue
        row = {"id": record.id, "tenant_id": record.tenant_id, **new}
        row |= {"version": record.version + 1, "updated_at": times[record.id]}
        groups.setdefault(tuple(sorted(row)), []).append({name: row[name] for name in sorted(row)})
        changed.append(record.id)
        for child, items in children.items():
            await child.model.filter(**{child.parent: record.id}).delete()
            await _insert_children(child, {record.id: items}, journal, times)
        before = {name: getattr(record, name) for name in new}
        before |= {child.key: there[child.key].get(record.id, []) for child in children}
        after = {**new, **{child.key: items for child, items in children.items()}}
        at = times[record.id]
        journal.record(kind.name, record.id, before=before, after=after, at=at)
        journal.emit(f"{kind.name}Updated", kind.name, record.id, after, at=at)
    for rows in groups.values():
        with explained(kind.model, rows):
            await update_rows(journal.client, kind.model, rows)
    return changed


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


def _same_rows(wanted: Sequence[Mapping[str, Any]], there: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a child list is as it was; also its order counts."""
    return len(wanted) == len(there) and all(new == old for new, old in zip(wanted, there, strict=True))


async def _lock(kind: Entity, ids: Sequence[UUID]) -> dict[UUID, RecordModel]:
    """Lock the records in the order of their ids, so that two writers never wait for each other.

    Without the lock of the key: a write that only refers to a record does not wait for its changes.
    """
    found = await kind.model.filter(id__in=list(set(ids))).order_by("id").select_for_update(no_key=True)
    locked = {record.id: record for record in found}
    for record_id in ids:
        if record_id not in locked:
            raise NotFound(kind.name, record_id)
    return locked


def _refuse_stale(kind: Entity, record: RecordModel, change: Change) -> None:
    if change.version is not None and change.version != record.version:
        raise VersionConflict(
            f"{kind.name} {record.id} is at version {record.version}, the change was made on {change.version}.",
            hint="Read it again, look at what changed, and send the change with the new version.",
            current=record.version,
        )
    if record.archived_at is not None:
        raise RecordArchived(f"{kind.name} {record.id} is archived.", hint="Restore it first.")


async def update_record(entity_name: str, record_id: UUID, values: Draft, *, version: int | None = None) -> bool:
    """Change one record. Returns: whether anything was different.

    Args:
        version: the version the change was made on; None overwrites whatever is there.

    Raises:
        NotFound, VersionConflict, RecordArchived, InvalidInput, DuplicateValue, PermissionDenied.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.UPDATE, kind.name)
    async with writing(f"update_{_snake(kind.name)}") as journal:
        return bool(await update_records(kind, [Change(record_id, values, version)], journal=journal))


async def _set_archived(entity_name: str, record_id: UUID, version: int | None, *, archive: bool) -> bool:
    kind = entity(entity_name)
    require(current_actor(), Operation.ARCHIVE, kind.name)
    verb = "archive" if archive else "restore"
    async with writing(f"{verb}_{_snake(kind.name)}") as journal:
        record = (await _lock(kind, [record_id]))[record_id]
        if version is not None and version != record.version:
            _refuse_stale(kind, record, Change(record_id, {}, version))
        if (record.archived_at is not None) == archive:
            return False
        if archive:
            refuse_archiving(kind, record)
        moment = journal.now if archive else None
        row: dict[str, Any] = {"id": record.id, "tenant_id": record.tenant_id, "archived_at": moment}
        row |= {"version": record.version + 1, "updated_at": journal.now}
        await update_rows(journal.client, kind.model, [row])
        before, after = {"archived_at": record.archived_at}, {"archived_at": moment}
        journal.record(kind.name, record.id, before=before, after=after)
        journal.emit(f"{kind.name}{'Archived' if archive else 'Restored'}", kind.name, record.id, after)
    return True


async def archive_record(entity_name: str, record_id: UUID, *, version: int | None = None) -> bool:
    """Put a record away; it keeps its history and can be restored. Returns: False when it was archived already."""
    return await _set_archived(entity_name, record_id, version, archive=True)


async def restore_record(entity_name: str, record_id: UUID, *, version: int | None = None) -> bool:
    """Bring an archived record back. Returns: False when it was not archived."""
    return await _set_archived(entity_name, record_id, version, archive=False)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
