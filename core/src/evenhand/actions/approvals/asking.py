"""Ask the approvers of a step: find them, give them their seats, and tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal
from evenhand.actions.notifications import Message, notify_all
from evenhand.approvals.errors import NoApprover
from evenhand.approvals.models import ApprovalSeat
from evenhand.approvals.rules import Person, Step, approvers
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.entities import Account
from evenhand.entities.registry import Entity, entity
from evenhand.tenancy.context import Role
from evenhand.tenancy.models import RecordModel, uuid7

_PEOPLE = """
SELECT id, role, manager_id, team_id, is_active AND archived_at IS NULL AND role <> 'read_only' AS able
FROM users WHERE tenant_id = $1
"""
_DEPUTIES = """
SELECT DISTINCT d.user_id, d.deputy_id FROM deputies AS d
JOIN users AS u ON u.tenant_id = $1 AND u.id = d.deputy_id AND u.is_active AND u.archived_at IS NULL
    AND u.role <> 'read_only'
WHERE d.tenant_id = $1 AND d.archived_at IS NULL AND ($3::uuid[] IS NULL OR d.user_id = ANY ($3))
    AND ($4::uuid IS NULL OR d.deputy_id = $4)
    AND (d.starts_on <= $2 AND d.ends_on >= $2 OR d.starts_on IS NULL AND EXISTS (
        SELECT 1 FROM absences AS a WHERE a.tenant_id = $1 AND a.user_id = d.user_id AND a.archived_at IS NULL
            AND a.starts_on <= $2 AND a.ends_on >= $2))
"""


@dataclass(frozen=True)
class Staff:
    """The tenant's users and the tree of its teams, as the rules see them."""

    people: Mapping[UUID, Person]
    parents: Mapping[UUID, UUID | None] = field(default_factory=dict)


async def staff(journal: Journal) -> Staff:
    """Read the staff; two statements."""
    connection, tenant = raw_connection(journal.client), journal.actor.tenant_id
    people = {
        row["id"]: Person(row["id"], Role(row["role"]), row["manager_id"], row["team_id"], row["able"])
        for row in await connection.fetch(_PEOPLE, tenant)
    }
    teams = await connection.fetch("SELECT id, parent_id FROM teams WHERE tenant_id = $1", tenant)
    return Staff(people, {row["id"]: row["parent_id"] for row in teams})


async def deputies(
    journal: Journal, today: Any, *, users: Sequence[UUID] | None = None, deputy: UUID | None = None
) -> list[tuple[UUID, UUID]]:
    """Who may decide for whom today: pairs of user and deputy, of these users or of this deputy."""
    given = None if users is None else list(users)
    rows = await raw_connection(journal.client).fetch(_DEPUTIES, journal.actor.tenant_id, today, given, deputy)
    return [(row["user_id"], row["deputy_id"]) for row in rows]


async def owners_of(records: Iterable[RecordModel]) -> dict[UUID, UUID | None]:
    """Who holds each record, or else the account that it belongs to; at most one statement."""
    columns = {one.id: one.columns() for one in records}
    owners = {record_id: values.get("owner_id") for record_id, values in columns.items()}
    of_account = {
        record_id: values["account_id"]
        for record_id, values in columns.items()
        if "owner_id" not in values and values.get("account_id") is not None
    }
    if of_account:
        accounts = {one.id: one.owner_id for one in await Account.filter(id__in=list(set(of_account.values())))}
        owners |= {record_id: accounts[account_id] for record_id, account_id in of_account.items()}
    return owners


def label_of(kind: Entity, record: RecordModel) -> str:
    """What people call the record."""
    title = record.columns().get(kind.title)
    return str(title) if title else kind.labels["en"]


@dataclass(frozen=True)
class Open:
    """A step of a request that is to be asked about.

    Attributes:
        label: what people call the record.
    """

    request_id: UUID
    entity: str
    record_id: UUID
    title: str
    label: str
    number: int
    step: Step
    requester: UUID | None
    owner: UUID | None


def due(step: Step, now: datetime) -> datetime | None:
    """Until when a step that begins now must be decided."""
    return None if step.hours is None else now + timedelta(hours=step.hours)


def seats_of(opened: Open, known: Staff) -> list[UUID]:
    """Who is asked.

    Raises:
        NoApprover: nobody but the requester could be.
    """
    found = approvers(opened.step, known.people, known.parents, requester=opened.requester, owner=opened.owner)
    if not found:
        raise NoApprover(
            f"Nobody can decide on step {opened.number} of the approval {opened.title!r}.",
            hint="Give the requester a manager, or name another active user in the policy.",
        )
    return found


async def open_steps(opened: Sequence[Open], known: Staff, journal: Journal, today: Any) -> None:
    """Give the approvers of steps their seats and tell them, and who decides for them today; set-based."""
    seats = [(one, user) for one in opened for user in seats_of(one, known)]
    await insert_rows(
        journal.client, ApprovalSeat, [seat_row(one.request_id, one.number, user, journal) for one, user in seats]
    )
    await tell_waiting([(one, user, "asked") for one, user in seats], journal, today)


def seat_row(
    request_id: UUID, number: int, user: UUID, journal: Journal, escalated_from: UUID | None = None
) -> dict[str, Any]:
    """A new seat."""
    return {
        "id": uuid7(),
        "tenant_id": journal.actor.tenant_id,
        "request_id": request_id,
        "step": number,
        "user_id": user,
        "opened_at": journal.now,
        "closed_at": None,
        "escalated_from_id": escalated_from,
    }


async def tell_waiting(seats: Sequence[tuple[Open, UUID, str]], journal: Journal, today: Any) -> None:
    """Tell approvers, and their deputies of today, that an approval waits for them; `asked` names the occasion."""
    if not seats:
        return
    instead: dict[UUID, list[UUID]] = {}
    for user, deputy in await deputies(journal, today, users=list({user for _, user, _ in seats})):
        instead.setdefault(user, []).append(deputy)
    await notify_all(
        journal,
        [
            Message(
                user_id=person,
                kind="approval_waiting",
                title={
                    "en": f"Approval needed: {one.title}, {one.label}",
                    "zh": f"待审批：{one.title}，{one.label}",
                },
                body={
                    "en": f"Step {one.number}, {entity(one.entity).labels['en']} {one.label}.",
                    "zh": f"第 {one.number} 步，{entity(one.entity).labels['zh']} {one.label}。",
                },
                entity=one.entity,
                record_id=one.record_id,
                key=f"approval:{one.request_id}:{one.number}:{occasion}",
            )
            for one, user, occasion in seats
            for person in (user, *instead.get(user, ()))
            if person != one.requester
        ],
    )
