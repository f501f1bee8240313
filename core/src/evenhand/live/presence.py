"""Who listens: which tenants' changes some server process wants to hear of.

A commit that sends a NOTIFY waits for every other such commit on the database server. So nothing is sent while
nobody listens for the tenant. A process that does says so in `live_listeners` and keeps saying so; what it stops
saying ends by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
from tortoise.backends.asyncpg.client import TransactionWrapper

from evenhand.db.session import raw_connection
from evenhand.live.notices import CHANNEL, Notice, pack

LIFETIME = 60.0
"""Seconds that a listener is believed without a new sign of it."""

_ANNOUNCE = """
WITH gone AS (
    DELETE FROM live_listeners
    WHERE (listener_id = $1 AND NOT tenant_id = ANY($2)) OR expires_at < clock_timestamp() - interval '1 hour'
)
INSERT INTO live_listeners (listener_id, tenant_id, expires_at)
SELECT $1, tenant_id, clock_timestamp() + make_interval(secs => $3) FROM unnest($2::uuid[]) AS tenant_id
ORDER BY tenant_id
ON CONFLICT (tenant_id, listener_id) DO UPDATE SET expires_at = excluded.expires_at
"""


def send_part(first: int) -> str:
    """The part of a statement that sends notices, if anybody listens for the tenant; see `send` for when it may.

    Args:
        first: the number of the parameter for the channel; then come the payloads. The tenant is `$1`.
    """
    return (
        f"SELECT pg_notify(${first}::text, payload) FROM unnest(${first + 1}::text[]) AS payload "
        "WHERE EXISTS (SELECT FROM live_listeners WHERE tenant_id = $1 AND expires_at > clock_timestamp())"
    )


async def send(client: TransactionWrapper, tenant_id: UUID, notices: Sequence[Notice]) -> None:
    """Send a transaction's notices with its commit, if anybody listens for the tenant.

    Call it after the transaction wrote something, or got its number otherwise, and under READ COMMITTED: `newest`
    and `oldest_running` rely on it.
    """
    if notices:
        await raw_connection(client).execute(send_part(2), tenant_id, CHANNEL, [pack(notice) for notice in notices])


async def announce(connection: asyncpg.Connection, listener_id: UUID, tenants: Collection[UUID]) -> None:
    """Say that this process listens for exactly these tenants, for `LIFETIME` from now."""
    await connection.execute(_ANNOUNCE, listener_id, list(tenants), LIFETIME)


async def newest(connection: asyncpg.Connection) -> int:
    """The first transaction number that nobody has yet. Transactions below it may not know of a new listener."""
    found: int = await connection.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8")
    return found


async def oldest_running(connection: asyncpg.Connection) -> int:
    """The number of the oldest transaction that has not ended."""
    found: int = await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8")
    return found
