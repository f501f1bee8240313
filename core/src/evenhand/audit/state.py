"""How a tenant's chain stands, without looking at its links."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from evenhand.audit.chain import genesis
from evenhand.audit.models import AuditEntry
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import raw_connection, reading
from evenhand.tenancy.context import current_actor

_STATE = """
SELECT h.number, h.hash, h.sealed_at,
    (SELECT coalesce(sum(p.many), 0)::bigint FROM audit_pending AS p WHERE p.tenant_id = $1) AS waiting,
    (SELECT coalesce(max(r.up_to_number), 0) FROM audit_retentions AS r WHERE r.tenant_id = $1) AS removed_up_to,
    (SELECT s.keep_days FROM audit_settings AS s WHERE s.tenant_id = $1) AS keep_days,
    (SELECT v.id FROM audit_verifications AS v WHERE v.tenant_id = $1 ORDER BY v.verified_at DESC, v.id DESC LIMIT 1)
        AS verification_id
FROM (SELECT 1) AS one LEFT JOIN audit_heads AS h ON h.tenant_id = $1
"""


@dataclass(frozen=True)
class ChainState:
    """How a chain stands.

    Attributes:
        sealed: how many links it has.
        head: the hash of the last link, in hexadecimal digits.
        waiting: entries that are not sealed yet.
        removed_up_to: the last link whose entry retention removed; 0 for none.
        keep_days: how long the journal is kept; None for ever.
        verification_id: the last verification; None when there was none.
    """

    sealed: int
    head: str
    waiting: int
    removed_up_to: int
    keep_days: int | None
    verification_id: UUID | None


async def chain_state() -> ChainState:
    """How the current tenant's chain stands; one statement.

    Raises:
        PermissionDenied: the caller is no admin.
    """
    actor = current_actor()
    require(actor, Operation.READ, AuditEntry.__name__)
    async with reading() as client:
        (row,) = await raw_connection(client).fetch(_STATE, actor.tenant_id)
    return ChainState(
        sealed=row["number"] or 0,
        head=(row["hash"] or genesis(actor.tenant_id)).hex(),
        waiting=row["waiting"],
        removed_up_to=row["removed_up_to"],
        keep_days=row["keep_days"],
        verification_id=row["verification_id"],
    )
