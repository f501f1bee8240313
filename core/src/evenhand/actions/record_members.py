"""The team on a record: collaborators with shares, and watchers, besides the owner."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from evenhand.actions.journal import Journal, writing
from evenhand.actions.records import lock_all, refuse_archived
from evenhand.auth.permissions import Operation, PermissionDenied, require
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.entities import User
from evenhand.entities.enums import MemberRole
from evenhand.entities.ownable import OwnableModel
from evenhand.entities.registry import Entity, entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.ownership.holders import ineligible_owners
from evenhand.ownership.members.models import MembershipEntry, RecordMember
from evenhand.ownership.members.rules import Member, team_problems
from evenhand.ownership.superiors import superiors_of
from evenhand.tenancy.context import Role, current_actor
from evenhand.tenancy.models import uuid7

COLUMNS: Mapping[str, str] = {"Account": "account_id", "Lead": "lead_id", "Opportunity": "opportunity_id"}
"""The column of `record_members` that names a record, by entity."""


async def set_record_members(entity_name: str, record_id: UUID, members: Sequence[Member]) -> bool:
    """Set the whole team on a record; the owner has what the collaborators leave of 100 percent.

    Returns: whether anything was different.

    Raises:
        NotFound, RecordArchived. InvalidInput: shares above 100 together, somebody twice, the owner, …
        OwnerNotEligible: a collaborator who cannot hold customers. PermissionDenied: only the owner, who stands above
        the owner, and admins may.
    """
    kind = _kind(entity_name)
    async with writing("set_record_members") as journal:
        record = await _lock(kind, record_id)
        await _require_may(kind, record)
        await _check(members, record)
        return bool(await write_teams(kind, {record.id: members}, journal))


async def add_record_member(
    entity_name: str, record_id: UUID, user_id: UUID, role: MemberRole, share: Decimal | None = None
) -> bool:
    """Take a user into the team on a record, or give a member another role or share. See `set_record_members`."""
    kind = _kind(entity_name)
    async with writing("add_record_member") as journal:
        record = await _lock(kind, record_id)
        await _require_may(kind, record)
        there = (await teams_of(kind, [record.id])).get(record.id, {})
        members = [*(there | {user_id: Member(user_id, role, share)}).values()]
        await _check(members, record, only={user_id})
        return bool(await write_teams(kind, {record.id: members}, journal))


async def remove_record_member(entity_name: str, record_id: UUID, user_id: UUID) -> bool:
    """Let a user leave the team on a record; everybody may leave alone. Returns: False for who was no member.

    Raises:
        NotFound, RecordArchived, PermissionDenied: see `set_record_members`.
    """
    kind = _kind(entity_name)
    async with writing("remove_record_member") as journal:
        record = await _lock(kind, record_id)
        if user_id != journal.actor.user_id:
            await _require_may(kind, record)
        there = (await teams_of(kind, [record.id])).get(record.id, {})
        members = [member for member in there.values() if member.user_id != user_id]
        return bool(await write_teams(kind, {record.id: members}, journal))


async def settle_teams(kind: Entity, owners: Mapping[UUID, UUID | None], journal: Journal) -> None:
    """Fit the teams on records to their new owners, inside the transaction that changed them; set-based.

    Who becomes the owner is no member any more; the others keep role and share. With the owner the team ends: a
    record that waits in a pool has none.

    Args:
        owners: the new owner by record id; None for a pool.
    """
    wanted: dict[UUID, list[Member]] = {}
    for record_id, team in (await teams_of(kind, owners)).items():
        owner_id = owners[record_id]
        if owner_id is None or owner_id in team:
            stay = [] if owner_id is None else [member for member in team.values() if member.user_id != owner_id]
            wanted[record_id] = stay
    await write_teams(kind, wanted, journal)


async def teams_of(kind: Entity, record_ids: Collection[UUID]) -> dict[UUID, dict[UUID, Member]]:
    """The members of the teams on records, by record and user; records without a team are left out."""
    column = COLUMNS[kind.name]
    found: dict[UUID, dict[UUID, Member]] = {}
    for row in await _rows(kind, record_ids):
        found.setdefault(getattr(row, column), {})[row.user_id] = Member(row.user_id, row.role, row.share)
    return found


async def write_teams(
    kind: Entity, wanted: Mapping[UUID, Sequence[Member]], journal: Journal, *, case_id: UUID | None = None
) -> list[UUID]:
    """Write checked teams of locked records: rows, history, audit and event; set-based.

    Args:
        case_id: the conflict case whose ruling says so; then every share is written down again.

    Returns: ids of the records whose team was really another.
    """
    if not wanted:
        return []
    column = COLUMNS[kind.name]
    rows: dict[UUID, dict[UUID, RecordMember]] = {}
    for row in await _rows(kind, wanted):
        rows.setdefault(getattr(row, column), {})[row.user_id] = row
    gone: list[UUID] = []
    new: list[dict[str, Any]] = []
    other: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    changed: list[UUID] = []
    for record_id, members in wanted.items():
        there = rows.get(record_id, {})
        before = {user_id: Member(user_id, row.role, row.share) for user_id, row in there.items()}
        after = {member.user_id: member for member in members}
        lines: list[Member | UUID] = [user_id for user_id in before if user_id not in after]
        gone += [row.id for user_id, row in there.items() if user_id not in after]
        for user_id, member in after.items():
            if before.get(user_id) == member and case_id is None:
                continue
            lines.append(member)
            common = {"tenant_id": journal.actor.tenant_id, "role": member.role, "share": member.share}
            if user_id in there:
                other.append({"id": there[user_id].id, **common})
            else:
                others = dict.fromkeys(COLUMNS.values())
                row_values = {"id": uuid7(), **common, **others, column: record_id, "user_id": user_id}
                new.append({**row_values, "created_at": journal.now})
        history += [_line(kind, record_id, line, journal, case_id) for line in lines]
        if before != after:
            changed.append(record_id)
            _note(kind, record_id, before, after, journal)
    if gone:
        await RecordMember.filter(id__in=gone).delete()
    await update_rows(journal.client, RecordMember, other)
    await insert_rows(journal.client, RecordMember, new)
    await insert_rows(journal.client, MembershipEntry, history)
    return changed


def _line(kind: Entity, record_id: UUID, line: Member | UUID, journal: Journal, case_id: UUID | None) -> dict[str, Any]:
    left = isinstance(line, UUID)
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "entity": kind.name,
        "record_id": record_id,
        "user_id": line if isinstance(line, UUID) else line.user_id,
        "role": None if left else cast(Member, line).role,
        "share": None if left else cast(Member, line).share,
        "started_at": journal.now,
        "case_id": case_id,
        "actor_id": journal.actor.user_id,
        "via": journal.actor.via,
    }


def _note(
    kind: Entity, record_id: UUID, before: Mapping[UUID, Member], after: Mapping[UUID, Member], journal: Journal
) -> None:
    old, new = _plain(before.values()), _plain(after.values())
    journal.record(kind.name, record_id, before={"team": old}, after={"team": new})
    journal.emit("TeamChanged", kind.name, record_id, {"before": old, "after": new})


def _plain(members: Collection[Member]) -> list[dict[str, Any]]:
    return [
        {
            "user_id": str(member.user_id),
            "role": member.role.value,
            "share": None if member.share is None else str(member.share),
        }
        for member in sorted(members, key=lambda one: one.user_id)
    ]


async def _rows(kind: Entity, record_ids: Collection[UUID]) -> list[RecordMember]:
    if not record_ids:
        return []
    return await RecordMember.filter(**{f"{COLUMNS[kind.name]}__in": list(record_ids)}).order_by("created_at", "id")


def _kind(entity_name: str) -> Entity:
    kind = entity(entity_name)
    if kind.name not in COLUMNS:
        message = f"{kind.name} records have no team."
        raise InvalidInput([Problem("entity", "NOT_OWNABLE", message, "Accounts, leads and opportunities have teams.")])
    require(current_actor(), Operation.UPDATE, kind.name)
    return kind


async def _lock(kind: Entity, record_id: UUID) -> OwnableModel:
    record = cast(OwnableModel, (await lock_all(kind, [record_id]))[record_id])
    refuse_archived(kind, record)
    return record


async def _require_may(kind: Entity, record: OwnableModel) -> None:
    """The owner, who stands above the owner, admins and the system may change the team."""
    actor = current_actor()
    if actor.user_id is None or actor.role is Role.ADMIN or actor.user_id == record.owner_id:
        return
    if actor.role is Role.MANAGER:
        if record.owner_id is None:
            return
        if actor.user_id in (await superiors_of([record.owner_id]))[record.owner_id]:
            return
    raise PermissionDenied(
        f"Only its owner, a manager above the owner or an admin may change the team on {kind.name} {record.id}.",
        hint="Ask the owner to do it.",
        entity=kind.name,
    )


async def _check(members: Sequence[Member], record: OwnableModel, only: Collection[UUID] | None = None) -> None:
    problems = team_problems(members, record.owner_id)
    if problems:
        raise InvalidInput(problems)
    asked = [member for member in members if only is None or member.user_id in only]
    collaborators = {member.user_id for member in asked if member.role is MemberRole.COLLABORATOR}
    for error in (await ineligible_owners(collaborators)).values():
        raise error
    watchers = {member.user_id for member in asked} - collaborators
    known = {user.id for user in await User.filter(id__in=list(watchers), archived_at=None)} if watchers else set()
    for user_id in watchers - known:
        raise NotFound("User", user_id)


def as_member(user_id: UUID, role: MemberRole, share: Decimal | None) -> Member:
    """A member with the share as it is kept, with two decimals where they are enough."""
    member = Member(user_id, role, share)
    if share is not None and share.is_finite() and share == round(share, 2):
        return replace(member, share=round(share, 2))
    return member
