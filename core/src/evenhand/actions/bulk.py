"""Write up to 1,000 records in one transaction, set-based: each item is written, or told why it was not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from evenhand.actions.constraints import Violation, find_violators
from evenhand.actions.journal import Journal, writing
from evenhand.actions.pools.guard import require_override
from evenhand.actions.pools.limits import lock_capped
from evenhand.actions.records import (
    Change,
    Draft,
    apply_clean,
    check_draft,
    insert_clean,
    lock_known,
    overrides_of,
    refuse_archived,
    refuse_stale,
    set_archived,
    snake,
)
from evenhand.actions.structure import hold_tree
from evenhand.auth.permissions import Operation, require
from evenhand.entities.registry import Entity, entity
from evenhand.errors import EvenhandError, InvalidInput, Problem, placed
from evenhand.ownership.pools.conditions import COUNTING
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel, uuid7

LARGEST = 1000
"""So many records one call may write."""


class BulkMode(StrEnum):
    """What happens to the good items when others are refused."""

    PARTIAL = "partial"
    """The good ones are written."""
    ALL_OR_NOTHING = "all_or_nothing"
    """Nothing is written."""


class ItemStatus(StrEnum):
    """What became of one item of a call that writes many records."""

    CREATED = "created"
    UPDATED = "updated"
    ARCHIVED = "archived"
    RESTORED = "restored"
    UNCHANGED = "unchanged"
    """It was already as it was to be."""
    FAILED = "failed"


class NothingWritten(EvenhandError):
    """The item is good, but another one of the same call is not, and the call was all or nothing."""

    code = "NOTHING_WRITTEN"


@dataclass(frozen=True)
class Item:
    """What became of one item; a failed one has an error, any other one a record."""

    status: ItemStatus
    record_id: UUID | None = None
    error: EvenhandError | None = None


Write = Callable[[Sequence[int]], Awaitable[Mapping[int, Item]]]
"""Writes the items at these places, all or none; `rows` of what it raises are places."""


@dataclass
class Bulk:
    """One call that writes many records of one entity.

    Attributes:
        items: what became of the items, by place.
        places: the place of each record, by its id.
        before: the columns of records that are there, by id.
    """

    kind: Entity
    journal: Journal
    items: dict[int, Item] = field(default_factory=dict)
    places: dict[UUID, int] = field(default_factory=dict)
    before: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)

    def fail(self, place: int, error: EvenhandError) -> None:
        """Note why an item is not written."""
        self.items.setdefault(place, Item(ItemStatus.FAILED, error=error))

    def know(self, place: int, record: RecordModel) -> None:
        """Note which record an item is about."""
        self.places[record.id] = place
        self.before[record.id] = record.columns()

    async def settle(self, count: int, write: Write) -> None:
        """Write all items that have not failed yet.

        They are written together. When something is refused, those at fault fail and the rest is written again; the
        number of statements grows with the number of reasons, not with the number of items.
        """
        pending = [[place for place in range(count) if place not in self.items]]
        while pending:
            group = pending.pop()
            if not group:
                continue
            try:
                async with self.journal.attempt():
                    written = await write(group)
                self.items.update(written)
                continue
            except EvenhandError as error:
                refused = error
            at_fault = refused.rows or await self._violators(refused)
            if not at_fault and len(group) == 1:
                at_fault = {group[0]: refused}
            for place, reason in at_fault.items():
                self.fail(place, reason)
            rest = [place for place in group if place not in at_fault]
            if at_fault:
                pending.append(rest)
            else:
                middle = len(group) // 2
                pending += [group[middle:], group[:middle]]

    async def _violators(self, error: EvenhandError) -> dict[int, EvenhandError]:
        """Which items violate a constraint that refused them together."""
        violation = error.evidence
        if not isinstance(violation, Violation):
            return {}
        if violation.model is self.kind.model:
            rows = [{**self.before.get(row["id"], {}), **row} for row in violation.rows]
            found = await find_violators(violation, rows, self.journal)
            owners = [row["id"] for row in rows]
        else:
            parents = {child.model: child.parent for child in self.kind.children}
            if violation.model not in parents:
                return {}
            found = await find_violators(violation, violation.rows, self.journal, among_themselves=True)
            owners = [row[parents[violation.model]] for row in violation.rows]
        return {self.places[owners[row]]: reason for row, reason in found.items()}


class _Undo(Exception):
    """Rolls a call back that was all or nothing."""


def require_few(given: Sequence[Any], name: str) -> None:
    """Refuse more items than one call may have."""
    if len(given) > LARGEST:
        message = f"{name}: {len(given)} are too many."
        raise InvalidInput([Problem(name, "TOO_MANY", message, f"Send at most {LARGEST} at a time.")])


def named_twice(name: str, value: object) -> InvalidInput:
    """Why the second of two items about the same record fails."""
    message = f"{name}: {value} is named twice in one call."
    return InvalidInput([Problem(name, "NAMED_TWICE", message, "Put the values of one record together.")])


async def run_bulk(
    kind: Entity, action: str, count: int, mode: BulkMode, work: Callable[[Bulk], Awaitable[None]]
) -> list[Item]:
    """The transaction of one call. Returns: what became of each item, in order."""
    try:
        async with writing(action) as journal:
            bulk = Bulk(kind, journal)
            await work(bulk)
            items = [bulk.items[place] for place in range(count)]
            if mode is BulkMode.ALL_OR_NOTHING and any(item.error is not None for item in items):
                raise _Undo
    except _Undo:
        failed = sum(item.error is not None for item in items)
        reason = NothingWritten(
            f"{failed} of {count} items cannot be written, so none was.",
            hint="Mend those, or send the call with the mode PARTIAL.",
        )
        return [item if item.error is not None else Item(ItemStatus.FAILED, error=reason) for item in items]
    return items


def _copy(kind: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values for one attempt, which may complete them."""
    lists = {child.key for child in kind.children}
    return {name: [dict(row) for row in value] if name in lists else value for name, value in values.items()}


async def create_many(
    entity_name: str, drafts: Sequence[Draft], *, mode: BulkMode = BulkMode.PARTIAL, override: str | None = None
) -> list[Item]:
    """Create records; each draft as in `create_record`. Returns: what became of each, in order.

    Args:
        override: why limits are set aside for those that need it; kept in their ledger lines.

    Raises:
        InvalidInput: more than `LARGEST`. PermissionDenied.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.CREATE, kind.name)
    require_few(drafts, "inputs")
    require_override(kind, override)
    ids = [uuid7() for _ in drafts]

    async def work(bulk: Bulk) -> None:
        cleaned: list[dict[str, Any]] = []
        for place, draft in enumerate(drafts):
            values, problems = check_draft(kind, draft)
            cleaned.append(values)
            bulk.places[ids[place]] = place
            if problems:
                bulk.fail(place, InvalidInput(problems))

        owners = {values.get("owner_id") for values in cleaned}
        await lock_capped(kind, {*owners, bulk.journal.actor.user_id}, bulk.journal)

        async def write(places: Sequence[int]) -> dict[int, Item]:
            chosen = [ids[place] for place in places]
            with placed(places):
                values = [_copy(kind, cleaned[place]) for place in places]
                await insert_clean(kind, values, journal=bulk.journal, ids=chosen, override=override)
            return {place: Item(ItemStatus.CREATED, ids[place]) for place in places}

        await bulk.settle(len(drafts), write)

    return await run_bulk(kind, f"create_{snake(kind.name)}s", len(drafts), mode, work)


async def update_many(entity_name: str, changes: Sequence[Change], *, mode: BulkMode = BulkMode.PARTIAL) -> list[Item]:
    """Change records; each as in `update_record`. Returns: what became of each, in order.

    Raises:
        InvalidInput: more than `LARGEST`. PermissionDenied.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.UPDATE, kind.name)
    require_few(changes, "changes")

    async def work(bulk: Bulk) -> None:
        await hold_tree(kind, [change.values for change in changes], bulk.journal)
        plans = await _plan(bulk, changes)
        if any(values.keys() & COUNTING.get(kind.name, frozenset()) for _, values in plans.values()):
            await lock_capped(kind, {record.columns().get("owner_id") for record, _ in plans.values()}, bulk.journal)

        async def write(places: Sequence[int]) -> dict[int, Item]:
            with placed(places):
                changed = await apply_clean(
                    kind,
                    [(plans[place][0], _copy(kind, plans[place][1])) for place in places],
                    journal=bulk.journal,
                    overrides=overrides_of(changes),
                )
            return {
                place: Item(
                    ItemStatus.UPDATED if changes[place].record_id in changed else ItemStatus.UNCHANGED,
                    changes[place].record_id,
                )
                for place in places
            }

        await bulk.settle(len(changes), write)

    return await run_bulk(kind, f"update_{snake(kind.name)}s", len(changes), mode, work)


async def _lock_named(bulk: Bulk, named: Sequence[tuple[UUID, int | None]]) -> dict[int, RecordModel]:
    """Lock the records of items; those that are missing, named twice or stale fail. Returns: records by place."""
    locked = await lock_known(bulk.kind, [record_id for record_id, _ in named])
    records: dict[int, RecordModel] = {}
    for place, (record_id, version) in enumerate(named):
        record = locked.get(record_id)
        if record is None:
            bulk.fail(place, locked.refusal(bulk.kind, record_id))
        elif record_id in bulk.places:
            bulk.fail(place, named_twice("id", record_id))
        else:
            bulk.know(place, record)
            try:
                refuse_stale(bulk.kind, record, version)
            except EvenhandError as error:
                bulk.fail(place, error)
            records[place] = record
    return records


async def _plan(bulk: Bulk, changes: Sequence[Change]) -> dict[int, tuple[RecordModel, dict[str, Any]]]:
    """Lock the records and check the changes. Returns: record and checked values by place."""
    plans: dict[int, tuple[RecordModel, dict[str, Any]]] = {}
    records = await _lock_named(bulk, [(change.record_id, change.version) for change in changes])
    for place, record in records.items():
        values, problems = check_draft(bulk.kind, changes[place].values, partial=True)
        plans[place] = (record, values)
        try:
            refuse_archived(bulk.kind, record)
        except EvenhandError as error:
            bulk.fail(place, error)
        if problems:
            bulk.fail(place, InvalidInput(problems))
    return plans


async def _set_many_archived(
    entity_name: str, ids: Sequence[UUID], versions: Sequence[int | None] | None, mode: BulkMode, *, archive: bool
) -> list[Item]:
    kind = entity(entity_name)
    require(current_actor(), Operation.ARCHIVE, kind.name)
    require_few(ids, "ids")
    if versions is not None and len(versions) != len(ids):
        message = f"versions: {len(versions)} are given for {len(ids)} ids."
        raise InvalidInput([Problem("versions", "NOT_ONE_EACH", message, "Give one for each id, or none at all.")])
    status = ItemStatus.ARCHIVED if archive else ItemStatus.RESTORED

    async def work(bulk: Bulk) -> None:
        records = await _lock_named(bulk, list(zip(ids, versions or [None] * len(ids), strict=True)))
        if not archive:
            await lock_capped(kind, {record.columns().get("owner_id") for record in records.values()}, bulk.journal)

        async def write(places: Sequence[int]) -> dict[int, Item]:
            with placed(places):
                chosen = [records[place] for place in places]
                changed = set(await set_archived(kind, chosen, archive=archive, journal=bulk.journal))
            return {
                place: Item(status if ids[place] in changed else ItemStatus.UNCHANGED, ids[place]) for place in places
            }

        await bulk.settle(len(ids), write)

    verb = "archive" if archive else "restore"
    return await run_bulk(kind, f"{verb}_{snake(kind.name)}s", len(ids), mode, work)


async def archive_many(
    entity_name: str,
    ids: Sequence[UUID],
    *,
    versions: Sequence[int | None] | None = None,
    mode: BulkMode = BulkMode.PARTIAL,
) -> list[Item]:
    """Put records away. Returns: what became of each, in order.

    Args:
        versions: one for each id, when they must be as they were read.
    """
    return await _set_many_archived(entity_name, ids, versions, mode, archive=True)


async def restore_many(
    entity_name: str,
    ids: Sequence[UUID],
    *,
    versions: Sequence[int | None] | None = None,
    mode: BulkMode = BulkMode.PARTIAL,
) -> list[Item]:
    """Bring archived records back. Returns: what became of each, in order."""
    return await _set_many_archived(entity_name, ids, versions, mode, archive=False)
