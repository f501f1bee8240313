"""Seal entries: give each a number and chain it to the one before. Whoever writes entries never waits for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

import asyncpg
import structlog

from evenhand import clock
from evenhand.audit.chain import Head, entry_value, genesis
from evenhand.db.session import raw_connection, transaction
from evenhand.tenancy.context import acting_as, current_tenant, system_actor

log = structlog.get_logger(__name__)

BATCH = 10_000
"""Entries that one transaction seals, about: the entries of one statement stay together."""
LOOK_EVERY = 0.5
"""Seconds between two looks for what waits."""
_AFTER_ERROR = 5.0

_BEGIN = "INSERT INTO audit_heads (id, tenant_id, number, hash) VALUES ($1, $1, 0, $2) ON CONFLICT DO NOTHING"
_HOLD = "SELECT number, hash FROM audit_heads WHERE tenant_id = $1 FOR UPDATE"
# An entry that waits and is gone was deleted before it was sealed: it gets a digest that no entry has.
_SEAL = f"""
WITH candidate AS (
    SELECT id, sum(many) OVER (ORDER BY sequence) - many AS earlier
    FROM audit_pending WHERE tenant_id = $1 ORDER BY sequence LIMIT 5000
), taken AS (
    DELETE FROM audit_pending AS p USING candidate AS c
    WHERE p.tenant_id = $1 AND p.id = c.id AND c.earlier < $2
    RETURNING p.kind, p.entries, p.sequence
), link AS (
    SELECT DISTINCT ON (entry.id::uuid) taken.kind, entry.id::uuid AS id, taken.sequence, entry.place
    FROM taken CROSS JOIN LATERAL jsonb_array_elements_text(taken.entries) WITH ORDINALITY AS entry (id, place)
    WHERE NOT EXISTS (SELECT FROM audit_seals AS s WHERE s.tenant_id = $1 AND s.id = entry.id::uuid)
    ORDER BY entry.id::uuid, taken.sequence
), numbered AS (
    SELECT link.id, link.kind, coalesce({entry_value("link.kind", "digest")}, '') AS digest,
        $3 + row_number() OVER (ORDER BY link.sequence, link.place) AS number
    FROM link
), written AS (
    INSERT INTO audit_seals (tenant_id, id, number, kind, digest, hash)
    SELECT $1, id, number, kind, digest, evenhand_chain($4, number, digest) OVER (ORDER BY number) FROM numbered
    RETURNING number, hash
), moved AS (
    UPDATE audit_heads AS h SET number = w.number, hash = w.hash, sealed_at = $5
    FROM (SELECT number, hash FROM written ORDER BY number DESC LIMIT 1) AS w
    WHERE h.tenant_id = $1
)
SELECT (SELECT count(*) FROM taken) AS taken, (SELECT count(*) FROM written) AS sealed
"""
_WAITING = "SELECT tenant_id FROM evenhand_unsealed_tenants() AS tenant_id"


async def hold_head(connection: asyncpg.Connection, *, wait: bool = True) -> Head | None:
    """Lock the end of the current tenant's chain until the transaction ends; only one can.

    Returns: where it ends; None when somebody else holds it and `wait` is false.
    """
    tenant = current_tenant()
    row = await connection.fetchrow(_HOLD if wait else f"{_HOLD} SKIP LOCKED", tenant)
    if row is None and wait:
        await connection.execute(_BEGIN, tenant, genesis(tenant))
        row = await connection.fetchrow(_HOLD, tenant)
    return None if row is None else Head(row["number"], row["hash"])


async def _begin_chain() -> None:
    """Have a head to hold; in a transaction of its own, so that nobody waits long for whoever is first."""
    tenant = current_tenant()
    async with transaction() as client:
        connection = raw_connection(client)
        if await connection.fetchval("SELECT number FROM audit_heads WHERE tenant_id = $1", tenant) is None:
            await connection.execute(_BEGIN, tenant, genesis(tenant))


async def _seal_some(*, wait: bool) -> tuple[int, bool]:
    """One transaction. Returns: how many entries it sealed, and whether more may wait."""
    async with transaction() as client:
        connection = raw_connection(client)
        head = await hold_head(connection, wait=wait)
        if head is None:
            return 0, False
        return await _seal_after(connection, head)


async def _seal_after(connection: asyncpg.Connection, head: Head) -> tuple[int, bool]:
    """Seal about `BATCH` entries after `head`, whose row is held. Returns as `_seal_some`."""
    rows = await connection.fetch(_SEAL, current_tenant(), BATCH, head.number, head.hash, clock.now())
    return rows[0]["sealed"], rows[0]["taken"] > 0


async def seal_entries(*, wait: bool = True) -> int:
    """Seal all entries of the current tenant that wait and are committed, in transactions of about `BATCH`.

    Args:
        wait: for another process that seals; else leave it to that one.

    Returns: how many this call sealed.
    """
    await _begin_chain()
    sealed, more = 0, True
    while more:
        some, more = await _seal_some(wait=wait)
        sealed += some
    return sealed


async def seal_in(connection: asyncpg.Connection) -> Head:
    """Seal what waits inside the caller's transaction, and hold the chain's end until that ends."""
    more = True
    while True:
        head = await hold_head(connection)
        if head is None:
            raise RuntimeError("the chain has no head")
        if not more:
            return head
        _, more = await _seal_after(connection, head)


async def tenants_to_seal() -> list[UUID]:
    """The tenants of which entries wait."""
    from tortoise.connection import get_connection

    rows = await get_connection("default").execute_query_dict(_WAITING)
    return [row["tenant_id"] for row in rows]


async def keep_sealed(stop: asyncio.Event) -> None:
    """The service of a worker: seal what all tenants write until `stop`; any number of processes may."""
    while not stop.is_set():
        pause = LOOK_EVERY
        try:
            for tenant_id in await tenants_to_seal():
                if stop.is_set():
                    return
                with acting_as(system_actor(tenant_id, via="sealing")):
                    await seal_entries(wait=False)
        except Exception as error:
            # The database may be away for a while; the service outlives it.
            log.warning("audit.sealing_paused", error=str(error) or type(error).__name__)
            pause = _AFTER_ERROR
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()
