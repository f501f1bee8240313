"""Write a part of the chain as JSON Lines that `evenhand.audit.offline` verifies without a database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import orjson

from evenhand import clock
from evenhand.audit.chain import entry_value, genesis
from evenhand.audit.offline import FORMAT
from evenhand.db.session import raw_connection, reading
from evenhand.errors import EvenhandError
from evenhand.tenancy.context import current_tenant

BATCH = 5_000

_LINES = f"""
SELECT link.number, link.kind, link.id, link.digest, link.hash, {entry_value("link.kind", "content")} AS content
FROM audit_seals AS link WHERE link.tenant_id = $1 AND link.number BETWEEN $2 AND $3 ORDER BY link.number
"""
_HASH = "SELECT hash FROM audit_seals WHERE tenant_id = $1 AND number = $2"
_END = "SELECT coalesce(max(number), 0) FROM audit_seals WHERE tenant_id = $1"


class NoSuchLink(EvenhandError):
    """The chain has no such links."""

    code = "NO_SUCH_LINK"


async def export_chain(first: int = 1, last: int | None = None) -> AsyncIterator[bytes]:
    """Links of the current tenant's chain with the canonical texts of their entries, as lines of JSON.

    The first line says what it is. All is read at one unchanging state of the database.

    Args:
        first, last: numbers of links, both included; to the end when `last` is None.

    Raises:
        NoSuchLink: the chain has none of these.
    """
    async with reading() as client:
        connection, tenant = raw_connection(client), current_tenant()
        await connection.execute("SET LOCAL timezone = 'UTC'")
        end = await connection.fetchval(_END, tenant)
        last = end if last is None else last
        if not 1 <= first <= last <= end:
            raise NoSuchLink(
                f"The chain has {end} links; there is no part from {first} to {last}.",
                hint="Use numbers as `evenhand audit checkpoint` and `evenhand audit verify` show them.",
            )
        yield _line(await _head(connection, tenant, first, last))
        for start in range(first, last + 1, BATCH):
            for row in await connection.fetch(_LINES, tenant, start, min(start + BATCH - 1, last)):
                yield _line(
                    {
                        "number": row["number"],
                        "kind": row["kind"],
                        "entry": str(row["id"]),
                        "digest": row["digest"].hex(),
                        "hash": row["hash"].hex(),
                        "content": row["content"],
                    }
                )


async def _head(connection: asyncpg.Connection, tenant: UUID, first: int, last: int) -> dict[str, object]:
    before = genesis(tenant) if first == 1 else await connection.fetchval(_HASH, tenant, first - 1)
    if before is None:
        raise NoSuchLink(f"Link {first - 1} is missing.", hint="Run: evenhand audit verify")
    return {
        "format": FORMAT,
        "tenant": str(tenant),
        "from": first,
        "to": last,
        "before": before.hex(),
        "exported_at": clock.now().isoformat(),
    }


def _line(values: dict[str, object]) -> bytes:
    return orjson.dumps(values) + b"\n"
