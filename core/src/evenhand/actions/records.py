"""Create, update, archive and restore records of any entity: set-based, with journal and events."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from evenhand.actions.children import check_child, children_of, insert_children, replace_children, same_rows
from evenhand.actions.closings import Placing, tell_closings
from evenhand.actions.conflicts.opening import suspect_groups
from evenhand.actions.constraints import explained
from evenhand.actions.errors import RecordArchived, VersionConflict
from evenhand.actions.handovers.leaving import refuse_leaving
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.orders import effects_of_archiving, settle_payments
from evenhand.actions.pools.guard import Transfer, enforce, enforce_edits
from evenhand.actions.preparation import prepare_changes, prepare_new
from evenhand.actions.sight import refused_records
from evenhand.actions.stages import Move, note_stage_changes
from evenhand.actions.structure import hold_tree, may_not_archive, may_not_restore
from evenhand.actions.team_closure import hold_teams, settle_moves, settle_teams
from evenhand.actions.validation import asks_plugins, validate_changes
from evenhand.actions.values import clean, require_value
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.automation.saving import subscribe_rules
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.entities import StageChange
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity, entity
from evenhand.errors import EvenhandError, InvalidInput, NotFound, Problem, Refusals, placed
from evenhand.ownership.holders import Holder, default_holder, ineligible_owners, require_may_own
from evenhand.plugins.contract import RecordChange
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel, uuid7

Draft = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A change asked for: which record, on which version it was made, and the new values.

    Attributes:
        version: None takes the change whatever the current version is.
        at: when it happened, for history that the system brings in; now by default.
        override_reason: why an opportunity may go on although criteria of its stage are not met.
    """

    record_id: UUID
    values: Draft
    version: int | None = None
    at: datetime | None = None
    override_reason: str | None = None


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
            row_values, row_problems = check_child(child, row, number)
            values[child.key].append(row_values)
            problems += row_problems
    return values, problems


async def create_records(
    kind: Entity,
    drafts: Sequence[Draft],
    *,
    journal: Journal,
    why: Why | None = None,
    moments: Sequence[datetime] | None = None,
    override: str | None = None,
) -> list[UUID]:
    """Create records of one entity inside the transaction of `journal`; all or nothing.

    Args:
        moments: when each was created, for history that the system brings in; now by default.
        override: why limits of their owners are set aside, see `enforce`.

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
    return await insert_clean(kind, cleaned, journal=journal, why=why, moments=moments, override=override)


async def insert_clean(
    kind: Entity,
    cleaned: Sequence[dict[str, Any]],
    *,
    journal: Journal,
    why: Why | None = None,
    moments: Sequence[datetime] | None = None,
    ids: Sequence[UUID] | None = None,
    override: str | None = None,
) -> list[UUID]:
    """Insert records whose values went through `check_draft`. Returns: their ids, in order.

    Args:
        ids: the ids to give them, when the caller announced them already (new ones by default).
        override: why limits of their owners are set aside, see `enforce`.
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
    if asks_plugins(kind):
        pairs = zip(rows, cleaned, strict=True)
        new = [RecordChange(kind.name, row["id"], None, {**row, **values}) for row, values in pairs]
        await validate_changes(kind, new, journal)
    overridden = await _enforce_new(kind, rows, journal, why, override) if kind.ownable else frozenset()
    await hold_teams(kind, journal)
    with explained(kind.model, rows):
        await insert_rows(journal.client, kind.model, rows)
    await settle_teams(kind, ids, journal)
    for child in kind.children:
        listed = {i: values[child.key] for i, values in zip(ids, cleaned, strict=True) if child.key in values}
        await insert_children(child, listed, journal, dict(zip(ids, times, strict=True)))
    for record_id, values, at in zip(ids, cleaned, times, strict=True):
        given = {name: value for name, value in values.items() if value not in (None, [], {})}
        journal.record(kind.name, record_id, before=None, after=given, at=at)
        journal.emit(f"{kind.name}Created", kind.name, record_id, {"after": given}, at=at)
        if kind.ownable:
            journal.hold(
                kind.name,
                record_id,
                owner_id=values["owner_id"],
                pool_id=values["pool_id"],
                why=why or Why(OwnershipReason.CREATED),
                at=at,
                override=override if record_id in overridden else None,
            )
    suspect_groups(kind, dict(zip(ids, cleaned, strict=True)), journal)
    await _note_first_stages(kind, ids, cleaned, journal)
    await subscribe_rules(kind)
    return ids


async def _enforce_new(
    kind: Entity, rows: Sequence[Mapping[str, Any]], journal: Journal, why: Why | None, override: str | None
) -> frozenset[UUID]:
    reason = why or Why(OwnershipReason.CREATED)
    transfers = [
        Transfer(row["id"], row, None, Holder(row["owner_id"], row["pool_id"]), reason, row["held_since"])
        for row in rows
    ]
    return await enforce(kind, transfers, journal, override=override)


async def _note_first_stages(
    kind: Entity, ids: Sequence[UUID], cleaned: Sequence[Mapping[str, Any]], journal: Journal
) -> None:
    if kind.name == "Opportunity":
        moves = [
            Move(record_id, None, values["stage_id"], values["stage_entered_at"])
            for record_id, values in zip(ids, cleaned, strict=True)
        ]
        await note_stage_changes(moves, journal)
        placings = [
            Placing(record_id, None, values, values["stage_entered_at"])
            for record_id, values in zip(ids, cleaned, strict=True)
        ]
        await tell_closings(placings, journal)


async def _give_holders(kind: Entity, cleaned: Sequence[dict[str, Any]], *, chosen: bool) -> None:
    """Fill in exactly one of owner and pool, and refuse owners who cannot hold customers.

    Args:
        chosen: the actor chose the owners, and must be allowed to.
    """
    fallback = await default_holder(kind.name)
    refusals = Refusals()
    for row, values in enumerate(cleaned):
        if values["owner_id"] is not None and values["pool_id"] is not None:
            message = "owner_id: the record has both an owner and a pool."
            refusals.add(row, Problem("owner_id", "TWO_HOLDERS", message, "Give an owner or a pool, not both."))
        elif values["owner_id"] is None and values["pool_id"] is None:
            values["owner_id"], values["pool_id"] = fallback
    owners = {values["owner_id"] for values in cleaned if values["owner_id"] is not None}
    errors = await ineligible_owners(owners)
    for row, values in enumerate(cleaned):
        owner_id = values["owner_id"]
        try:
            if chosen and owner_id is not None:
                require_may_own(kind.name, [owner_id])
        except PermissionDenied as denied:
            refusals.refuse(row, denied)
        if owner_id in errors:
            refusals.refuse(row, errors[owner_id])
    refusals.raise_if_any()


async def create_record(entity_name: str, values: Draft, *, override: str | None = None) -> UUID:
    """Create one record. Returns: its id.

    Args:
        entity_name: e.g. "Lead".
        values: column name to value; child lists by their keys ("channels", "lines").
        override: why limits are set aside, such as a customer that somebody has already; kept in the ledger.

    Raises:
        InvalidInput, DuplicateValue, OwnerNotEligible, PermissionDenied; TransferRefused: a limit stands against it,
        such as `DuplicateOwned`.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.CREATE, kind.name)
    async with writing(f"create_{snake(kind.name)}") as journal:
        (record_id,) = await create_records(kind, [values], journal=journal, override=override)
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
    await hold_tree(kind, [change.values for change in changes], journal)
    locked = await lock_all(kind, ids)
    problems: list[Problem] = []
    plans: list[tuple[RecordModel, dict[str, Any]]] = []
    for change in changes:
        record = locked[change.record_id]
        refuse_stale(kind, record, change.version)
        refuse_archived(kind, record)
        values, found = check_draft(kind, change.values, partial=True)
        problems += found
        plans.append((record, values))
    if problems:
        raise InvalidInput(problems)
    return await apply_clean(
        kind,
        plans,
        journal=journal,
        moments={change.record_id: change.at for change in changes},
        overrides=overrides_of(changes),
    )


def overrides_of(changes: Sequence[Change]) -> dict[UUID, str]:
    """The override reasons of changes, by the records' ids.

    Raises:
        InvalidInput: a reason that cannot be kept.
    """
    given = [(change.record_id, change.override_reason) for change in changes if change.override_reason is not None]
    return {
        record_id: str(require_value(StageChange, "override_reason", reason))
        for record_id, reason in given
        if reason.strip()
    }


async def apply_clean(
    kind: Entity,
    plans: Sequence[tuple[RecordModel, dict[str, Any]]],
    *,
    journal: Journal,
    moments: Mapping[UUID, datetime | None] | None = None,
    overrides: Mapping[UUID, str] | None = None,
    compared: bool = True,
) -> list[UUID]:
    """Write checked values over locked records; set-based.

    Args:
        moments: when each record changed, for history that the system brings in; now by default.
        overrides: why opportunities may go on although criteria of their stages are not met.
        compared: whether duplicates are looked for, see `enforce_edits`.

    Returns: ids of the records that really changed.
    """
    times = {record.id: journal.moment((moments or {}).get(record.id)) for record, _ in plans}
    await prepare_changes(kind, plans, journal, times, overrides or {})
    await enforce_edits(kind, plans, journal, compared=compared)
    there = {
        child.key: await children_of(child, [record.id for record, values in plans if child.key in values])
        for child in kind.children
    }
    rows: list[dict[str, Any]] = []
    asked = asks_plugins(kind)
    changes: list[RecordChange] = []
    places: list[int] = []
    replaced: dict[str, dict[UUID, Any]] = {child.key: {} for child in kind.children}
    for place, (record, values) in enumerate(plans):
        new = {k: v for k, v in values.items() if k not in replaced and getattr(record, k) != v}
        lists = {
            key: values[key]
            for key in replaced
            if key in values and not same_rows(values[key], there[key].get(record.id, []))
        }
        if not new and not lists:
            continue
        at = times[record.id]
        row = {"id": record.id, "tenant_id": record.tenant_id, **new}
        rows.append({**row, "version": record.version + 1, "updated_at": at})
        for key, items in lists.items():
            replaced[key][record.id] = items
        old_lists = {key: there[key].get(record.id, []) for key in lists}
        if asked:
            places.append(place)
            old = {**record.columns(), **old_lists}
            changes.append(RecordChange(kind.name, record.id, old, {**old, **new, **lists}))
        before = {name: getattr(record, name) for name in new}
        before |= old_lists
        after = {**new, **lists}
        journal.record(kind.name, record.id, before=before, after=after, at=at)
        journal.emit(f"{kind.name}Updated", kind.name, record.id, {"before": before, "after": after}, at=at)
    with placed(places):
        await validate_changes(kind, changes, journal)
    for child in kind.children:
        await replace_children(child, replaced[child.key], journal, times)
    with explained(kind.model, rows):
        await update_rows(journal.client, kind.model, rows)
    suspect_groups(kind, {row["id"]: row for row in rows}, journal)
    await settle_moves(kind, plans, journal)
    if kind.name == "Opportunity":
        placings = [
            Placing(record.id, before, {**before, **values}, times[record.id])
            for record, values in plans
            if "stage_id" in values
            for before in [record.columns()]
        ]
        await tell_closings(placings, journal)
    await subscribe_rules(kind)
    return [row["id"] for row in rows]


class Locked(dict[UUID, RecordModel]):
    """The records that the actor may change, by their ids; all of them are locked.

    Attributes:
        refused: why others are not among them.
    """

    def __init__(self, found: Mapping[UUID, RecordModel], refused: Mapping[UUID, EvenhandError]) -> None:
        super().__init__({record_id: record for record_id, record in found.items() if record_id not in refused})
        self.refused = refused

    def refusal(self, kind: Entity, record_id: UUID) -> EvenhandError:
        """Why a record is not among them: it is not there, or hidden, or may not be changed."""
        return self.refused.get(record_id) or NotFound(kind.name, record_id)


async def lock_known(kind: Entity, ids: Collection[UUID]) -> Locked:
    """Lock those of the records that there are and that the actor may change, in the order of their ids, so that two
    writers never wait for each other in a circle.

    Without the lock of the key: a write that only refers to a record does not wait for its changes.
    """
    found = await kind.model.filter(id__in=list(set(ids))).order_by("id").select_for_update(no_key=True)
    records = {record.id: record for record in found}
    return Locked(records, await refused_records(kind, records))


async def lock_all(kind: Entity, ids: Sequence[UUID]) -> dict[UUID, RecordModel]:
    """Lock the records; raises `NotFound` for the first that there is not or that is hidden from the actor, and
    `PermissionDenied` for one that the actor only sees."""
    locked = await lock_known(kind, ids)
    for record_id in ids:
        if record_id not in locked:
            raise locked.refusal(kind, record_id)
    return locked


def refuse_stale(kind: Entity, record: RecordModel, version: int | None) -> None:
    """Raise `VersionConflict` unless the change was made on the record as it is; None is made on any."""
    if version is not None and version != record.version:
        raise VersionConflict(
            f"{kind.name} {record.id} is at version {record.version}, the change was made on {version}.",
            hint="Read it again, look at what changed, and send the change with the new version.",
            current=record.version,
        )


def refuse_archived(kind: Entity, record: RecordModel) -> None:
    """Raise `RecordArchived` for a record that was put away."""
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
    async with writing(f"update_{snake(kind.name)}") as journal:
        return bool(await update_records(kind, [Change(record_id, values, version)], journal=journal))


async def set_archived(kind: Entity, records: Sequence[RecordModel], *, archive: bool, journal: Journal) -> list[UUID]:
    """Put locked records away or bring them back; set-based. Returns: ids of those for which that was new.

    What comes back whose owner cannot hold records any more goes to the default pool.

    Raises:
        EvenhandError: with `rows` filled: the default of something, a refund without its payment, a merged account.
    """
    changing = [(row, record) for row, record in enumerate(records) if (record.archived_at is not None) != archive]
    refusals = Refusals()
    for row, record in changing:
        problem = may_not_archive(kind, record) if archive else may_not_restore(record)
        if problem is not None:
            refusals.add(row, problem)
    if kind.name == "User" and archive:
        await refuse_leaving(dict(changing), refusals)
    if kind.name == "Payment":
        with placed([row for row, _ in changing]):
            effects = Refusals()
            await settle_payments(effects_of_archiving([record for _, record in changing], archive=archive), effects)
            effects.raise_if_any()
    refusals.raise_if_any()
    if kind.ownable and not archive:
        from evenhand.actions.restoring import restore_holders  # which changes holders, and that needs this module

        with placed([row for row, _ in changing]):
            await restore_holders(kind, [record for _, record in changing], journal)
    moment = journal.now if archive else None
    rows: list[dict[str, Any]] = []
    for _, record in changing:
        row_values = {"id": record.id, "tenant_id": record.tenant_id, "archived_at": moment}
        rows.append({**row_values, "version": record.version + 1, "updated_at": journal.now})
        before, after = {"archived_at": record.archived_at}, {"archived_at": moment}
        journal.record(kind.name, record.id, before=before, after=after)
        event = f"{kind.name}{'Archived' if archive else 'Restored'}"
        journal.emit(event, kind.name, record.id, {"before": before, "after": after})
    await update_rows(journal.client, kind.model, rows)
    await subscribe_rules(kind)
    return [record.id for _, record in changing]


async def _set_one_archived(entity_name: str, record_id: UUID, version: int | None, *, archive: bool) -> bool:
    kind = entity(entity_name)
    require(current_actor(), Operation.ARCHIVE, kind.name)
    verb = "archive" if archive else "restore"
    async with writing(f"{verb}_{snake(kind.name)}") as journal:
        record = (await lock_all(kind, [record_id]))[record_id]
        refuse_stale(kind, record, version)
        return bool(await set_archived(kind, [record], archive=archive, journal=journal))


async def archive_record(entity_name: str, record_id: UUID, *, version: int | None = None) -> bool:
    """Put a record away; it keeps its history and can be restored. Returns: False when it was archived already."""
    return await _set_one_archived(entity_name, record_id, version, archive=True)


async def restore_record(entity_name: str, record_id: UUID, *, version: int | None = None) -> bool:
    """Bring an archived record back. Returns: False when it was not archived."""
    return await _set_one_archived(entity_name, record_id, version, archive=False)


def snake(name: str) -> str:
    """An entity's name as it stands in the names of actions: `survey_answer`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
