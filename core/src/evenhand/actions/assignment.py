"""Assign records by the tenant's policy: ask the plugins, check, apply, and keep every verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from evenhand.actions.errors import NoPolicy
from evenhand.actions.journal import Journal, Why, writing
from evenhand.actions.owners import Holder, change_holders
from evenhand.actions.pools.guard import inspect
from evenhand.actions.pools.inspection import Inspection, Transfer
from evenhand.actions.pools.openings import Openings, openings_of
from evenhand.actions.sight import refuse_records
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities import Absence, User
from evenhand.entities.enums import OwnershipReason
from evenhand.entities.registry import Entity, entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.ownership.models import Decision
from evenhand.plugins.contract import Candidate, OpenRecord, Resolution, TenantContext
from evenhand.plugins.host import PluginFailed, current_host, tenant_context
from evenhand.tenancy.context import current_actor
from evenhand.tenancy.models import RecordModel, uuid7

BATCH = 1000


@dataclass(frozen=True)
class Assigned:
    """What became of one record. `owner_id` None: nobody was eligible and it stays where it was."""

    record_id: UUID
    owner_id: UUID | None
    decision_id: UUID


async def candidates_for(kind: Entity, ctx: TenantContext) -> list[Candidate]:
    """Everybody who works for the tenant, with what policies ask about, sorted by id; also the inactive and absent."""
    users = await User.filter(archived_at=None).order_by("id")
    absent = set(
        await Absence.filter(archived_at=None, starts_on__lte=ctx.today, ends_on__gte=ctx.today).values_list(
            "user_id", flat=True
        )
    )
    open_now = await _open_records(kind)
    return [
        Candidate(
            user_id=user.id,
            name=user.name,
            role=user.role.value,
            level=user.level.value,
            is_active=user.is_active,
            absent=user.id in absent,
            open_records=open_now[user.id],
            team_id=user.team_id,
            regions=tuple(user.regions),
            languages=tuple(user.languages),
            skills=tuple(user.skills),
        )
        for user in users
    ]


# Shared with all who give records to the same people; who deactivates one of them waits, or was first.
_KEEP_PEOPLE = "SELECT 1 FROM users WHERE tenant_id = $1 AND is_active AND archived_at IS NULL ORDER BY id FOR SHARE"


async def _open_records(kind: Entity) -> Counter[UUID]:
    from evenhand.db.session import driver_transaction

    closed = {"Lead": "AND status NOT IN ('converted', 'unqualified')", "Opportunity": "AND closed_on IS NULL"}
    rows = await raw_connection(driver_transaction()).fetch(
        f'SELECT owner_id, count(*) AS held FROM "{kind.model._meta.db_table}" WHERE tenant_id = $1 '
        f"AND owner_id IS NOT NULL AND archived_at IS NULL {closed.get(kind.name, '')} GROUP BY owner_id",
        current_actor().tenant_id,
    )
    return Counter({row["owner_id"]: row["held"] for row in rows})


async def open_records(
    kind: Entity,
    found: Mapping[UUID, RecordModel],
    ids: Sequence[UUID],
    candidates: Sequence[Candidate],
    journal: Journal,
    *,
    lock: bool = True,
) -> tuple[list[OpenRecord], list[Candidate]]:
    """What a policy is asked: the records in order and the candidates, with what limits leave open.

    Args:
        found: the records, locked unless it is only a plan.
        lock: keep the room of all candidates as it is told until the transaction ends.
    """
    columns = {record_id: found[record_id].columns() for record_id in ids}
    able = {one.user_id: one.is_active for one in candidates}
    openings: Openings = await openings_of(kind, columns, able, journal, lock=lock)
    records = [
        OpenRecord(kind.name, record_id, values, openings.blocked.get(record_id, {}), openings.counts_as.get(record_id))
        for record_id, values in columns.items()
    ]
    return records, [replace(one, room=openings.room.get(one.user_id, {})) for one in candidates]


def check_resolutions(
    resolutions: Sequence[Resolution],
    records: Sequence[OpenRecord],
    candidates: Sequence[Candidate],
    policy: str | None,
) -> None:
    """Hold a policy to its contract: every record once, only candidates, a verdict for each of them."""
    known = {candidate.user_id for candidate in candidates}
    problems = []
    if sorted(item.record_id for item in resolutions) != sorted(record.record_id for record in records):
        problems.append("it did not answer for each record once")
    for item in resolutions:
        if policy is not None and item.policy != policy.partition(":")[2]:
            problems.append(f"record {item.record_id} was decided by {item.policy} and not by {policy}")
        eligible = {verdict.candidate_id for verdict in item.verdicts if verdict.eligible}
        if {verdict.candidate_id for verdict in item.verdicts} != known:
            problems.append(f"record {item.record_id} lacks verdicts for some candidates")
        if item.owner_id is not None and item.owner_id not in eligible:
            problems.append(f"record {item.record_id} was given to somebody it found not eligible")
    if problems:
        raise PluginFailed(
            f"The policy broke its contract: {problems[0]}.", hint="Nothing was changed. Tell the plugin's author."
        )


async def _within_limits(
    kind: Entity,
    resolutions: Sequence[Resolution],
    records: Sequence[OpenRecord],
    plugin: str,
    journal: Journal,
) -> list[Resolution]:
    """Leave records where they are that limits keep from the owner whom the policy chose; the verdicts say why."""
    asked = {record.record_id: record for record in records}
    resolutions = [without(item, asked[item.record_id].blocked) for item in resolutions]
    chosen = [item for item in resolutions if item.owner_id is not None]
    transfers = []
    for item in chosen:
        columns = asked[item.record_id].values
        before = Holder(columns["owner_id"], columns["pool_id"])
        why = Why(OwnershipReason.ASSIGNED, policy=f"{plugin}:{item.policy}")
        transfers.append(Transfer(item.record_id, columns, before, Holder(owner_id=item.owner_id), why))
    moving = [transfer for transfer in transfers if transfer.before != transfer.after]
    inspection = await inspect(Inspection(kind, moving, journal))
    refused = {moving[place].record_id: error.code for place, error in inspection.refused.items()}
    return [
        without(item, {item.owner_id: refused[item.record_id]})
        if item.owner_id is not None and item.record_id in refused
        else item
        for item in resolutions
    ]


def without(item: Resolution, blocked: Mapping[UUID, str]) -> Resolution:
    """A resolution in which those whom a limit keeps from the record are not eligible, each with the limit's code."""
    if not any(verdict.eligible and verdict.candidate_id in blocked for verdict in item.verdicts):
        return item
    verdicts = [
        replace(verdict, eligible=False, reason=blocked[verdict.candidate_id], rank=None)
        if verdict.eligible and verdict.candidate_id in blocked
        else verdict
        for verdict in item.verdicts
    ]
    return replace(item, owner_id=None if item.owner_id in blocked else item.owner_id, verdicts=verdicts)


def _decision_row(plugin: str, kind: Entity, item: Resolution, journal: Journal) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "entity": kind.name,
        "record_id": item.record_id,
        "plugin": plugin,
        "policy": item.policy,
        "owner_id": item.owner_id,
        "seed": item.seed,
        "verdicts": shown_verdicts(item),
        "decided_at": journal.now,
    }


def shown_verdicts(item: Resolution) -> list[dict[str, Any]]:
    """The verdicts of a resolution as they are kept."""
    return [
        {
            "candidate": verdict.candidate_id,
            "eligible": verdict.eligible,
            "reason": verdict.reason,
            "rank": verdict.rank,
            "evidence": verdict.evidence,
        }
        for verdict in item.verdicts
    ]


def no_policy(kind: Entity, policy: str | None) -> NoPolicy:
    """Why nobody decided on the owners of such records."""
    if policy is not None:
        return NoPolicy(
            f"No enabled plugin has the policy {policy!r} for {kind.name} records.",
            hint="Name one as plugin:policy, or leave it out for the usual one.",
        )
    return NoPolicy(
        "No enabled plugin decides on owners.",
        hint="Enable one: evenhand plugin enable assignment --tenant TENANT.",
    )


async def _assign_batch(
    kind: Entity, ids: Sequence[UUID], seed: int | None, policy: str | None, only_waiting: bool
) -> list[Assigned]:
    async with writing("assign_records") as journal:
        found = {
            record.id: record
            for record in await kind.model.filter(id__in=list(ids), archived_at=None)
            .order_by("id")
            .select_for_update(no_key=True)
        }
        if only_waiting:
            ids = [one for one in ids if one in found and found[one].columns()["owner_id"] is None]
            if not ids:
                return []
        for record_id in ids:
            if record_id not in found:
                raise NotFound(kind.name, record_id)
        await refuse_records(kind, ids)
        ctx = await tenant_context(seed=seed, now=journal.now)
        await raw_connection(journal.client).execute(_KEEP_PEOPLE, journal.actor.tenant_id)
        records, candidates = await open_records(kind, found, ids, await candidates_for(kind, ctx), journal)
        answer = await current_host().resolve_owner(ctx, records=records, candidates=candidates, policy=policy)
        if answer is None:
            raise no_policy(kind, policy)
        plugin, resolutions = answer
        check_resolutions(resolutions, records, candidates, policy)
        resolutions = await _within_limits(kind, resolutions, records, plugin, journal)
        rows = [_decision_row(plugin, kind, item, journal) for item in resolutions]
        await insert_rows(journal.client, Decision, rows)
        given = [row for row in rows if row["owner_id"] is not None]
        await change_holders(
            kind,
            {row["record_id"]: Holder(owner_id=row["owner_id"]) for row in given},
            {
                row["record_id"]: Why(
                    OwnershipReason.ASSIGNED, policy=f"{plugin}:{row['policy']}", decision_id=row["id"]
                )
                for row in given
            },
            journal=journal,
        )
        return [Assigned(row["record_id"], row["owner_id"], row["id"]) for row in rows]


async def assign_records(
    entity_name: str,
    record_ids: Sequence[UUID],
    *,
    seed: int | None = None,
    policy: str | None = None,
    only_waiting: bool = False,
) -> list[Assigned]:
    """Assign records by the tenant's policy, 1,000 in one transaction; the order given is the order of turns.

    Each decision is kept with a verdict for every candidate. What nobody is eligible for stays where it is.

    Args:
        seed: for ties; by default random, and always recorded.
        policy: "<plugin>:<name>" of one that an enabled plugin offers; by default the first plugin's usual one.
        only_waiting: leave out records that are not in a pool any more, so that it can be asked for twice.

    Raises:
        NoPolicy, NotFound, PluginFailed, PermissionDenied. Batches before the failing one stay assigned.
    """
    kind = entity(entity_name)
    require(current_actor(), Operation.ASSIGN, kind.name)
    if not kind.ownable:
        message = f"{kind.name} records have no owner."
        raise InvalidInput([Problem("", "NOT_OWNABLE", message, "Accounts, leads and opportunities have owners.")])
    unique = list(dict.fromkeys(record_ids))
    assigned: list[Assigned] = []
    for start in range(0, len(unique), BATCH):
        assigned += await _assign_batch(kind, unique[start : start + BATCH], seed, policy, only_waiting)
    return assigned
