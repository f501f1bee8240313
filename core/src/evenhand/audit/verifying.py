"""Verify a tenant's chain against the entries that are there, and name the first broken link."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from evenhand.audit.chain import TABLES, Head, genesis
from evenhand.audit.models import ChainProblem, SealKind
from evenhand.db.session import raw_connection, reading
from evenhand.tenancy.context import current_tenant

BATCH = 20_000
"""Links that one statement looks at."""

_HEAD = "SELECT number, hash FROM audit_heads WHERE tenant_id = $1"
_LINK = "SELECT number, hash FROM audit_seals WHERE tenant_id = $1 AND number = $2"
_LAST = "SELECT number, hash FROM audit_seals WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1"
_REMOVED = "SELECT coalesce(max(up_to_number), 0) FROM audit_retentions WHERE tenant_id = $1"
# Only what is not as it was sealed comes back; whether redactions say why is looked at then.
_FOUND = " UNION ALL ".join(
    "SELECT link.number, link.id, link.kind, link.digest, link.number_before, link.chained, "
    f"evenhand_{kind.value}_digest(e) AS found "
    f"FROM link LEFT JOIN {table} AS e ON e.tenant_id = $1 AND e.id = link.id WHERE link.kind = '{kind.value}'"
    for kind, table in TABLES.items()
)
_LOOK = f"""
WITH link AS MATERIALIZED (
    SELECT number, id, kind, digest,
        coalesce(lag(number) OVER following, $2 - 1) AS number_before,
        number = coalesce(lag(number) OVER following, $2 - 1) + 1
            AND hash = sha256(coalesce(lag(hash) OVER following, $4) || int8send(number) || digest) AS chained
    FROM audit_seals WHERE tenant_id = $1 AND number BETWEEN $2 AND $3
    WINDOW following AS (ORDER BY number)
)
SELECT * FROM ({_FOUND}) AS looked
WHERE NOT chained OR (found IS DISTINCT FROM digest AND NOT (found IS NULL AND kind = 'audit' AND number <= $5))
ORDER BY number
"""
_LAST_OF = """
SELECT number, hash FROM audit_seals WHERE tenant_id = $1 AND number BETWEEN $2 AND $3 ORDER BY number DESC LIMIT 1
"""
_GONE = """
SELECT count(*) FROM audit_seals AS s
WHERE s.tenant_id = $1 AND s.number BETWEEN $2 AND $3 AND s.kind = 'audit'
  AND NOT EXISTS (SELECT FROM audit_entries AS e WHERE e.tenant_id = $1 AND e.id = s.id)
"""
# Entries are looked up by their keys, however large or unknown the planner takes the tables to be.
_PLAN = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off"
_ANY_PLAN = "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_seqscan = on"
_REDACTED = """
SELECT entry_id, old_digest, new_digest FROM audit_redactions WHERE tenant_id = $1 AND entry_id = ANY ($2::uuid[])
"""
_EXTRA = """
WITH waiting AS MATERIALIZED (
    SELECT entry.id::uuid AS id
    FROM audit_pending AS p CROSS JOIN LATERAL jsonb_array_elements_text(p.entries) AS entry (id)
    WHERE p.tenant_id = $1
)
SELECT e.id FROM {table} AS e
WHERE e.tenant_id = $1
  AND NOT EXISTS (SELECT FROM audit_seals AS s WHERE s.tenant_id = $1 AND s.id = e.id)
  AND NOT EXISTS (SELECT FROM waiting WHERE waiting.id = e.id)
ORDER BY e.id LIMIT 1
"""
_CHECKPOINTS = "SELECT number, hash FROM audit_checkpoints WHERE tenant_id = $1 AND number >= $2 ORDER BY number"
_WAITING = "SELECT coalesce(sum(many), 0)::bigint FROM audit_pending WHERE tenant_id = $1"


@dataclass(frozen=True)
class Broken:
    """A broken link.

    Attributes:
        number: its number; None for an entry that has none.
        message: what is wrong, in words.
    """

    problem: ChainProblem
    number: int | None
    kind: SealKind | None
    entry_id: UUID | None
    message: str


@dataclass(frozen=True)
class Verification:
    """What came of a verification.

    Attributes:
        first, last: the links that were looked at; nothing was when `last` is before `first`.
        checked: how many links are whole, up to the first broken one.
        removed: how many of them seal entries that retention removed, the last at `removed_up_to` or before.
        waiting: entries that are not sealed yet.
        broken: the first broken link; None when all is as it was written.
    """

    first: int
    last: int
    head: bytes
    checked: int
    removed: int
    removed_up_to: int
    waiting: int
    seconds: float
    broken: Broken | None


async def verify_chain(first: int = 1, *, checkpoints: Mapping[int, bytes] | None = None) -> Verification:
    """Look at all links of the current tenant's chain from `first` on, at one unchanging state of the database.

    What is not sealed yet is only counted: seal before. Checkpoints that the database holds are compared too.

    Args:
        first: links before are taken for granted.
        checkpoints: hashes by number, from checkpoints that were kept elsewhere.
    """
    started = time.perf_counter()
    async with reading() as client:
        connection, tenant = raw_connection(client), current_tenant()
        await connection.execute("SET LOCAL timezone = 'UTC'")
        head, unknown = await _head(connection, tenant)
        walk = _Walk(connection, tenant, await connection.fetchval(_REMOVED, tenant))
        known = await _known(connection, tenant, first, checkpoints or {})
        await connection.execute(_PLAN)
        broken = await walk.run(max(first, 1), head, known)
        await connection.execute(_ANY_PLAN)
        broken = broken or unknown or await _extra(connection, tenant)
        waiting = await connection.fetchval(_WAITING, tenant)
    return Verification(
        first=max(first, 1),
        last=head.number,
        head=head.hash,
        checked=walk.checked,
        removed=walk.removed,
        removed_up_to=walk.removed_up_to,
        waiting=waiting,
        seconds=time.perf_counter() - started,
        broken=broken,
    )


async def _head(connection: asyncpg.Connection, tenant: UUID) -> tuple[Head, Broken | None]:
    """Where the chain ought to end; and what is wrong when there are links that nobody who seals knows of."""
    rows = [await connection.fetchrow(statement, tenant) for statement in (_HEAD, _LAST)]
    known, last = (Head(row["number"], row["hash"]) if row else Head(0, genesis(tenant)) for row in rows)
    if last.number > known.number:
        text = f"The chain ought to end at {known.number}, but goes on to {last.number}: links were added by hand."
        return last, _other(known.number + 1, text)
    return known, None


async def _known(
    connection: asyncpg.Connection, tenant: UUID, first: int, given: Mapping[int, bytes]
) -> list[tuple[int, bytes]]:
    """Numbers and hashes that must be in the chain, in order; those that were given count more than the stored."""
    rows = await connection.fetch(_CHECKPOINTS, tenant, first)
    known = [(row["number"], bytes.fromhex(row["hash"])) for row in rows]
    return sorted([*given.items(), *known], key=lambda one: one[0])


class _Walk:
    """Goes along the chain, batch by batch."""

    def __init__(self, connection: asyncpg.Connection, tenant: UUID, removed_up_to: int) -> None:
        self.connection = connection
        self.tenant = tenant
        self.removed_up_to = removed_up_to
        self.checked = 0
        self.removed = 0

    async def run(self, first: int, head: Head, known: Sequence[tuple[int, bytes]]) -> Broken | None:
        """The first broken link from `first` to the head, and of the checkpoints."""
        # A batch ends at each checkpoint, so that its hash is at hand.
        stops = sorted({number for number, _ in known if first <= number <= head.number} | {head.number})
        expected: dict[int, list[bytes]] = {}
        for number, value in known:
            expected.setdefault(number, []).append(value)
        before = await self._before(first)
        if before is None:
            return _no_link(first - 1)
        for stop in stops:
            while first <= stop:
                last = min(stop, first + BATCH - 1)
                broken, before = await self._look(first, last, before)
                if broken is not None:
                    return broken
                first = last + 1
            if any(value != before for value in expected.get(stop, ())):
                return _other(stop, "A checkpoint names another hash for this link: the chain was rewritten.")
        if head.hash != before:
            return _other(head.number, "The chain's end has another hash than its last link.")
        beyond = next((number for number, _ in known if number > head.number), None)
        if beyond is not None:
            text = f"A checkpoint knows link {beyond}, but the chain ends at {head.number}: its end was cut off."
            return _other(head.number + 1, text)
        return None

    async def _before(self, first: int) -> bytes | None:
        if first == 1:
            return genesis(self.tenant)
        row = await self.connection.fetchrow(_LINK, self.tenant, first - 1)
        return None if row is None else row["hash"]

    async def _look(self, first: int, last: int, before: bytes) -> tuple[Broken | None, bytes]:
        """Returns: the first broken link, and the hash of the last."""
        values = (self.tenant, first, last, before, self.removed_up_to)
        odd = await self.connection.fetch(_LOOK, *values)
        ways = await self._redactions([row["id"] for row in odd if row["chained"] and row["found"] is not None])
        for row in odd:
            broken = _judge(row, ways.get(row["id"], {}))
            if broken is not None:
                self.checked += (broken.number or first) - first
                return broken, before
        end = await self.connection.fetchrow(_LAST_OF, self.tenant, first, last)
        if end is None or end["number"] < last:
            missing = first if end is None else end["number"] + 1
            self.checked += missing - first
            return _no_link(missing), before
        self.checked += last - first + 1
        if first <= self.removed_up_to:
            limit = min(last, self.removed_up_to)
            self.removed += await self.connection.fetchval(_GONE, self.tenant, first, limit)
        return None, end["hash"]

    async def _redactions(self, ids: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
        """From which digest to which entries were redacted, by entry."""
        ways: dict[UUID, dict[str, str]] = {}
        if ids:
            for row in await self.connection.fetch(_REDACTED, self.tenant, list(ids)):
                ways.setdefault(row["entry_id"], {})[row["old_digest"]] = row["new_digest"]
        return ways


def _judge(row: asyncpg.Record, redactions: Mapping[str, str]) -> Broken | None:
    number, kind, entry_id = row["number"], SealKind(row["kind"]), row["id"]
    if row["number_before"] != number - 1:
        return _no_link(row["number_before"] + 1)
    if not row["chained"]:
        text = f"Link {number} does not follow from the one before: this seal or an earlier one was changed."
        return Broken(ChainProblem.CHAIN, number, kind, entry_id, text)
    if row["found"] is None:
        text = f"The {kind.value} entry {entry_id} of link {number} is gone."
        return Broken(ChainProblem.MISSING, number, kind, entry_id, text)
    if end_of(row["digest"].hex(), redactions) != row["found"].hex():
        text = f"The {kind.value} entry {entry_id} of link {number} is not as it was sealed."
        return Broken(ChainProblem.CHANGED, number, kind, entry_id, text)
    return None


def end_of(digest: str, redactions: Mapping[str, str]) -> str:
    """The digest that redactions, each from one to the next, lead to."""
    left = dict(redactions)
    while digest in left:
        digest = left.pop(digest)
    return digest


def _no_link(number: int) -> Broken:
    return Broken(ChainProblem.CHAIN, number, None, None, f"Link {number} is missing from the chain.")


def _other(number: int, message: str) -> Broken:
    return Broken(ChainProblem.CHAIN, number, None, None, message)


async def _extra(connection: asyncpg.Connection, tenant: UUID) -> Broken | None:
    for kind, table in TABLES.items():
        entry_id = await connection.fetchval(_EXTRA.format(table=table), tenant)
        if entry_id is not None:
            text = f"The {kind.value} entry {entry_id} was never sealed and does not wait for it: it was slipped in."
            return Broken(ChainProblem.EXTRA, None, kind, entry_id, text)
    return None


__all__ = ["Broken", "Verification", "end_of", "verify_chain"]
