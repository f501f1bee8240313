"""Take records out of pools: lock them, ask the guard, and write what nothing stands against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, Why
from evenhand.actions.owners import write_transfers
from evenhand.actions.pools.guard import inspect
from evenhand.actions.pools.inspection import Inspection, Transfer
from evenhand.actions.pools.items import ClaimItem, ClaimStatus, refused
from evenhand.actions.pools.limits import rule_of
from evenhand.db.session import raw_connection
from evenhand.entities.registry import Entity
from evenhand.ownership.holders import Holder
from evenhand.ownership.pools.conditions import COUNTING
from evenhand.ownership.pools.members import pools_of
from evenhand.ownership.pools.reading import VERSION, Rule, kept_rules


def _columns(kind: Entity) -> list[str]:
    return sorted({"id", "name", "owner_id", "pool_id", "held_since", "version", "archived_at"} | COUNTING[kind.name])


async def lock_for(
    kind: Entity, ids: Sequence[UUID], user_id: UUID, journal: Journal
) -> tuple[dict[UUID, dict[str, Any]], frozenset[UUID]]:
    """Lock records for somebody who wants them, see `lock_records`; rules and membership come with them.

    Returns: the records; and the pools out of which the person may take records, none if there are no records.
    """
    columns = _columns(kind)
    names = ", ".join(f'record."{name}"' for name in columns)
    rows = await raw_connection(journal.client).fetch(
        f"SELECT {names}, (SELECT time_zone FROM tenants WHERE id = $1) AS time_zone, {VERSION} AS rules, "
        f"({pools_of('ARRAY[$3::uuid]')}) AS pools "
        f'FROM "{kind.model._meta.db_table}" AS record WHERE record.tenant_id = $1 AND record.id = ANY ($2::uuid[]) '
        "ORDER BY record.id FOR NO KEY UPDATE OF record",
        journal.actor.tenant_id,
        list(ids),
        user_id,
    )
    if not rows:
        return {}, frozenset()
    rules = kept_rules(kind.name, journal.now, rows[0]["rules"], rows[0]["time_zone"])
    if rules is not None:
        journal.memory["rules", kind.name] = rules
    return {row["id"]: {name: row[name] for name in columns} for row in rows}, frozenset(rows[0]["pools"] or ())


async def lock_records(kind: Entity, ids: Sequence[UUID], journal: Journal) -> dict[UUID, dict[str, Any]]:
    """Lock records in the order of their ids, and read of them what limits look at; one statement.

    Of several who want the same record the first gets the lock; the others read what became of it.
    """
    columns = ", ".join(f'"{name}"' for name in _columns(kind))
    rows = await raw_connection(journal.client).fetch(
        f'SELECT {columns} FROM "{kind.model._meta.db_table}" WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) '
        "ORDER BY id FOR NO KEY UPDATE",
        journal.actor.tenant_id,
        list(ids),
    )
    return {row["id"]: dict(row) for row in rows}


Taking = Mapping[UUID, tuple[Mapping[str, Any], UUID, Why]]
"""Columns, new owner and reason of locked records that wait in pools, by id."""


async def take_out(kind: Entity, taking: Taking, journal: Journal, *, late: bool = False) -> dict[UUID, ClaimItem]:
    """Give locked records that wait in pools to owners who may have them, unless limits stand against it.

    Args:
        late: nobody reads the records again in this use case, see `Journal.change`.

    Returns: what became of each.
    """
    if not taking:
        return {}
    transfers = [
        Transfer(record_id, columns, Holder(pool_id=columns["pool_id"]), Holder(owner_id=owner_id), why)
        for record_id, (columns, owner_id, why) in taking.items()
    ]
    inspection = Inspection(kind, transfers, journal)
    rules = await inspection.rules()
    found = {transfer.record_id: rule_of(transfer, rules) for transfer in transfers}
    inspection.transfers = [_under(transfer, found[transfer.record_id]) for transfer in transfers]
    await inspect(inspection)
    given = [one for place, one in enumerate(inspection.transfers) if place not in inspection.refused]
    since = await write_transfers(kind, given, journal, late=late, teams=inspection.standing.members)
    items: dict[UUID, ClaimItem] = {}
    for place, transfer in enumerate(inspection.transfers):
        pool_id: UUID = transfer.columns["pool_id"]
        owner_id = transfer.after.owner_id
        error = inspection.refused.get(place)
        if error is not None:
            items[transfer.record_id] = refused(transfer.record_id, error, pool_id=pool_id)
            continue
        rule = found[transfer.record_id]
        payload = {
            "owner_id": owner_id,
            "pool_id": pool_id,
            "reason": transfer.why.reason.value,
            "rule_id": None if rule is None else rule.id,
        }
        journal.emit("RecordClaimed", kind.name, transfer.record_id, payload)
        items[transfer.record_id] = ClaimItem(
            transfer.record_id, ClaimStatus.CLAIMED, owner_id, pool_id, since[transfer.record_id]
        )
    return items


def _under(transfer: Transfer, rule: Rule | None) -> Transfer:
    """The transfer with the rule in its reason, by which claims are counted."""
    if rule is None:
        return transfer
    return replace(transfer, why=replace(transfer.why, policy=rule.mark))
