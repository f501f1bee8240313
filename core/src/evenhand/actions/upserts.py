"""Create or change records by what another system calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from evenhand.actions.bulk import Bulk, BulkMode, Item, ItemStatus, named_twice, require_few, run_bulk
from evenhand.actions.external_ids import claim
from evenhand.actions.pools.guard import require_override
from evenhand.actions.records import Draft, apply_clean, check_draft, insert_clean, lock_known, refuse_archived, snake
from evenhand.actions.structure import hold_tree
from evenhand.actions.values import require_value
from evenhand.auth.permissions import Operation, require
from evenhand.entities import ExternalId
from evenhand.entities.registry import Entity, entity
from evenhand.errors import EvenhandError, InvalidInput, Refusals, placed
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel

_HOLDER = ("owner_id", "pool_id")


@dataclass(frozen=True)
class Upsert:
    """One record as another system has it: its name there, and its values."""

    external_id: str
    values: Draft


async def upsert_many(
    entity_name: str,
    source: str,
    upserts: Sequence[Upsert],
    *,
    mode: BulkMode = BulkMode.PARTIAL,
    override: str | None = None,
) -> list[Item]:
    """Create the records that the source names for the first time, change the others; set-based.

    The same call twice leaves the same state. Who holds a known record stays: owner and pool count for new ones.

    Args:
        override: why limits are set aside for new records that need it; kept in their ledger lines.

    Returns: what became of each, in order.

    Raises:
        InvalidInput: more than a call may have, or a source that cannot be kept. PermissionDenied.
    """
    kind = entity(entity_name)
    for operation in (Operation.CREATE, Operation.UPDATE):
        require(current_actor(), operation, kind.name)
    require_few(upserts, "items")
    require_override(kind, override)
    source = require_value(ExternalId, "source", source)

    async def work(bulk: Bulk) -> None:
        names: dict[int, str] = {}
        for place, upsert in enumerate(upserts):
            try:
                name = require_value(ExternalId, "external_id", upsert.external_id)
                if name in names.values():
                    raise named_twice("external_id", name)
            except InvalidInput as error:
                bulk.fail(place, error)
            else:
                names[place] = name
        await hold_tree(kind, [upsert.values for upsert in upserts], bulk.journal)

        async def write(places: Sequence[int]) -> dict[int, Item]:
            claims = await claim(kind.name, source, [names[place] for place in places], bulk.journal)
            refusals = Refusals()
            created = _check_new(
                kind, {place: upserts[place] for place in places if names[place] in claims.new}, refusals
            )
            ids = {place: claims.known[names[place]] for place in places if names[place] in claims.known}
            plans = await _plan_known(bulk, ids, upserts, refusals)
            refusals.raise_if_any()
            await _insert(bulk, created, {place: claims.new[names[place]] for place in created}, override)
            changed = await _change(bulk, plans)
            return {
                **{place: Item(ItemStatus.CREATED, claims.new[names[place]]) for place in created},
                **{
                    place: Item(ItemStatus.UPDATED if ids[place] in changed else ItemStatus.UNCHANGED, ids[place])
                    for place in plans
                },
            }

        await bulk.settle(len(upserts), write)

    return await run_bulk(kind, f"upsert_{snake(kind.name)}s", len(upserts), mode, work)


def _check_new(kind: Entity, upserts: Mapping[int, Upsert], refusals: Refusals) -> dict[int, dict[str, Any]]:
    """Checked values of new records, by place."""
    created: dict[int, dict[str, Any]] = {}
    for place, upsert in upserts.items():
        values, problems = check_draft(kind, upsert.values)
        refusals.add(place, *problems)
        created[place] = values
    return created


async def _plan_known(
    bulk: Bulk, ids: Mapping[int, UUID], upserts: Sequence[Upsert], refusals: Refusals
) -> dict[int, tuple[RecordModel, dict[str, Any]]]:
    """Lock the known records and check their changes. Returns: record and checked values by place."""
    kind = bulk.kind
    locked = await lock_known(kind, ids.values())
    plans: dict[int, tuple[RecordModel, dict[str, Any]]] = {}
    seen: set[UUID] = set()
    for place, record_id in ids.items():
        record = locked.get(record_id)
        if record is None:
            refusals.refuse(place, locked.refusal(kind, record_id))
            continue
        if record_id in seen:
            refusals.refuse(place, named_twice("external_id", f"the record of {upserts[place].external_id}"))
            continue
        seen.add(record_id)
        bulk.know(place, record)
        given = {name: value for name, value in upserts[place].values.items() if name not in _HOLDER}
        values, problems = check_draft(kind, given, partial=True)
        refusals.add(place, *problems)
        try:
            refuse_archived(kind, record)
        except EvenhandError as error:
            refusals.refuse(place, error)
        plans[place] = (record, values)
    return plans


async def _insert(
    bulk: Bulk, created: Mapping[int, dict[str, Any]], ids: Mapping[int, UUID], override: str | None
) -> None:
    bulk.places.update({record_id: place for place, record_id in ids.items()})
    with placed(list(created)):
        await insert_clean(
            bulk.kind,
            list(created.values()),
            journal=bulk.journal,
            ids=[ids[place] for place in created],
            override=override,
        )


async def _change(bulk: Bulk, plans: Mapping[int, tuple[RecordModel, dict[str, Any]]]) -> set[UUID]:
    if not plans:
        return set()
    with placed(list(plans)):
        return set(await apply_clean(bulk.kind, list(plans.values()), journal=bulk.journal))
