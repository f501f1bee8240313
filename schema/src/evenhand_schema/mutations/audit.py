"""Mutations of the audit journal and its chain; for admins."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import datetime
from typing import Any

import strawberry
from strawberry import Info

from evenhand.actions.audit import (
    SHORTEST_KEEP,
    redact_audit,
    request_verification,
    set_audit_retention,
    take_checkpoint,
)
from evenhand_schema.errors import to_uuid
from evenhand_schema.mutations.arguments import REQUIRED, described, mutation, result
from evenhand_schema.mutations.ownership import prepare
from evenhand_schema.resolvers import record
from evenhand_schema.scalars import BigInt
from evenhand_schema.types import Job


@strawberry.type(description="A link of the audit chain at a moment; keep a copy far from the database.")
class AuditCheckpoint:
    """The answer of `takeAuditCheckpoint`."""

    tenant: strawberry.ID = strawberry.field(description="Whose chain it is.")
    number: BigInt = strawberry.field(description="The last link.")
    hash: str = strawberry.field(description="Its hash, in hexadecimal digits.")
    time: datetime = strawberry.field(description="When it was taken.")


@strawberry.type(description="What was redacted.")
class AuditRedacted:
    """The answer of `redactAudit`."""

    entries: int = strawberry.field(description="Entries of the journal.")
    lines: int = strawberry.field(description="Lines of the ledger.")
    events: int = strawberry.field(description="Old events.")


@strawberry.type(description="How long the journal is kept.")
class AuditRetention:
    """The answer of `setAuditRetention`."""

    days: int | None = strawberry.field(description="Days; null for ever.")


async def _checkpoint(info: Info) -> AuditCheckpoint:
    await prepare(info, "AuditEntry")
    taken = await take_checkpoint()
    tenant = strawberry.ID(str(taken.tenant_id))
    return AuditCheckpoint(tenant=tenant, number=BigInt(taken.number), hash=taken.hash, time=taken.taken_at)


async def _redact(info: Info, entity: str, record_id: Any, fields: list[str], reason: str) -> AuditRedacted:
    await prepare(info, "AuditEntry")
    return AuditRedacted(**vars(await redact_audit(entity, to_uuid(record_id), fields, reason)))


async def _retention(info: Info, days: int | None) -> AuditRetention:
    await prepare(info, "AuditEntry")
    return AuditRetention(days=await set_audit_retention(days))


async def _verify(info: Info) -> Job:
    await prepare(info, "AuditEntry")
    found: Job = await record(info, "Job", await request_verification())
    return found


def audit_mutations() -> dict[str, Any]:
    """The mutations by Python name."""
    return {
        "take_audit_checkpoint": mutation(
            _checkpoint,
            {},
            result("TakeAuditCheckpoint", AuditCheckpoint, description="The checkpoint, or why there is none."),
            "Seal what waits and note where the audit chain ends; admins only.",
        ),
        "verify_audit_chain": mutation(
            _verify,
            {},
            result("VerifyAuditChain", Job, description="The job that verifies it, or why there is none."),
            "Have the whole audit chain verified; `auditChain` then tells the result. Admins only.",
        ),
        "redact_audit": mutation(
            _redact,
            {
                "entity": (described(str, "The kind of record, e.g. Contact."), REQUIRED),
                "record_id": (described(strawberry.ID, "The record."), REQUIRED),
                "fields": (described(list[str], "Names of the fields whose values are replaced."), REQUIRED),
                "reason": (described(str, "Why, without the data itself."), REQUIRED),
            },
            result("RedactAudit", AuditRedacted, description="How much was redacted, or why nothing was."),
            "Replace values of a record in all of its history, for good; the chain stays verifiable. Admins only.",
        ),
        "set_audit_retention": mutation(
            _retention,
            {"days": (described(int | None, f"Days, {SHORTEST_KEEP} at least; null for ever."), None)},
            result("SetAuditRetention", AuditRetention, description="What holds now, or why nothing was changed."),
            "Set how long the journal is kept; the ledger and the seals are always kept. Admins only.",
        ),
    }
