"""Stop a customer that somebody already has before it is created or claimed."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from evenhand.actions.conflicts.opening import suspect_duplicate
from evenhand.actions.journal import Journal, Why
from evenhand.actions.pools.inspection import Inspection, Transfer
from evenhand.db.session import raw_connection
from evenhand.entities.enums import DuplicateKeyKind, OwnershipReason, Strictness
from evenhand.errors import EvenhandError
from evenhand.ownership.duplicates.errors import DuplicateInPool, DuplicateOwned
from evenhand.ownership.duplicates.finding import (
    KEY_WORDS,
    DuplicateChoices,
    Hit,
    duplicate_choices,
    find_hits,
    seen_of,
)
from evenhand.ownership.duplicates.models import DuplicateKey
from evenhand.ownership.duplicates.rules import COLUMNS, COMPARED, Key, keys_of
from evenhand.ownership.holders import Holder
from evenhand.tenancy.context import current_actor

if TYPE_CHECKING:
    from evenhand.entities.registry import Entity
    from evenhand.tenancy.models import RecordModel

BUCKETS = 256
"""Keys share so many locks per tenant, so that a large import holds no more of them."""
_TAKING = frozenset({OwnershipReason.CLAIMED, OwnershipReason.DRAWN, OwnershipReason.OFFER_ACCEPTED})


async def check_duplicates(inspection: Inspection) -> None:
    """Note which new or claimed accounts and leads somebody already has.

    What the system brings in happened already: it is never stopped, the journal keeps what was found as warnings.
    """
    entity = inspection.kind.name
    if entity not in COMPARED:
        return
    keys = await _keys(inspection)
    every = {key for found in keys.values() for key in found}
    if not every:
        return
    creating = [key for place, found in keys.items() if inspection.transfers[place].before is None for key in found]
    if inspection.journal.actor.user_id is not None:
        await _hold_keys(inspection.journal, creating)
    fresh = {place for place in keys if inspection.transfers[place].before is None}
    await _compare(inspection, keys, fresh)


async def duplicate_edits(
    kind: Entity, plans: Sequence[tuple[RecordModel, Mapping[str, Any]]], journal: Journal
) -> dict[int, EvenhandError]:
    """Which changes of locked records give them keys that others have; a key that a record had already is no matter.

    Returns: what stands against single plans, by their places. The journal keeps what only warns.
    """
    columns = COLUMNS.get(kind.name, frozenset())
    if kind.name not in COMPARED or not any(values.keys() & columns for _, values in plans):
        return {}
    transfers: list[Transfer] = []
    keys: dict[int, list[Key]] = {}
    for place, (record, values) in enumerate(plans):
        before = record.columns()
        after = {**before, **values}
        holder = Holder(before["owner_id"], before["pool_id"])
        transfers.append(Transfer(record.id, after, holder, holder, Why(OwnershipReason.MANUAL)))
        if values.keys() & columns:
            had = set(keys_of(kind.name, before))
            new = [key for key in keys_of(kind.name, after) if key not in had]
            if new:
                keys[place] = new
    if not keys:
        return {}
    if journal.actor.user_id is not None:
        await _hold_keys(journal, [key for found in keys.values() for key in found])
    inspection = Inspection(kind, transfers, journal)
    await _compare(inspection, keys, set(keys))
    return inspection.refused


async def _compare(inspection: Inspection, keys: Mapping[int, Sequence[Key]], fresh: Collection[int]) -> None:
    """Tell of the keys by place that others have.

    Args:
        fresh: the places whose keys are not kept yet, which are compared with each other, too.
    """
    entity = inspection.kind.name
    hits = await find_hits(entity, {key for found in keys.values() for key in found})
    twice = _among_themselves(keys, fresh)
    if not hits and not twice:
        return
    choices = await duplicate_choices()
    seen = await seen_of([hit for found in hits.values() for hit in found])
    for place, found in keys.items():
        transfer = inspection.transfers[place]
        for key in found:
            for hit in hits.get(key, ()):
                if not _related(transfer, hit):
                    _tell(inspection, place, hit, choices, hit.record_id in seen)
        for key, earlier in twice.get(place, {}).items():
            hit = _of_transfer(key, entity, inspection.transfers[earlier])
            if not _related(transfer, hit):
                _tell(inspection, place, hit, choices, True)


async def _keys(inspection: Inspection) -> dict[int, list[Key]]:
    """The keys of the records that are new or claimed, by place; those of records that are there are kept already."""
    entity, found = inspection.kind.name, dict[int, list[Key]]()
    places: dict[UUID, int] = {}
    for place, transfer in enumerate(inspection.transfers):
        if not _asked(transfer):
            continue
        if transfer.before is None:
            found[place] = keys_of(entity, {**transfer.columns, "archived_at": None})
        elif inspection.standing.twins:
            places[transfer.record_id] = place
    if places:
        for row in await DuplicateKey.filter(record_id__in=list(places)).order_by("id"):
            found.setdefault(places[row.record_id], []).append(Key(row.kind, row.value))
    return found


def _asked(transfer: Transfer) -> bool:
    reason = transfer.why.reason
    return reason in _TAKING or (transfer.before is None and reason is not OwnershipReason.UNMERGED)


def _related(transfer: Transfer, hit: Hit) -> bool:
    """The record itself; or, by domain, an account above, below or beside it in a group of companies."""
    if hit.record_id == transfer.record_id:
        return True
    if hit.key.kind is not DuplicateKeyKind.DOMAIN:
        return False
    parent = transfer.columns.get("parent_id")
    return hit.parent_id == transfer.record_id or (parent is not None and parent in (hit.record_id, hit.parent_id))


def _among_themselves(keys: Mapping[int, Sequence[Key]], fresh: Collection[int]) -> dict[int, dict[Key, int]]:
    """Which records get keys that an earlier one of the same call gets: by place, the place of that one."""
    first: dict[Key, int] = {}
    twice: dict[int, dict[Key, int]] = {}
    for place, found in keys.items():
        if place not in fresh:
            continue
        for key in found:
            earlier = first.setdefault(key, place)
            if earlier != place:
                twice.setdefault(place, {})[key] = earlier
    return twice


def _of_transfer(key: Key, entity: str, transfer: Transfer) -> Hit:
    after = transfer.after
    since = transfer.columns["held_since"].date()
    name, parent = str(transfer.columns.get("name")), transfer.columns.get("parent_id")
    return Hit(
        key, entity, transfer.record_id, name, after.owner_id, "the same call", after.pool_id, None, parent, since
    )


def _tell(inspection: Inspection, place: int, hit: Hit, choices: DuplicateChoices, seen: bool) -> None:
    entity, transfer = inspection.kind.name, inspection.transfers[place]
    strictness = choices.of(entity, hit.key, held=hit.owner_id is not None)
    if strictness is Strictness.OFF:
        return
    suspect_duplicate(inspection.journal, entity, transfer.record_id, hit.entity, hit.record_id, hit.key.kind)
    error = refusal(hit, seen=seen)
    if strictness is Strictness.STOP and inspection.journal.actor.user_id is not None:
        inspection.refuse(place, error)
    else:
        inspection.journal.note_duplicate(entity, transfer.record_id, error)


def refusal(hit: Hit, *, seen: bool) -> EvenhandError:
    """Why a draft with this key is stopped, as far as the current actor may know."""
    what, by = hit.entity.lower(), KEY_WORDS[hit.key.kind]
    details = {"record": str(hit.record_id), "entity": hit.entity, "key": hit.key.kind.value}
    if not seen:
        return DuplicateOwned(
            f"An {what} with the same {by} is protected by another team."
            if what == "account"
            else f"A {what} with the same {by} is protected by another team.",
            hint=f"Open a conflict case about {what} {hit.record_id}, or ask an admin.",
            **details,
        )
    if hit.owner_id is None:
        place = f"in pool {hit.pool}" if hit.pool is not None else "in the same call"
        return DuplicateInPool(
            f"{hit.name} is there already, {place} since {hit.since} (same {by}).",
            hint=f"Claim it: {what} {hit.record_id}.",
            **details,
        )
    if hit.owner_id == current_actor().user_id:
        return DuplicateOwned(
            f"You hold {hit.name} since {hit.since} (same {by}).", hint=f"Use {what} {hit.record_id}.", **details
        )
    return DuplicateOwned(
        f"{hit.name} is held by {hit.owner} since {hit.since} (same {by}).",
        hint=f"Open a conflict case about {what} {hit.record_id}, or ask {hit.owner} to take you into its team.",
        **details,
    )


async def _hold_keys(journal: Journal, keys: Sequence[Key]) -> None:
    """Let two who create the same customer wait for each other, so that the second one finds the first."""
    tenant: UUID = journal.actor.tenant_id
    buckets = sorted({zlib.crc32(f"{kind.value}:{value}".encode()) % BUCKETS for kind, value in keys})
    if buckets:
        await raw_connection(journal.client).execute(
            "SELECT pg_advisory_xact_lock($1::int, bucket) FROM unnest($2::int[]) AS bucket",
            zlib.crc32(b"duplicates" + tenant.bytes) - 2**31,
            buckets,
        )


__all__ = ["check_duplicates", "duplicate_edits", "refusal"]
