"""Remind users of what is due, once for each occurrence; each is an event too, so that rules can act on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from evenhand.actions.journal import Journal, writing
from evenhand.actions.notifications import Message, notify_all
from evenhand.auth.permissions import Operation, require
from evenhand.automation.models import Reminder, ReminderSettings
from evenhand.automation.views import Surroundings, surroundings
from evenhand.db.bulk import insert_rows
from evenhand.db.session import raw_connection
from evenhand.errors import InvalidInput, Problem
from evenhand.jobs.registry import default_schedule, job
from evenhand.jobs.running import RunningJob
from evenhand.tenancy.context import current_actor, current_tenant
from evenhand.tenancy.models import uuid7

BATCH = 1_000
RECENT = timedelta(days=7)
"""What became due longer ago is not told any more: a tenant that begins is not flooded."""


@dataclass(frozen=True)
class ReminderChoices:
    """Of what a tenant reminds its users, see `ReminderSettings`."""

    task_due: bool = True
    next_step_due: bool = True
    stage_overdue: bool = True
    lead_untouched: bool = True
    lead_untouched_days: int = 7


@dataclass(frozen=True)
class _Kind:
    """One kind of reminder.

    Attributes:
        sql: selects id, key, user_id, title and the payload's columns; `$1` tenant, `$2` now, `$3` the
            tenant's day, `$4` since when, `$5` days.
        title: by language, with the record's title in it.
    """

    event: str
    entity: str
    sql: str
    title: Mapping[str, str]
    payload: Callable[[Mapping[str, Any]], dict[str, Any]]


_UNTOLD = "NOT EXISTS (SELECT FROM reminders AS told WHERE told.tenant_id = $1 AND told.key = due.key)"

_TASK = """
SELECT t.id, t.subject AS title, t.assignee_id AS user_id, t.due_at, t.assignee_id,
    'task_due:' || t.id || ':' || extract(epoch FROM moment.at) AS key
FROM tasks AS t CROSS JOIN LATERAL (
    SELECT max(at) AS at FROM (VALUES (t.remind_at), (t.due_at)) AS v (at) WHERE at <= $2
) AS moment
WHERE t.tenant_id = $1 AND t.done_at IS NULL AND t.archived_at IS NULL AND moment.at > $4
    AND $3::date IS NOT NULL AND $5::int IS NOT NULL
"""
_STEP = """
SELECT o.id, o.name AS title, o.owner_id AS user_id, o.owner_id, o.next_step_on,
    'next_step_due:' || o.id || ':' || o.next_step_on AS key
FROM opportunities AS o JOIN stages AS s ON s.tenant_id = $1 AND s.id = o.stage_id
WHERE o.tenant_id = $1 AND o.archived_at IS NULL AND s.kind = 'open'
    AND o.next_step_on <= $3::date AND o.next_step_on > $3::date - 7
    AND $2::timestamptz IS NOT NULL AND $4::timestamptz IS NOT NULL AND $5::int IS NOT NULL
"""
_STAGE = """
SELECT o.id, o.name AS title, o.owner_id AS user_id, o.owner_id, o.stage_id, s.expected_days,
    extract(day FROM $2 - o.stage_entered_at)::int AS days,
    'stage_overdue:' || o.id || ':' || extract(epoch FROM o.stage_entered_at) AS key
FROM opportunities AS o JOIN stages AS s ON s.tenant_id = $1 AND s.id = o.stage_id
WHERE o.tenant_id = $1 AND o.archived_at IS NULL AND s.kind = 'open' AND s.expected_days > 0
    AND o.stage_entered_at + make_interval(days => s.expected_days) <= $2
    AND o.stage_entered_at + make_interval(days => s.expected_days) > $4
    AND $3::date IS NOT NULL AND $5::int IS NOT NULL
"""
_LEAD = """
SELECT l.id, l.name AS title, l.owner_id AS user_id, l.owner_id, touched.since,
    extract(day FROM $2 - touched.since)::int AS days,
    'lead_untouched:' || l.id || ':' || extract(epoch FROM touched.since) AS key
FROM leads AS l CROSS JOIN LATERAL (
    SELECT greatest(l.created_at, l.held_since, (
        SELECT max(a.occurred_at) FROM activities AS a
        WHERE a.tenant_id = $1 AND a.lead_id = l.id AND a.archived_at IS NULL
    )) AS since
) AS touched
WHERE l.tenant_id = $1 AND l.archived_at IS NULL AND l.owner_id IS NOT NULL
    AND l.status NOT IN ('converted', 'unqualified')
    AND touched.since + make_interval(days => $5) <= $2 AND touched.since + make_interval(days => $5) > $4
    AND $3::date IS NOT NULL
"""

KINDS: Mapping[str, _Kind] = {
    "task_due": _Kind(
        "TaskDue",
        "Task",
        _TASK,
        {"en": "Task due: {}", "zh": "任务到期：{}"},
        lambda row: {"due_at": row["due_at"], "assignee_id": row["assignee_id"]},
    ),
    "next_step_due": _Kind(
        "NextStepDue",
        "Opportunity",
        _STEP,
        {"en": "Next step due: {}", "zh": "下一步已到期：{}"},
        lambda row: {"next_step_on": row["next_step_on"], "owner_id": row["owner_id"]},
    ),
    "stage_overdue": _Kind(
        "StageOverdue",
        "Opportunity",
        _STAGE,
        {"en": "Longer in its stage than expected: {}", "zh": "停留阶段超时：{}"},
        lambda row: {name: row[name] for name in ("stage_id", "expected_days", "days", "owner_id")},
    ),
    "lead_untouched": _Kind(
        "LeadUntouched",
        "Lead",
        _LEAD,
        {"en": "Nobody works on this lead: {}", "zh": "线索长时间无跟进：{}"},
        lambda row: {name: row[name] for name in ("since", "days", "owner_id")},
    ),
}
"""What users are reminded of, by the kind of the notification."""


async def reminder_choices() -> ReminderChoices:
    """Of what the current tenant reminds its users."""
    row = await ReminderSettings.first()
    if row is None:
        return ReminderChoices()
    return ReminderChoices(**{name: getattr(row, name) for name in asdict(ReminderChoices())})


async def set_reminders(**choices: Any) -> ReminderChoices:
    """Change of what the tenant reminds its users; what is left out stays.

    Raises:
        InvalidInput: days out of range. PermissionDenied: the actor is no admin.
    """
    require(current_actor(), Operation.CONFIGURE, "ReminderSettings")
    days = choices.get("lead_untouched_days")
    if days is not None and not 1 <= days <= 365:
        message = f"lead_untouched_days: {days} is out of range."
        raise InvalidInput([Problem("lead_untouched_days", "OUT_OF_RANGE", message, "Give 1 to 365 days.")])
    async with writing("set_reminders") as journal:
        fresh = {"id": uuid7(), "tenant_id": current_tenant(), **asdict(ReminderChoices())}
        await insert_rows(journal.client, ReminderSettings, [fresh], suffix="ON CONFLICT (tenant_id) DO NOTHING")
        (row,) = await ReminderSettings.all().select_for_update()
        new = {name: value for name, value in choices.items() if value is not None and getattr(row, name) != value}
        if new:
            before = {name: getattr(row, name) for name in new}
            await ReminderSettings.filter(id=row.id).update(**new)
            journal.record("ReminderSettings", row.id, before=before, after=new)
        return await reminder_choices()


async def remind(kind: str, around: Surroundings, choices: ReminderChoices, journal: Journal) -> int:
    """Remind of one kind, at most `BATCH` occurrences, inside the transaction of `journal`.

    Returns: how many were found; as many as `BATCH` when there may be more.
    """
    one = KINDS[kind]
    due = await raw_connection(journal.client).fetch(
        f"SELECT due.* FROM ({one.sql}) AS due WHERE {_UNTOLD} ORDER BY due.key LIMIT {BATCH}",
        current_tenant(),
        around.now,
        around.today,
        around.now - RECENT,
        choices.lead_untouched_days,
    )
    rows = [{"id": uuid7(), "tenant_id": current_tenant(), "key": row["key"], "created_at": around.now} for row in due]
    suffix = "ON CONFLICT (tenant_id, key) DO NOTHING RETURNING key"
    mine = {row["key"] for row in await insert_rows(journal.client, Reminder, rows, suffix=suffix)}
    fresh = [dict(row) for row in due if row["key"] in mine]
    for row in fresh:
        journal.emit(one.event, one.entity, row["id"], one.payload(row))
    await notify_all(journal, _messages(kind, one, fresh))
    return len(due)


def _messages(kind: str, one: _Kind, rows: Sequence[Mapping[str, Any]]) -> list[Message]:
    return [
        Message(
            UUID(str(row["user_id"])),
            kind,
            {language: text.format(row["title"]) for language, text in one.title.items()},
            entity=one.entity,
            record_id=row["id"],
            key=row["key"],
        )
        for row in rows
        if row["user_id"] is not None
    ]


@job("reminders", retries=3)
async def remind_all(running: RunningJob, payload: dict[str, Any]) -> None:
    """Remind of everything that is due for the tenant, a batch in each transaction."""
    for kind in KINDS:
        found = BATCH
        while found == BATCH:
            async with running.step():
                choices = await reminder_choices()
                if not getattr(choices, kind):
                    break
                async with writing("remind") as journal:
                    found = await remind(kind, await surroundings(), choices, journal)
    async with running.finishing():
        pass


default_schedule("reminders", "reminders", "*/10 * * * *")
