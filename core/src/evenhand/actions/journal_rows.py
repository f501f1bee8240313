"""What a journal collected, written in one round trip: ledger, audit, events with their deliveries, and the notices.

A use case of one record would otherwise spend more on round trips than on what it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.models import Model

from evenhand.audit.models import AuditEntry
from evenhand.db.bulk import arrays_of, insert_part, update_part
from evenhand.db.session import after_transaction, is_numbered, raw_connection
from evenhand.events.outbox import event_arrays, events_part
from evenhand.events.waking import wake_afterwards
from evenhand.live.notices import CHANNEL, Notice, pack
from evenhand.live.presence import send, send_part
from evenhand.ownership.models import OwnershipEntry

Row = Mapping[str, Any]
Changes = tuple[type[Model], Sequence[Row]]
"""Rows of one table to be updated by `id`: all with the same columns."""


async def write_rows(
    client: TransactionWrapper,
    tenant_id: UUID,
    *,
    changes: Changes | None,
    ledger: Sequence[Row],
    audit: Sequence[Row],
    events: Sequence[Row],
    notices: Sequence[Notice],
) -> None:
    """Write all of it in the open transaction; deliveries begin when it is committed.

    Args:
        changes: few rows to be updated with it.
    """
    # A listener must be able to tell by its number whether a transaction knew of it.
    together = notices if is_numbered() else ()
    values: list[Any] = [tenant_id]
    changed: tuple[type[Model], tuple[str, ...]] | None = None
    if changes is not None and changes[1]:
        changed = (changes[0], tuple(changes[1][0]))
        values += [*arrays_of(changes[0], changed[1], changes[1]), [row["id"] for row in changes[1]]]
    for model, rows in ((OwnershipEntry, ledger), (AuditEntry, audit)):
        if rows:
            values += arrays_of(model, tuple(rows[0]), rows)
    if events:
        values += event_arrays(events)
    if together:
        values += [CHANNEL, [pack(notice) for notice in together]]
    if len(values) > 1:
        statement = _statement(changed, _names(ledger), _names(audit), bool(events), bool(together))
        if await raw_connection(client).fetchval(statement, *values):
            await after_transaction(wake_afterwards)
    if not together:
        await send(client, tenant_id, notices)


def _names(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(rows[0]) if rows else ()


@cache
def _statement(
    changed: tuple[type[Model], tuple[str, ...]] | None,
    ledger: tuple[str, ...],
    audit: tuple[str, ...],
    events: bool,
    notices: bool,
) -> str:
    """The statement for what there is to write; it gives how many deliveries are waiting."""
    parts: list[str] = []
    first = 2
    if changed is not None:
        parts.append(f"changed AS ({update_part(*changed, first=first)})")
        first += len(changed[1]) + 1
    for name, model, columns in (("ledger", OwnershipEntry, ledger), ("audit", AuditEntry, audit)):
        if columns:
            parts.append(f"{name} AS ({insert_part(model, columns, first=first)})")
            first += len(columns)
    if events:
        part, number = events_part(first)
        parts.append(part)
        first += number
    waiting = "(SELECT count(*) FROM delivered)" if events else "0"
    told = f", (SELECT count(told::text) FROM ({send_part(first)}) AS sent (told))" if notices else ""
    # What only writes to the journal names the tenant nowhere else, and PostgreSQL wants to know its type.
    found = f"SELECT {waiting}{told}, $1::uuid"
    return f"WITH {', '.join(parts)} {found}" if parts else found
