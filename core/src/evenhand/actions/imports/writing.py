"""Write drafts: claim their keys, insert what is new, change what is different; one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from evenhand.actions.children import children_of
from evenhand.actions.errors import RecordArchived
from evenhand.actions.external_ids import claim
from evenhand.actions.imports.report import RowProblem
from evenhand.actions.imports.rows import Draft
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.owners import Holder, change_holders
from evenhand.actions.pools.limits import lock_capped
from evenhand.actions.records import apply_clean, insert_clean, lock_known
from evenhand.actions.structure import hold_tree
from evenhand.db.bulk import update_rows
from evenhand.entities import ExternalId
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity
from evenhand.errors import EvenhandError, InvalidInput
from evenhand.tenancy.models import RecordModel

ACTION = "import_rows"


@dataclass(frozen=True)
class Job:
    """What all batches of an import share.

    Attributes:
        new_values: all columns of a new record from its draft.
        adopt: the known record that a draft with an unknown key means, or None.
        why: the reason for the ledger.
        update_owners: give known records to the owner that the file names.
    """

    kind: Entity
    source: str
    new_values: Callable[[Draft], dict[str, Any]]
    adopt: Callable[[Draft], UUID | None]
    why: Why
    update_owners: bool = False


@dataclass
class Written:
    """What became of drafts."""

    created: list[tuple[Draft, UUID]] = field(default_factory=list)
    updated: set[UUID] = field(default_factory=set)
    unchanged: int = 0
    owners_kept: int = 0
    bad: list[tuple[Draft, list[RowProblem]]] = field(default_factory=list)
    ids: dict[str, UUID] = field(default_factory=dict)
    duplicates: list[RowProblem] = field(default_factory=list)

    def add(self, other: Written) -> None:
        """Take in another's figures."""
        self.created += other.created
        self.updated |= other.updated
        self.unchanged += other.unchanged
        self.owners_kept += other.owners_kept
        self.bad += other.bad
        self.ids |= other.ids
        self.duplicates += other.duplicates


async def write_drafts(job: Job, drafts: Sequence[Draft]) -> Written:
    """Write drafts with different keys in one transaction.

    When the database or a rule over several rows refuses the transaction, its halves are written in two, and so on,
    until the rows at fault stand alone.
    """
    if not drafts:
        return Written()
    try:
        async with writing(ACTION) as journal:
            return await _write(job, drafts, journal)
    except EvenhandError as error:
        if len(drafts) == 1:
            return Written(bad=[(drafts[0], explain(drafts[0], error))])
    middle = len(drafts) // 2
    written = await write_drafts(job, drafts[:middle])
    written.add(await write_drafts(job, drafts[middle:]))
    return written


def explain(draft: Draft, error: EvenhandError) -> list[RowProblem]:
    """An action's refusal as problems of the row."""
    line = draft.row.line
    if isinstance(error, InvalidInput):
        return [RowProblem(line, "", "", item.code, item.message, item.hint) for item in error.problems]
    return [RowProblem(line, "", "", error.code, error.message, error.hint)]


async def _write(job: Job, drafts: Sequence[Draft], journal: Journal) -> Written:
    by_key = {draft.key: draft for draft in drafts}
    new, known = await _claim(job, by_key, journal)
    written = Written(ids={**new, **known})
    if job.kind.ownable:
        # Records before people, as everywhere: otherwise two transactions could wait for each other in a circle.
        await lock_known(job.kind, known.values())
        await lock_capped(job.kind, (draft.given.get("owner_id") for draft in drafts), journal)
    fresh = [draft for draft in drafts if draft.key in new]
    ids = [new[draft.key] for draft in fresh]
    await insert_clean(job.kind, [job.new_values(draft) for draft in fresh], journal=journal, why=job.why, ids=ids)
    written.created = list(zip(fresh, ids, strict=True))
    for draft, record_id in written.created:
        for found in journal.duplicates.get((job.kind.name, record_id), ()):
            written.duplicates.append(RowProblem(draft.row.line, "", "", found.code, found.message, found.hint))
    if known:
        await _change(job, [(by_key[key], record_id) for key, record_id in known.items()], journal, written)
    return written


async def _claim(job: Job, by_key: Mapping[str, Draft], journal: Journal) -> tuple[dict[str, UUID], dict[str, UUID]]:
    """Claim the keys. Returns: key to id of new records, and of records that are there."""
    claims = await claim(job.kind.name, job.source, by_key, journal)
    new, known = dict(claims.new), dict(claims.known)
    adopted = {key: record_id for key in claims.new if (record_id := job.adopt(by_key[key])) is not None}
    links = [
        {"id": claims.rows[key], "tenant_id": journal.actor.tenant_id, "record_id": record_id}
        for key, record_id in adopted.items()
    ]
    await update_rows(journal.client, ExternalId, links)
    for key, record_id in adopted.items():
        del new[key]
        known[key] = record_id
    return new, known


async def _change(job: Job, pairs: Sequence[tuple[Draft, UUID]], journal: Journal, written: Written) -> None:
    """Lock the known records and write what is different."""
    kind = job.kind
    await hold_tree(kind, [draft.given for draft, _ in pairs], journal)
    locked = await lock_known(kind, [record_id for _, record_id in pairs])
    children = {
        child.key: await children_of(child, list(locked) if child.key in _IDENTITY else []) for child in kind.children
    }
    plans: list[tuple[RecordModel, dict[str, Any]]] = []
    holders: dict[UUID, Holder] = {}
    seen: set[UUID] = set()
    for draft, record_id in pairs:
        record = locked.get(record_id)
        if record is None:
            written.bad.append((draft, explain(draft, locked.refusal(kind, record_id))))
            continue
        if record_id in seen:
            message = f"The row means the same {kind.name} as an earlier row, under another id."
            twice = RowProblem(draft.row.line, "", draft.key, "SAME_RECORD", message, "Keep one of the two rows.")
            written.bad.append((draft, [twice]))
            continue
        seen.add(record_id)
        if record.archived_at is not None:
            error = RecordArchived(f"{kind.name} {record_id} is archived.", hint="Restore it first.")
            written.bad.append((draft, explain(draft, error)))
            continue
        values = changes_of(kind, record, draft)
        for child in kind.children:
            merged = merge_children(child.key, children[child.key].get(record_id, []), draft.children.get(child.key))
            if merged is not None:
                values[child.key] = merged
        owner_id = draft.given.get("owner_id")
        if kind.ownable and owner_id is not None and owner_id != record.columns()["owner_id"]:
            if job.update_owners:
                holders[record_id] = Holder(owner_id=owner_id)
            else:
                written.owners_kept += 1
        plans.append((record, values))
    changed = set(await apply_clean(kind, [plan for plan in plans if plan[1]], journal=journal))
    if holders:
        changed |= set(await change_holders(kind, holders, dict.fromkeys(holders, job.why), journal=journal))
    written.updated |= changed
    written.unchanged += len(plans) - len(changed)


def changes_of(kind: Entity, record: RecordModel, draft: Draft) -> dict[str, Any]:
    """The columns in which the file differs from the record; its holder and what was made up are no part of it."""
    changes: dict[str, Any] = {}
    for name, value in draft.given.items():
        if name not in kind.changeable:
            continue
        now = getattr(record, name)
        if name == "custom":
            value = {**now, **value}
        if name == "addresses" and len(now) > 1:
            continue
        if now != value:
            changes[name] = value
    return changes


_IDENTITY: Mapping[str, tuple[str, ...]] = {"channels": ("kind", "value"), "lines": ("product_id",)}


def merge_children(
    key: str, now: Sequence[Mapping[str, Any]], wanted: list[dict[str, Any]] | None
) -> list[dict[str, Any]] | None:
    """The child list to write, or None when it can stay: channels are added, another product replaces the lines."""
    if not wanted:
        return None
    identity = _IDENTITY[key]
    there = {tuple(item[name] for name in identity) for item in now}
    missing = [item for item in wanted if tuple(item[name] for name in identity) not in there]
    if not missing:
        return None
    if key == "lines":
        return wanted
    primary = {item["kind"] for item in now if item["is_primary"]}
    added = [{**item, "is_primary": item["is_primary"] and item["kind"] not in primary} for item in missing]
    return [dict(item) for item in now] + added


async def link_later(kind: Entity, links: Sequence[tuple[UUID, dict[str, UUID]]]) -> list[UUID]:
    """Fill in references between rows of the same file, once all of them are there. Returns: ids of what changed."""
    async with writing(ACTION) as journal:
        wanted = dict(links)
        await hold_tree(kind, wanted.values(), journal)
        records = [one for one in (await lock_known(kind, wanted)).values() if one.archived_at is None]
        plans = [
            (record, changes)
            for record in records
            if (changes := {name: value for name, value in wanted[record.id].items() if getattr(record, name) != value})
        ]
        return await apply_clean(kind, plans, journal=journal)


def imported(source: str, name: str) -> Why:
    """The reason for the ledger: imported from where."""
    return Why(OwnershipReason.IMPORTED, note=f"{source}: {name}"[:500])
