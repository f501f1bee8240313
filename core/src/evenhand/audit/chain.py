"""What the chain is made of: the tables it covers, how it begins, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from evenhand.audit.models import SealKind

TABLES: Mapping[SealKind, str] = {
    SealKind.AUDIT: "audit_entries",
    SealKind.LEDGER: "ownership_entries",
    SealKind.REDACTION: "audit_redactions",
    SealKind.RETENTION: "audit_retentions",
}
"""Where the entries of each kind are."""


def genesis(tenant_id: UUID) -> bytes:
    """The hash before a tenant's first link."""
    return sha256(f"evenhand audit chain {tenant_id}".encode()).digest()


@dataclass(frozen=True)
class Head:
    """The last link of a chain; number 0 and the genesis while there is none."""

    number: int
    hash: bytes


def entry_value(kind: str, function: str) -> str:
    """SQL: what `evenhand_<kind>_<function>` says of the entry of a row with `id` and `kind`; null when it is gone.

    Each is looked up by its key, whatever the planner thinks of the size of the tables.

    Args:
        kind: SQL for the kind.
        function: `digest` or `content`.
    """
    cases = " ".join(
        f"WHEN '{one.value}' THEN (SELECT evenhand_{one.value}_{function}(e) FROM {table} AS e "
        "WHERE e.tenant_id = $1 AND e.id = link.id)"
        for one, table in TABLES.items()
    )
    return f"CASE {kind} {cases} END"
