"""Which records have the same keys as a draft: one statement for any number of keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from evenhand.db.session import raw_connection, reading
from evenhand.entities.enums import DuplicateKeyKind, Strictness
from evenhand.ownership.duplicates.models import DuplicateSettings
from evenhand.ownership.duplicates.rules import COMPARED, STOPPING, Key
from evenhand.ownership.visibility.reading import visible_ids
from evenhand.tenancy.context import current_tenant

MOST = 5
"""So many records are told for one key; a key that more have in common tells little."""

_HITS = """
SELECT wanted.kind, wanted.value, hit.entity, hit.record_id, record.name, record.owner_id, record.pool_id,
       record.parent_id, holder.name AS owner, pool.name AS pool,
       (record.held_since AT TIME ZONE tenant.time_zone)::date AS since
FROM unnest($2::text[], $3::text[], $4::text[]) AS wanted (kind, value, entity)
JOIN tenants AS tenant ON tenant.id = $1
CROSS JOIN LATERAL (
    SELECT k.entity, k.record_id FROM duplicate_keys AS k
    WHERE k.tenant_id = $1 AND k.kind = wanted.kind AND k.value = wanted.value AND k.entity = wanted.entity
    ORDER BY k.record_id LIMIT 6
) AS hit
CROSS JOIN LATERAL (
    SELECT a.name, a.owner_id, a.pool_id, a.held_since, a.parent_id FROM accounts AS a
    WHERE a.tenant_id = $1 AND hit.entity = 'Account' AND a.id = hit.record_id
    UNION ALL
    SELECT l.name, l.owner_id, l.pool_id, l.held_since, NULL FROM leads AS l
    WHERE l.tenant_id = $1 AND hit.entity = 'Lead' AND l.id = hit.record_id
) AS record
LEFT JOIN users AS holder ON holder.tenant_id = $1 AND holder.id = record.owner_id
LEFT JOIN pools AS pool ON pool.tenant_id = $1 AND pool.id = record.pool_id
ORDER BY wanted.kind, wanted.value, hit.record_id
"""


@dataclass(frozen=True)
class DuplicateChoices:
    """How strictly a tenant takes each kind of key, see `DuplicateSettings`."""

    tax_id: Strictness = Strictness.STOP
    domain: Strictness = Strictness.STOP
    email: Strictness = Strictness.WARN
    phone: Strictness = Strictness.WARN
    name: Strictness = Strictness.WARN
    free_domains: tuple[str, ...] = ()

    def of(self, entity: str, key: Key, *, held: bool) -> Strictness:
        """What follows when a new record of `entity` has this key in common with one that somebody holds or not."""
        if key.kind is DuplicateKeyKind.DOMAIN and key.value in self.free_domains:
            return Strictness.OFF
        chosen = Strictness(getattr(self, key.kind.value))
        if chosen is not Strictness.STOP:
            return chosen
        if key.kind not in STOPPING[entity] or (key.kind is DuplicateKeyKind.DOMAIN and not held):
            return Strictness.WARN
        return Strictness.STOP


@dataclass(frozen=True)
class Hit:
    """A record with a key that a draft has, too.

    Attributes:
        owner, pool: their names; one of them is None.
        since: the day since which it is there, in the tenant's time zone.
    """

    key: Key
    entity: str
    record_id: UUID
    name: str
    owner_id: UUID | None
    owner: str | None
    pool_id: UUID | None
    pool: str | None
    parent_id: UUID | None
    since: date


async def duplicate_choices() -> DuplicateChoices:
    """How strictly the current tenant takes each kind of key."""
    async with reading():
        row = await DuplicateSettings.first()
    if row is None:
        return DuplicateChoices()
    return DuplicateChoices(row.tax_id, row.domain, row.email, row.phone, row.name, tuple(row.free_domains))


async def find_hits(entity: str, keys: Collection[Key]) -> dict[Key, list[Hit]]:
    """The records that a new record of `entity` with these keys is compared with; one statement, at most six a key."""
    wanted = [
        (key.kind.value, key.value, other)
        for key in keys
        for other, kinds in COMPARED[entity].items()
        if key.kind in kinds
    ]
    if not wanted:
        return {}
    async with reading() as client:
        rows = await raw_connection(client).fetch(
            _HITS, current_tenant(), *(list(column) for column in zip(*wanted, strict=True))
        )
    found: dict[Key, list[Hit]] = {}
    for row in rows:
        key = Key(DuplicateKeyKind(row["kind"]), row["value"])
        found.setdefault(key, []).append(
            Hit(
                key,
                row["entity"],
                row["record_id"],
                row["name"],
                row["owner_id"],
                row["owner"],
                row["pool_id"],
                row["pool"],
                row["parent_id"],
                row["since"],
            )
        )
    return found


async def seen_of(hits: Collection[Hit]) -> set[UUID]:
    """Ids of those of the records that the current actor may see."""
    by_entity: dict[str, set[UUID]] = {}
    for hit in hits:
        by_entity.setdefault(hit.entity, set()).add(hit.record_id)
    seen: set[UUID] = set()
    for entity, ids in by_entity.items():
        seen |= await visible_ids(entity, ids)
    return seen


KEY_WORDS: Mapping[DuplicateKeyKind, str] = {
    DuplicateKeyKind.TAX_ID: "tax id",
    DuplicateKeyKind.DOMAIN: "domain",
    DuplicateKeyKind.EMAIL: "e-mail address",
    DuplicateKeyKind.PHONE: "phone number",
    DuplicateKeyKind.NAME: "name",
}
