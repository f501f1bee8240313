"""Pool, ledger and decision."""

from datetime import datetime
from typing import Any

import strawberry

from evenhand.ownership import models
from evenhand.ownership.pools import models as pools
from evenhand_schema.declare import bound, computed, many, one, python
from evenhand_schema.reads.ordering import Order
from evenhand_schema.resolvers import record
from evenhand_schema.scalars import JSON
from evenhand_schema.types.shared import HELD_AT, OPEN, held
from evenhand_schema.types.user import User

_ENDED_AT = (
    "SELECT next.started_at FROM ownership_entries AS next WHERE next.tenant_id = $1 "
    "AND next.record_id = {row}.record_id AND next.entity = {row}.entity "
    "AND (next.started_at, next.id) > ({row}.started_at, {row}.id) ORDER BY next.started_at, next.id LIMIT 1"
)


@bound(models.Pool)
class Pool:
    """Where records without an owner wait (公海)."""

    accounts = many("Account", "pool_id", "The accounts that wait in it.", Order("created_at"))
    leads = many("Lead", "pool_id", "The leads that wait in it.", Order("created_at"))
    opportunities = many("Opportunity", "pool_id", "The deals that wait in it.", Order("created_at"), flags=OPEN)
    ownership_history = held("pool_id", "What waited in it from when to when, the latest first.")
    members = many("PoolMember", "pool_id", "Who may claim from it or manages it.", Order("created_at"))
    rules = many("PoolRule", "pool_id", "Its rules, in the order in which they are asked.", Order("position"))


@bound(pools.PoolMember)
class PoolMember:
    """Who may claim from a pool or manages it; a pool without any is open to every active rep and manager."""

    pool = one("Pool", "pool_id", "The pool.")
    user = one("User", "user_id", "The one person; null when a team, a region or a product line is named.")
    team = one("Team", "team_id", "The team, with all teams below it.")


@bound(pools.PoolRule)
class PoolRule:
    """What holds for some records of a pool: when they come back to it, and who may take how many out of it."""

    tiers: list[str]
    sources: list[str]
    product_lines: list[str]
    regions: list[str]
    warn_days: list[int]
    manager_warn_days: list[int]
    pool = one("Pool", "pool_id", "The pool.")


@bound(models.OwnershipEntry, flags={"held_at": HELD_AT})
class OwnershipEntry:
    """One line of the ledger: from `startedAt` to `endedAt` this was the record's holder."""

    account = one("Account", "record_id", "The account that was held; null for other records.", optional=True)
    lead = one("Lead", "record_id", "The lead that was held; null for other records.", optional=True)
    opportunity = one("Opportunity", "record_id", "The deal that was held; null for other records.", optional=True)
    owner = one("User", "owner_id", "Who held it; null when it was in a pool.")
    pool = one("Pool", "pool_id", "The pool it was in; null when somebody held it.")
    ended_at = computed(datetime | None, _ENDED_AT, "Until when; null while it goes on.")
    decision = one("Decision", "decision_id", "The assignment decision behind it.")
    actor = one("User", "actor_id", "Who changed the holder; null when the system did.")


async def _candidate(root: Any, info: strawberry.Info) -> User | None:
    found: User | None = await record(info, "User", root.candidate_id)
    return found


@strawberry.type(description="What a policy found about one candidate for one record.")
class Verdict:
    candidate_id: strawberry.ID = strawberry.field(description="Id of the candidate.")
    eligible: bool = strawberry.field(description="Whether the candidate could have got the record.")
    reason: str = strawberry.field(description="Why or why not, a stable code such as CHOSEN or ABSENT.")
    rank: int | None = strawberry.field(description="Place in the line, 1 is first; null when not eligible.")
    evidence: JSON = strawberry.field(description="The numbers behind it.")

    candidate: User | None = strawberry.field(resolver=_candidate, description="The candidate.")


def verdicts_of(kept: Any) -> list[Verdict]:
    """Verdicts as they are kept, the first in line first."""
    found = [
        Verdict(
            candidate_id=strawberry.ID(str(item["candidate"])),
            eligible=item["eligible"],
            reason=item["reason"],
            rank=item["rank"],
            evidence=item["evidence"],
        )
        for item in kept
    ]
    return sorted(found, key=lambda verdict: (verdict.rank is None, verdict.rank or 0, verdict.candidate_id))


def _verdicts(root: Any) -> list[Verdict]:
    return verdicts_of(root.verdicts)


@bound(models.Decision)
class Decision:
    """Why a policy gave a record to whom it gave it: a verdict for every candidate."""

    owner = one("User", "owner_id", "Who got it; null when nobody was eligible.")

    verdicts = python(
        list[Verdict], ["verdicts"], _verdicts, "What the policy found about each candidate, the first in line first."
    )
