"""Do a request once, however often it is sent: its answer is kept in the transaction that does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from evenhand import clock
from evenhand.actions.errors import KeyInProgress, KeyReused
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection, transaction
from evenhand.idempotency.models import IdempotencyKey
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import uuid7

RETRY_AFTER = 1
"""Seconds after which a request that is still being done may be asked for again."""
_PURGED = 100
"""So many expired answers go when a new one comes."""


@dataclass(frozen=True)
class Answered:
    """The answer to a request.

    Attributes:
        kept: whether what was done stands, and the answer with it; else all of it is undone.
        replayed: it is the first answer again; nothing was done.
    """

    body: str
    kept: bool = True
    replayed: bool = False


class _Undo(Exception):
    """Takes back what an unsuccessful request did."""


async def answer_once(
    user_id: UUID, key: str, fingerprint: str, work: Callable[[], Awaitable[Answered]], *, keep: timedelta
) -> Answered:
    """Do `work` unless the user's request under this key was answered before, in the current tenant.

    All that `work` writes and the answer itself are one transaction: either both stay or none, also when the process
    or the database dies at any moment. Two requests at once, on any server of the database, do it once.

    Args:
        fingerprint: of what is asked; another one under the same key is refused.
        keep: how long the answer is kept.

    Raises:
        KeyReused, KeyInProgress; what `work` raises, and then nothing was done.
    """
    answered: Answered | None = None
    try:
        async with transaction() as client:
            connection = raw_connection(client)
            tenant = current_tenant()
            # The lock ends with the transaction, so a request that died holds nothing.
            free = await connection.fetchval(
                "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1))", f"{tenant} {user_id} {key}"
            )
            if not free:
                raise KeyInProgress(
                    "The first request with this Idempotency-Key is still being done.",
                    hint="Send it again in a moment; you will get its answer.",
                    retry_after=RETRY_AFTER,
                )
            now = clock.now()
            row = await connection.fetchrow(
                "SELECT id, fingerprint, answer, expires_at FROM idempotency_keys "
                "WHERE tenant_id = $1 AND user_id = $2 AND key = $3",
                tenant,
                user_id,
                key,
            )
            if row is not None and row["expires_at"] > now:
                if row["fingerprint"] != fingerprint:
                    raise KeyReused(
                        "This Idempotency-Key came with another request before.",
                        hint="Use a new key for each new request.",
                    )
                return Answered(row["answer"], replayed=True)
            answered = await work()
            if not answered.kept:
                raise _Undo
            if row is not None:
                await connection.execute(
                    "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND id = $2", tenant, row["id"]
                )
            await connection.execute(
                "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND id IN (SELECT id FROM idempotency_keys "
                f"WHERE tenant_id = $1 AND expires_at <= $2 LIMIT {_PURGED} FOR UPDATE SKIP LOCKED)",
                tenant,
                now,
            )
            await insert_rows(
                client,
                IdempotencyKey,
                [
                    {
                        "id": uuid7(),
                        "tenant_id": tenant,
                        "user_id": user_id,
                        "key": key,
                        "fingerprint": fingerprint,
                        "answer": answered.body,
                        "created_at": now,
                        "expires_at": now + keep,
                    }
                ],
            )
    except _Undo:
        pass
    if answered is None:
        raise RuntimeError("a request ended without an answer")
    return answered
