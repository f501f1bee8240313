"""Take checkpoints of the audit chain, verify it, redact personal data in it, and remove what is too old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from evenhand.actions.journal import Journal, writing
from evenhand.actions.notifications import notify
from evenhand.audit.chain import Head
from evenhand.audit.models import AuditCheckpoint, AuditEntry, AuditSettings, AuditVerification
from evenhand.audit.sealing import seal_entries, seal_in
from evenhand.audit.verifying import Verification, verify_chain
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities import User
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.jobs.queue import enqueue
from evenhand.tenancy.context import Role, current_actor
from evenhand.tenancy.models import uuid7

ENTITY = AuditEntry.__name__
SHORTEST_KEEP = 30
"""Days: nobody can have the traces of last week removed by a setting."""
REMOVED_AT_ONCE = 10_000

_REDACT = "SELECT * FROM evenhand_redact($1, $2, $3, $4, $5, $6, $7)"
_REMOVE = "SELECT * FROM evenhand_remove_old_entries($1, $2)"


@dataclass(frozen=True)
class Checkpoint:
    """A link of the chain at a moment."""

    id: UUID
    tenant_id: UUID
    number: int
    hash: str
    taken_at: datetime


@dataclass(frozen=True)
class Redacted:
    """What was redacted: entries of the journal, lines of the ledger, and events."""

    entries: int
    lines: int
    events: int


async def take_checkpoint() -> Checkpoint:
    """Seal what waits and note where the chain ends; keep a copy where nobody who has the database can change it.

    Raises:
        PermissionDenied: the caller is no admin.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    await seal_entries()
    async with writing("take_audit_checkpoint") as journal:
        head: Head = await seal_in(raw_connection(journal.client))
        taken = Checkpoint(uuid7(), journal.actor.tenant_id, head.number, head.hash.hex(), journal.now)
        row = {**asdict(taken), "user_id": journal.actor.user_id}
        await insert_rows(journal.client, AuditCheckpoint, [row])
    return taken


async def verify_audit(first: int = 1, *, checkpoints: Mapping[int, bytes] | None = None) -> Verification:
    """Seal what waits, verify the chain, keep the result, and tell the admins when the chain is broken.

    Args:
        first, checkpoints: see `verify_chain`.

    Raises:
        PermissionDenied: the caller is no admin.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    await seal_entries()
    found = await verify_chain(first, checkpoints=checkpoints)
    async with writing("verify_audit") as journal:
        await _keep(journal, found)
    return found


async def request_verification() -> UUID:
    """Have the chain verified by a job; while one waits or runs, no other is made. Returns: the job's id.

    Raises:
        PermissionDenied: the caller is no admin.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    async with writing("verify_audit"):
        return await enqueue("audit_verification", {}, title="Audit verification", key="audit_verification")


async def _keep(journal: Journal, found: Verification) -> None:
    broken = found.broken
    row = {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "from_number": found.first,
        "to_number": found.last,
        "checked": found.checked,
        "verified_at": journal.now,
        "duration_ms": round(found.seconds * 1000),
        "problem": broken.problem if broken else None,
        "number": broken.number if broken else None,
        "kind": broken.kind if broken else None,
        "entry_id": broken.entry_id if broken else None,
        "message": broken.message if broken else None,
    }
    await insert_rows(journal.client, AuditVerification, [row])
    if broken is None:
        return
    admins = await User.filter(role=Role.ADMIN, is_active=True, archived_at__isnull=True).values_list("id", flat=True)
    at = f"link {broken.number}" if broken.number is not None else "an entry without a link"
    zh = f"第 {broken.number} 环" if broken.number is not None else "一条未封存的记录"
    await notify(
        journal,
        [UUID(str(one)) for one in admins],
        kind="audit_broken",
        title={"en": f"The audit chain is broken at {at}", "zh": f"审计链在{zh}处断裂"},
        body={"en": broken.message, "zh": f"{broken.message}（运行 evenhand audit verify 查看详情）"},
        key=f"audit_broken:{broken.problem.value}:{broken.number}:{broken.entry_id}",
    )


def _checked_fields(fields: Sequence[str], reason: str) -> list[str]:
    problems = []
    wanted = sorted({field.strip() for field in fields})
    if not wanted or not all(wanted):
        hint = "Name columns or custom fields, such as phone."
        problems.append(Problem("fields", "REQUIRED", "fields: there is none.", hint))
    if not reason.strip():
        problems.append(Problem("reason", "REQUIRED", "reason: it is empty.", "Say why, without the data itself."))
    elif len(reason) > 500:
        problems.append(Problem("reason", "TOO_LONG", "reason: it is too long.", "Use at most 500 characters."))
    if problems:
        raise InvalidInput(problems)
    return wanted


async def redact_audit(entity_name: str, record_id: UUID, fields: Sequence[str], reason: str) -> Redacted:
    """Replace values of a record in the journal, in the notes of the ledger and in the payloads of old events.

    The record itself stays as it is: clear its fields before. Wherever one of `fields` is a key in an entry, also
    inside lists and custom fields, its value becomes "[redacted]". Each changed entry gets a redaction that is
    sealed like every entry, and a new salt. The same call again changes nothing.

    Args:
        entity_name: as in the API, e.g. "Contact".
        fields: names of columns, custom fields or lists; "note" and "override" are also the ledger's.
        reason: why, in words that tell nothing of the data.

    Raises:
        InvalidInput; NotFound: nothing was ever written about this record; PermissionDenied: the caller is no admin.
    """
    actor = current_actor()
    require(actor, Operation.CONFIGURE, ENTITY)
    kind = entity(entity_name)
    wanted = _checked_fields(fields, reason)
    await seal_entries()
    async with writing("redact_audit") as journal:
        connection = raw_connection(journal.client)
        await seal_in(connection)
        if not await AuditEntry.exists(entity=kind.name, record_id=record_id):
            raise NotFound(kind.name, record_id)
        values = (kind.name, record_id, wanted, reason.strip(), actor.user_id, actor.via, journal.now)
        (row,) = await connection.fetch(_REDACT, *values)
        done = Redacted(row["entries"], row["lines"], row["events"])
        if done != Redacted(0, 0, 0):
            after = {"fields": wanted, "reason": reason.strip(), "entries": done.entries, "lines": done.lines}
            journal.record("AuditEntry", record_id, before=None, after={**after, "entity": kind.name})
    return done


async def set_audit_retention(days: int | None) -> int | None:
    """Set how many days the tenant keeps its journal; None for ever. The ledger and the seals are always kept.

    Returns: what holds now.

    Raises:
        InvalidInput: less than `SHORTEST_KEEP`. PermissionDenied: the caller is no admin.
    """
    require(current_actor(), Operation.CONFIGURE, ENTITY)
    if days is not None and not SHORTEST_KEEP <= days <= 36_500:
        hint = f"Use {SHORTEST_KEEP} to 36500 days, or none to keep it for ever."
        raise InvalidInput([Problem("days", "OUT_OF_RANGE", f"days: {days} cannot be used.", hint)])
    async with writing("set_audit_retention") as journal:
        fresh = {"id": uuid7(), "tenant_id": journal.actor.tenant_id, "keep_days": None}
        await insert_rows(journal.client, AuditSettings, [fresh], suffix="ON CONFLICT (tenant_id) DO NOTHING")
        (row,) = await AuditSettings.all().select_for_update()
        if row.keep_days != days:
            await AuditSettings.filter(id=row.id).update(keep_days=days)
            journal.record("AuditSettings", row.id, before={"keep_days": row.keep_days}, after={"keep_days": days})
    return days


async def remove_old_entries(journal: Journal) -> int:
    """Remove entries of the journal that are older than the tenant keeps them, at most `REMOVED_AT_ONCE`.

    It goes along the chain and stops at the first entry that is younger. Returns: how many were removed.
    """
    (row,) = await raw_connection(journal.client).fetch(_REMOVE, REMOVED_AT_ONCE, journal.now)
    removed: int = row["removed"]
    return removed


__all__ = [
    "Checkpoint",
    "Redacted",
    "redact_audit",
    "remove_old_entries",
    "request_verification",
    "set_audit_retention",
    "take_checkpoint",
    "verify_audit",
]
