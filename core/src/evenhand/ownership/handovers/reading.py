"""Read books and what stands in the way of handing them over; a few statements, whatever the number of records."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from evenhand.db.session import raw_connection, reading
from evenhand.ownership.handovers.rules import NO_TIER, Book, Item, Target
from evenhand.tenancy.context import Actor, Role, current_tenant

ENTITIES = ("Account", "Lead", "Opportunity")
"""What a hand-over may cover, in the order in which it is worked on."""

YEAR = timedelta(days=365)

# Closed deals and converted leads are history: they stay with who closed them.
_ITEMS = """
SELECT 'Account' AS entity, a.id, a.held_since, a.id AS account_id, a.tier, a.region, a.source,
       NULL::uuid AS account_owner_id, NULL::uuid AS account_pool_id, a.owner_id
FROM accounts AS a WHERE a.tenant_id = $1 AND a.archived_at IS NULL AND a.{which}
UNION ALL
SELECT 'Lead', l.id, l.held_since, l.account_id, a.tier, l.region, l.source, a.owner_id, a.pool_id, l.owner_id
FROM leads AS l LEFT JOIN accounts AS a ON a.tenant_id = $1 AND a.id = l.account_id
WHERE l.tenant_id = $1 AND l.archived_at IS NULL AND l.status <> 'converted' AND l.{which}
UNION ALL
SELECT 'Opportunity', o.id, o.held_since, o.account_id, a.tier, a.region, o.source, a.owner_id, a.pool_id, o.owner_id
FROM opportunities AS o
JOIN stages AS s ON s.tenant_id = $1 AND s.id = o.stage_id AND s.kind = 'open'
LEFT JOIN accounts AS a ON a.tenant_id = $1 AND a.id = o.account_id
WHERE o.tenant_id = $1 AND o.archived_at IS NULL AND o.{which}
"""

# An open deal counts with its chance to win, a customer with what was won from it within a year.
_VALUES = """
SELECT o.id AS record_id, o.owner_id, o.currency, round(o.amount * s.probability / 100, 4) AS value
FROM opportunities AS o
JOIN stages AS s ON s.tenant_id = $1 AND s.id = o.stage_id AND s.kind = 'open'
WHERE o.tenant_id = $1 AND o.archived_at IS NULL AND o.amount > 0 AND o.{which}
UNION ALL
SELECT a.id, a.owner_id, won.currency, sum(won.amount)
FROM accounts AS a
JOIN opportunities AS won ON won.tenant_id = $1 AND won.account_id = a.id AND won.archived_at IS NULL
    AND won.amount > 0 AND won.closed_on > $3::date - 365 AND won.closed_on <= $3::date
JOIN stages AS s ON s.tenant_id = $1 AND s.id = won.stage_id AND s.kind = 'won'
WHERE a.tenant_id = $1 AND a.archived_at IS NULL AND a.{which}
GROUP BY a.id, a.owner_id, won.currency
"""

_COUNTS = f"""
SELECT item.entity, item.owner_id, CASE WHEN item.entity = 'Account' THEN item.tier END AS tier, count(*) AS held
FROM ({_ITEMS.format(which="owner_id = ANY ($2::uuid[])")}) AS item GROUP BY 1, 2, 3
"""

# A line of the ledger is a change when its owner is another one than the last owner before it.
_CHANGES = """
SELECT line.record_id, count(*) AS changes FROM (
    SELECT entry.record_id, entry.owner_id, entry.started_at, entry.reason,
           lag(entry.owner_id) OVER (PARTITION BY entry.record_id ORDER BY entry.started_at, entry.id) AS former_id
    FROM ownership_entries AS entry
    WHERE entry.tenant_id = $1 AND entry.entity = $2 AND entry.record_id = ANY ($3::uuid[])
    AND entry.owner_id IS NOT NULL
) AS line
WHERE line.former_id IS NOT NULL AND line.former_id <> line.owner_id AND line.started_at > $4
    AND line.reason <> 'handover_undone'
GROUP BY line.record_id
"""

_ELIGIBLE = "u.is_active AND u.archived_at IS NULL AND u.role <> 'read_only'"
_ABSENT = (
    "EXISTS (SELECT FROM absences AS a WHERE a.tenant_id = $1 AND a.user_id = u.id AND a.archived_at IS NULL "
    "AND a.starts_on <= $2::date AND a.ends_on >= $2::date)"
)
_PEOPLE = f"""
SELECT u.id, u.name, u.role, u.team_id, {_ELIGIBLE} AS eligible, {_ABSENT} AS absent
FROM users AS u WHERE u.tenant_id = $1 ORDER BY u.id
"""

# The nearest record says it: the deal, the lead, then the customer, also by a contact, a ticket or a closed deal.
_TASKS = """
WITH moved AS (SELECT * FROM unnest($3::uuid[], $4::uuid[]) AS m (record_id, user_id))
SELECT 'Task' AS entity, task.id, coalesce(deal.record_id, lead.record_id, account.record_id) AS record_id,
       CASE WHEN deal.record_id IS NOT NULL THEN deal.user_id WHEN lead.record_id IS NOT NULL THEN lead.user_id
            ELSE account.user_id END AS user_id
FROM tasks AS task
LEFT JOIN contacts AS contact ON contact.tenant_id = $1 AND contact.id = task.contact_id
LEFT JOIN tickets AS ticket ON ticket.tenant_id = $1 AND ticket.id = task.ticket_id
LEFT JOIN opportunities AS about ON about.tenant_id = $1 AND about.id = task.opportunity_id
LEFT JOIN moved AS deal ON deal.record_id = task.opportunity_id
LEFT JOIN moved AS lead ON lead.record_id = task.lead_id
LEFT JOIN moved AS account
    ON account.record_id = coalesce(task.account_id, about.account_id, contact.account_id, ticket.account_id)
WHERE task.tenant_id = $1 AND task.assignee_id = $2 AND task.done_at IS NULL AND task.archived_at IS NULL
    AND coalesce(deal.record_id, lead.record_id, account.record_id) IS NOT NULL
UNION ALL
SELECT 'Ticket', ticket.id, account.record_id, account.user_id
FROM tickets AS ticket
LEFT JOIN contacts AS contact ON contact.tenant_id = $1 AND contact.id = ticket.contact_id
JOIN moved AS account ON account.record_id = coalesce(ticket.account_id, contact.account_id)
WHERE ticket.tenant_id = $1 AND ticket.assignee_id = $2 AND ticket.status NOT IN ('resolved', 'closed')
    AND ticket.archived_at IS NULL AND account.user_id IS NOT NULL
ORDER BY id
"""

_WORK = """
SELECT 'Task' AS entity, id FROM tasks
WHERE tenant_id = $1 AND assignee_id = $2 AND done_at IS NULL AND archived_at IS NULL
UNION ALL
SELECT 'Ticket', id FROM tickets
WHERE tenant_id = $1 AND assignee_id = $2 AND status NOT IN ('resolved', 'closed') AND archived_at IS NULL
ORDER BY id
"""

_COLLABORATORS = """
SELECT coalesce(m.account_id, m.lead_id, m.opportunity_id) AS record_id, m.user_id
FROM record_members AS m
WHERE m.tenant_id = $1 AND m.role = 'collaborator'
    AND (m.account_id = ANY ($2::uuid[]) OR m.lead_id = ANY ($2::uuid[]) OR m.opportunity_id = ANY ($2::uuid[]))
ORDER BY m.share DESC, m.user_id
"""

_BELOW = """
WITH RECURSIVE below AS (
    SELECT t.id FROM teams AS t JOIN users AS me ON me.tenant_id = $1 AND me.id = $2 AND me.team_id = t.id
    WHERE t.tenant_id = $1
    UNION
    SELECT t.id FROM teams AS t JOIN below ON t.parent_id = below.id WHERE t.tenant_id = $1
), reports AS (
    SELECT u.id FROM users AS u WHERE u.tenant_id = $1 AND u.manager_id = $2
    UNION
    SELECT u.id FROM users AS u JOIN reports ON u.manager_id = reports.id WHERE u.tenant_id = $1
)
SELECT u.id FROM users AS u
WHERE u.tenant_id = $1 AND (u.id = $2 OR u.team_id IN (SELECT id FROM below) OR u.id IN (SELECT id FROM reports))
"""


async def _rows(statement: str, *values: Any) -> list[Any]:
    async with reading() as client:
        found: list[Any] = await raw_connection(client).fetch(statement, current_tenant(), *values)
        return found


async def _items(which: str, value: Any, today: date) -> list[Item]:
    values: dict[UUID, dict[str, Decimal]] = {}
    for row in await _rows(_VALUES.format(which=which), value, today):
        values.setdefault(row["record_id"], {})[row["currency"]] = row["value"]
    return [
        Item(
            entity=row["entity"],
            record_id=row["id"],
            since=row["held_since"],
            account_id=row["account_id"],
            tier=row["tier"],
            region=row["region"],
            source=row["source"],
            values=values.get(row["id"], {}),
            account_holder=Target(row["account_owner_id"], row["account_pool_id"]),
        )
        for row in await _rows(_ITEMS.format(which=which), value)
    ]


async def book_of(user_id: UUID, today: date) -> list[Item]:
    """The records that a user holds: accounts, leads that are not converted and open deals, none of them archived.

    Args:
        today: the tenant's day, for what was won within a year.
    """
    return await with_collaborators(await _items("owner_id = $2", user_id, today))


async def items_of(record_ids: Collection[UUID], today: date) -> dict[UUID, Item]:
    """These records by id, whoever holds them; those that are closed, converted or archived by now are left out."""
    return {item.record_id: item for item in await _items("id = ANY ($2::uuid[])", list(record_ids), today)}


async def books_of(user_ids: Collection[UUID], today: date) -> dict[UUID, Book]:
    """What users hold, and what it is worth, see `rules.Book`."""
    books = {user_id: Book() for user_id in user_ids}
    for row in await _rows(_COUNTS, list(user_ids)):
        book = books[row["owner_id"]]
        book.records[row["entity"]] += row["held"]
        if row["entity"] == "Account":
            book.tiers[row["tier"] or NO_TIER] += row["held"]
    summed = _VALUES.format(which="owner_id = ANY ($2::uuid[])")
    statement = f"SELECT v.owner_id, v.currency, sum(v.value) AS value FROM ({summed}) AS v GROUP BY 1, 2"
    for row in await _rows(statement, list(user_ids), today):
        books[row["owner_id"]].values[row["currency"]] = row["value"]
    return books


async def owner_changes(customers: Mapping[UUID, str], now: datetime) -> dict[UUID, int]:
    """How often customers got another owner within the last 365 days, by the ledger.

    The first owner is no change, waiting in a pool is none, and neither is what an undone hand-over gave back.

    Args:
        customers: "Account" or "Lead" by id.
    """
    found: dict[UUID, int] = {}
    for entity in set(customers.values()):
        ids = [one for one, name in customers.items() if name == entity]
        for row in await _rows(_CHANGES, entity, ids, now - YEAR):
            found[row["record_id"]] = row["changes"]
    return found


async def people(today: date) -> dict[UUID, Mapping[str, Any]]:
    """All users by id: `name`, `role`, `team_id`, whether `eligible` to hold records, whether `absent` today."""
    return {row["id"]: row for row in await _rows(_PEOPLE, today)}


async def may_hand_over(actor: Actor, user_id: UUID) -> bool:
    """Whether somebody may hand over a user's book: admins anyone's, managers their own and that of their people.

    A manager's people are those in the manager's team and the teams under it, and all who report to the manager.
    """
    if actor.role is Role.ADMIN:
        return True
    if actor.role is not Role.MANAGER or actor.user_id is None:
        return False
    return user_id in {row["id"] for row in await _rows(_BELOW, actor.user_id)}


async def with_collaborators(items: list[Item]) -> list[Item]:
    """The same records with who works on them: the record's own team, else that of its customer."""
    ids = {item.record_id for item in items} | {item.account_id for item in items if item.account_id is not None}
    teams: dict[UUID, list[UUID]] = {}
    for row in await _rows(_COLLABORATORS, list(ids)):
        teams.setdefault(row["record_id"], []).append(row["user_id"])
    if not teams:
        return items
    return [
        replace(
            item, collaborators=tuple(teams.get(item.record_id) or teams.get(item.account_id or item.record_id) or ())
        )
        for item in items
    ]


async def open_ids(record_ids: Collection[UUID]) -> set[UUID]:
    """Those of the records that are neither archived, closed nor converted."""
    statement = f"SELECT item.id FROM ({_ITEMS.format(which='id = ANY ($2::uuid[])')}) AS item"
    return {row["id"] for row in await _rows(statement, list(record_ids))}


async def tasks_along(leaver: UUID, moving: Mapping[UUID, UUID | None]) -> list[Any]:
    """The leaver's open tasks and tickets about moving records.

    Returns: rows with `entity` ("Task", "Ticket"), `id`, the `record_id` that decides, and the new `user_id`. A ticket
    goes along only to a person, for somebody has to answer it.

    Args:
        moving: who gets which record, None for a pool.
    """
    return await _rows(_TASKS, leaver, list(moving), list(moving.values()))


async def work_left(leaver: UUID, along: Collection[UUID]) -> list[tuple[str, UUID]]:
    """The leaver's open tasks and tickets besides those that go along, by entity and id."""
    return [(row["entity"], row["id"]) for row in await _rows(_WORK, leaver) if row["id"] not in along]
