"""The queue: jobs wait in pgqueuer's table, put there in the transaction that wants them done.

A row of the queue names the tenant and the job and nothing else; the rest is in the tenant's own `jobs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from opentelemetry import propagate
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel
from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand import clock
from evenhand.actions.values import require_value
from evenhand.db.bulk import insert_rows
from evenhand.db.session import driver_transaction, raw_connection
from evenhand.errors import InvalidInput, Problem
from evenhand.jobs.models import Job, JobState
from evenhand.jobs.registry import job_kind
from evenhand.live.notices import ChangeOperation, Notice
from evenhand.live.presence import send
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import uuid7

CHANNEL = "evenhand_ch_pgqueuer"
TABLE = "evenhand_pgqueuer"
LOG_TABLE = f"{TABLE}_log"

SETTINGS = DBSettings(
    # Each one is said, so that no variable of the environment moves our tables.
    prefix="evenhand_",
    db_schema=None,
    channel=Channel(CHANNEL),
    function="evenhand_fn_pgqueuer_changed",
    statistics_table=f"{TABLE}_statistics",
    queue_status_type=f"{TABLE}_status",
    queue_table=TABLE,
    queue_table_log=LOG_TABLE,
    trigger="evenhand_tg_pgqueuer_changed",
    schedules_table=f"{TABLE}_schedules",
    durability=Durability.balanced,
    widen_id=False,
)
_BUILDERS = (QueryBuilderEnvironment(SETTINGS), QueryQueueBuilder(SETTINGS), QuerySchedulerBuilder(SETTINGS))

MOST_PRIORITY = 1000
LARGEST_PAYLOAD = 1_000_000
"""Bytes of JSON; what is larger belongs into a table or a file that the payload names."""
_ONE_PER_KEY = (
    "ON CONFLICT (tenant_id, kind, key) WHERE key IS NOT NULL AND state IN ('queued', 'running') "
    "DO NOTHING RETURNING id"
)


def builders() -> tuple[QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder]:
    """What makes pgqueuer's statements for our tables."""
    return _BUILDERS


def queries(connection: asyncpg.Connection) -> Queries:
    """pgqueuer's statements over our tables, on this connection and in its open transaction."""
    return Queries(AsyncpgDriver(connection), *builders())


def reference(tenant_id: UUID, job_id: UUID) -> bytes:
    """What a row of the queue says."""
    return f"{tenant_id} {job_id}".encode()


def referred(payload: bytes | None) -> tuple[UUID, UUID]:
    """The tenant and the job that a row of the queue names."""
    tenant_id, _, job_id = (payload or b"").decode().partition(" ")
    return UUID(tenant_id), UUID(job_id)


@dataclass(frozen=True)
class NewJob:
    """A job that is to be done; see `enqueue`."""

    payload: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    run_at: datetime | None = None
    key: str | None = None
    priority: int = 0


async def enqueue(
    kind: str,
    payload: Mapping[str, Any],
    *,
    title: str,
    run_at: datetime | None = None,
    key: str | None = None,
    priority: int = 0,
) -> UUID:
    """Have a job done for the current tenant, once the open transaction is committed; not at all if it is not.

    Args:
        kind: as declared with `@job`, or "slug.name" for a plugin's.
        payload: what the handler is given: an object as JSON holds it, at most 1 MB.
        title: what people call it.
        run_at: not before this moment.
        key: while a job of this kind with this key waits or runs, no other is made.
        priority: higher ones go first; -1000 to 1000.

    Returns: the job's id; with a `key` the id of the one that is there, if there is one.

    Raises:
        UnknownJobKind, InvalidInput; RuntimeError when no transaction is open.
    """
    (job_id,) = await enqueue_many(kind, [NewJob(payload, title, run_at, key, priority)])
    return job_id


async def enqueue_many(kind: str, jobs: Sequence[NewJob]) -> list[UUID]:
    """Have several jobs of one kind done, in two statements. See `enqueue`. Returns: their ids, in order."""
    client = driver_transaction()
    job_kind(kind)
    actor, now = current_actor(), clock.now()
    rows = [_row(kind, new, actor.tenant_id, actor.user_id, now) for new in jobs]
    added: list[UUID] = []
    if any(new.key is not None for new in jobs):
        # One after the other, because two of them may have the same key.
        ids = [await _insert_keyed(client, row, added) for row in rows]
    else:
        await insert_rows(client, Job, rows)
        ids = added = [row["id"] for row in rows]
    new_ids = set(added)
    await _put(client, kind, actor.tenant_id, [row for row in rows if row["id"] in new_ids])
    if added:
        notice = Notice(actor.tenant_id, "Job", ChangeOperation.CREATED, tuple(added[:300]), actor.user_id, now)
        await send(client, actor.tenant_id, [notice])
    return ids


def _row(kind: str, new: NewJob, tenant_id: UUID, user_id: UUID | None, now: datetime) -> dict[str, Any]:
    problems = []
    if new.run_at is not None and new.run_at.tzinfo is None:
        problems.append(Problem("run_at", "NO_TIME_ZONE", "run_at: has no time zone.", "Give a moment with its zone."))
    if not -MOST_PRIORITY <= new.priority <= MOST_PRIORITY:
        text = f"priority: {new.priority} is out of bounds."
        problems.append(Problem("priority", "OUT_OF_BOUNDS", text, f"Use -{MOST_PRIORITY} to {MOST_PRIORITY}."))
    if len(str(new.payload)) > LARGEST_PAYLOAD:
        text = "payload: is too large."
        problems.append(Problem("payload", "TOO_LARGE", text, "Put the data into a table and name it in the payload."))
    if problems:
        raise InvalidInput(problems)
    return {
        "id": uuid7(),
        "tenant_id": tenant_id,
        "kind": kind,
        "title": require_value(Job, "title", new.title[:300]),
        "state": JobState.QUEUED,
        "done": 0,
        "created_by_id": user_id,
        "created_at": now,
        "scheduled_at": new.run_at,
        "priority": new.priority,
        "payload": dict(new.payload),
        "key": require_value(Job, "key", new.key) if new.key is not None else None,
    }


async def _insert_keyed(client: TransactionWrapper, row: dict[str, Any], added: list[UUID]) -> UUID:
    """Insert it unless one with its key has not ended. Returns: the id of the one that is there then."""
    while True:
        if await insert_rows(client, Job, [row], suffix=_ONE_PER_KEY):
            added.append(row["id"])
            return UUID(str(row["id"]))
        found: UUID | None = await raw_connection(client).fetchval(
            "SELECT id FROM jobs WHERE tenant_id = $1 AND kind = $2 AND key = $3 AND state IN ('queued', 'running')",
            row["tenant_id"],
            row["kind"],
            row["key"],
        )
        # None when it ended between the two statements; then ours can be inserted.
        if found is not None:
            return found


async def _put(client: TransactionWrapper, kind: str, tenant_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    # The database adds its own time to what it is told, so not the clock that tests move.
    now = clock.system_clock()
    headers: dict[str, str] = {}
    propagate.inject(headers)
    await queries(raw_connection(client)).enqueue(
        [kind] * len(rows),
        [reference(tenant_id, row["id"]) for row in rows],
        [row["priority"] for row in rows],
        [max((row["scheduled_at"] or now) - now, timedelta()) for row in rows],
        [str(row["id"]) for row in rows],
        [headers or None] * len(rows),
    )


async def bring_forward(connection: Any, moment: datetime) -> None:
    """Make everything due that waits for a time up to `moment`; for tests that move the clock."""
    await connection.execute(
        f"UPDATE {TABLE} SET execute_after = now() - interval '1 millisecond' "
        "WHERE status = 'queued' AND execute_after > now() AND execute_after <= $1",
        moment,
    )


async def take_out(client: TransactionWrapper, job_id: UUID) -> None:
    """Take a job that no worker has begun with out of the queue, in the open transaction."""
    await raw_connection(client).execute(
        f"DELETE FROM {TABLE} WHERE dedupe_key = $1 AND status = 'queued'", str(job_id)
    )


@dataclass(frozen=True)
class QueueFigures:
    """One kind of jobs in the queue, over all tenants.

    Attributes:
        due: how many could be begun with now.
        waiting: how many are for later.
        running: how many a worker has taken.
        oldest_due: seconds for which the oldest due one has waited; 0 when none is due.
    """

    kind: str
    due: int
    waiting: int
    running: int
    oldest_due: float


_FIGURES = f"""
SELECT entrypoint,
    count(*) FILTER (WHERE status = 'queued' AND execute_after <= now()) AS due,
    count(*) FILTER (WHERE status = 'queued' AND execute_after > now()) AS waiting,
    count(*) FILTER (WHERE status = 'picked') AS running,
    coalesce(extract(epoch FROM now() - min(execute_after) FILTER (
        WHERE status = 'queued' AND execute_after <= now())), 0)::float8 AS oldest_due
FROM {TABLE} GROUP BY entrypoint ORDER BY entrypoint
"""


async def queue_figures() -> list[QueueFigures]:
    """How full the queue is, by kind."""
    from tortoise.connection import get_connection

    rows = await get_connection("default").execute_query_dict(_FIGURES)
    return [
        QueueFigures(row["entrypoint"], row["due"], row["waiting"], row["running"], row["oldest_due"]) for row in rows
    ]
