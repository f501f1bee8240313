"""How the audit chain stands, for admins: `auditChain`."""

# No `from __future__ import annotations`: strawberry reads annotations when the program runs.

from datetime import datetime
from typing import Any, Optional

import strawberry
from strawberry import Info

from evenhand.audit.models import ChainProblem, SealKind
from evenhand.audit.state import chain_state
from evenhand_schema.columns import enum_type
from evenhand_schema.resolvers import record, with_arguments
from evenhand_schema.scalars import BigInt
from evenhand_schema.types import AuditVerification

Kind: Any = enum_type(SealKind)
What: Any = enum_type(ChainProblem)


@strawberry.type(description="The first broken link of the audit chain.")
class BrokenLink:
    """Part of `auditChain`."""

    problem: What = strawberry.field(description="What is wrong.")
    number: BigInt | None = strawberry.field(description="The link's number; null for an entry without one.")
    kind: Optional[Kind] = strawberry.field(description="What it seals; null when the link itself is missing.")  # noqa: UP045
    entry_id: strawberry.ID | None = strawberry.field(description="The entry it is about.")
    message: str = strawberry.field(description="What is wrong, in words.")


@strawberry.type(description="How the audit chain stands, and what the last verification said of it.")
class AuditChain:
    """The answer of `auditChain`."""

    entries: BigInt = strawberry.field(description="How many entries there are, sealed or not, removed ones too.")
    sealed: BigInt = strawberry.field(description="How many of them are sealed: the number of the last link.")
    head: str = strawberry.field(description="The hash of the last link, in hexadecimal digits.")
    removed_up_to: BigInt = strawberry.field(description="The last link whose entry retention removed; 0 for none.")
    keep_days: int | None = strawberry.field(description="How many days the journal is kept; null for ever.")
    verified_at: datetime | None = strawberry.field(description="When the chain was last verified; null for never.")
    verified_up_to: BigInt | None = strawberry.field(description="The last link that was looked at then.")
    first_broken: BrokenLink | None = strawberry.field(
        description="What was broken first then; null when all is whole."
    )


async def _chain(info: Info) -> AuditChain:
    state = await chain_state()
    last: AuditVerification | None = None
    if state.verification_id is not None:
        last = await record(info, "AuditVerification", state.verification_id)
    return AuditChain(
        entries=BigInt(state.sealed + state.waiting),
        sealed=BigInt(state.sealed),
        head=state.head,
        removed_up_to=BigInt(state.removed_up_to),
        keep_days=state.keep_days,
        verified_at=getattr(last, "verified_at", None),
        verified_up_to=getattr(last, "to_number", None),
        first_broken=None if last is None else _broken(last),
    )


def _broken(found: Any) -> BrokenLink | None:
    if found.problem is None:
        return None
    entry_id = None if found.entry_id is None else strawberry.ID(str(found.entry_id))
    return BrokenLink(
        problem=found.problem, number=found.number, kind=found.kind, entry_id=entry_id, message=found.message
    )


def audit_fields() -> dict[str, Any]:
    """The fields of `Query` by Python name."""
    with_arguments(_chain, {}, returns=AuditChain)
    text = "How the audit chain stands, and what the last verification said; admins only."
    return {"audit_chain": strawberry.field(resolver=_chain, description=text)}
