"""Timeline: everything that happened around a record in one stream, each entry with the record it tells of."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry

from evenhand_schema.columns import enum_type
from evenhand_schema.declare import Choice, derived, many, one
from evenhand_schema.reads.ordering import Order
from evenhand_schema.reads.parameters import seen, where_seen
from evenhand_schema.reads.periods import ZONE


class TimelineKind(StrEnum):
    """What an entry of a timeline tells of."""

    ACTIVITY = "activity"
    STAGE_CHANGED = "stage_changed"
    OWNER_CHANGED = "owner_changed"
    ORDER = "order"
    PAYMENT = "payment"
    REFUND = "refund"
    TICKET_OPENED = "ticket_opened"
    TICKET_RESOLVED = "ticket_resolved"
    TASK_CREATED = "task_created"
    TASK_DONE = "task_done"
    SURVEY_ANSWERED = "survey_answered"
    FILE_ATTACHED = "file_attached"


_SUBJECTS = ("account", "contact", "lead", "opportunity")
_REFERENCES = (
    "activity",
    "stage_change",
    "ownership_entry",
    "order",
    "payment",
    "ticket",
    "task",
    "survey_answer",
    "attachment",
)


def _second(row: str) -> str:
    """An id for a record's second entry: the record's own with one bit of its variant turned, as no record has."""
    return f"encode(set_bit(uuid_send({row}.id), 71, 0), 'hex')::uuid"


def _branch(
    kind: str,
    table: str,
    at: str,
    title: str,
    references: Mapping[str, str],
    about: Mapping[str, str],
    *,
    row: str = "entry",
    archived: str = "NULL::timestamptz",
    actor: str = "NULL::uuid",
    entry_id: str = "",
) -> str:
    """One kind of entries, as a SELECT without conditions: then the database reads it in the order of an index.

    Args:
        kind: SQL of the kind.
        table: what to select from.
        references: SQL of the ids of what the entry tells of.
        about: SQL of the ids of the records on whose timelines it is.
    """
    return f"""
SELECT {row}.tenant_id, {entry_id or f"{row}.id"} AS id, {at} AS at, {kind} AS kind, {title}::text AS title,
       {actor} AS actor_id, {archived} AS hidden_since,
       {", ".join(f"{references.get(name, 'NULL::uuid')} AS {name}_id" for name in _REFERENCES)},
       {", ".join(f"{about.get(name, 'NULL::uuid')} AS of_{name}" for name in _SUBJECTS)}
FROM {table}"""


def _about(row: str, *names: str) -> dict[str, str]:
    return {name: f"{row}.{name}_id" for name in names}


def _source() -> str:
    archived = "entry.archived_at"
    deal = _about("deal", "account", "contact") | {"opportunity": "entry.opportunity_id"}
    sale = _about("sale", "account", "contact", "opportunity")
    task = {"archived": archived, "actor": "entry.assignee_id"}
    branches = (
        _branch(
            "'activity'::text",
            "activities AS entry",
            "entry.occurred_at",
            "entry.subject",
            {"activity": "entry.id"},
            _about("entry", *_SUBJECTS),
            archived=archived,
            actor="entry.author_id",
        ),
        _branch(
            "'stage_changed'::text",
            "stage_changes AS entry "
            "JOIN opportunities AS deal ON deal.tenant_id = $1 AND deal.id = entry.opportunity_id "
            f"WHERE entry.tenant_id = $1 AND {seen('Opportunity', 'deal')}",
            "entry.changed_at",
            "deal.name",
            {"stage_change": "entry.id"},
            deal,
            archived="deal.archived_at",
            actor="entry.actor_id",
        ),
        # No two records of whatever kind have the same id, so that the ledger's line is only on the one's timeline.
        _branch(
            "'owner_changed'::text",
            "ownership_entries AS entry",
            "entry.started_at",
            "entry.note",
            {"ownership_entry": "entry.id"},
            dict.fromkeys(("account", "lead", "opportunity"), "entry.record_id"),
            actor="entry.actor_id",
        ),
        _branch(
            "'order'::text",
            f"orders AS entry{where_seen('Order', 'entry')}",
            f"coalesce(entry.placed_on::timestamp AT TIME ZONE {ZONE}, entry.created_at)",
            "entry.number",
            {"order": "entry.id"},
            _about("entry", "account", "contact", "opportunity"),
            archived=archived,
        ),
        _branch(
            "CASE WHEN entry.amount < 0 THEN 'refund' ELSE 'payment' END",
            "payments AS entry "
            "JOIN orders AS sale ON sale.tenant_id = $1 AND sale.id = entry.order_id "
            f"WHERE entry.tenant_id = $1 AND {seen('Order', 'sale')}",
            "entry.paid_at",
            "sale.number",
            {"payment": "entry.id", "order": "entry.order_id"},
            sale,
            archived="coalesce(entry.archived_at, sale.archived_at)",
        ),
        _branch(
            "'ticket_opened'::text",
            "tickets AS entry",
            "entry.opened_at",
            "entry.subject",
            {"ticket": "entry.id"},
            _about("entry", "account", "contact"),
            archived=archived,
        ),
        _branch(
            "'ticket_resolved'::text",
            "tickets AS entry",
            "entry.resolved_at",
            "entry.subject",
            {"ticket": "entry.id"},
            _about("entry", "account", "contact"),
            archived=archived,
            actor="entry.assignee_id",
            entry_id=_second("entry"),
        ),
        _branch(
            "'task_created'::text",
            "tasks AS entry",
            "entry.created_at",
            "entry.subject",
            {"task": "entry.id"},
            _about("entry", *_SUBJECTS),
            archived=archived,
        ),
        _branch(
            "'task_done'::text",
            "tasks AS entry",
            "entry.done_at",
            "entry.subject",
            {"task": "entry.id"},
            _about("entry", *_SUBJECTS),
            entry_id=_second("entry"),
            **task,
        ),
        _branch(
            "'survey_answered'::text",
            "survey_answers AS entry",
            "entry.answered_at",
            "entry.comment",
            {"survey_answer": "entry.id", "ticket": "entry.ticket_id"},
            _about("entry", "account", "contact"),
            archived=archived,
        ),
        _branch(
            "'file_attached'::text",
            "attachments AS entry",
            "entry.created_at",
            "entry.file_name",
            {"attachment": "entry.id", "order": "entry.order_id", "ticket": "entry.ticket_id"},
            _about("entry", *_SUBJECTS),
            archived=archived,
            actor="entry.author_id",
        ),
    )
    return (
        f"SELECT * FROM ({' UNION ALL '.join(branches)}) AS happened "
        "WHERE happened.at IS NOT NULL AND happened.hidden_since IS NULL"
    )


def timeline(subject: str, description: str) -> Any:
    """The timeline of a record of one kind."""
    kinds = Choice("kind", list[enum_type(TimelineKind)] | None, "Only entries of these kinds; all when left out.")  # type: ignore[misc]
    return many("TimelineEntry", f"of_{subject}", description, Order("at", descending=True), flags={"kinds": kinds})


@derived(
    _source(),
    id="The entry's own id; the ids of records are in the fields beside it.",
    at="When it happened.",
    kind="What it tells of.",
    title="The subject, name or number of what it tells of; of a change of owner, the note; null when there is none.",
    actor_id="Id of the user who did it.",
    activity_id="Id of the activity.",
    stage_change_id="Id of the change of stage.",
    ownership_entry_id="Id of the ledger's line.",
    order_id="Id of the order.",
    payment_id="Id of the payment.",
    ticket_id="Id of the request for service.",
    task_id="Id of the task.",
    survey_answer_id="Id of the answer.",
    attachment_id="Id of the file.",
)
class TimelineEntry:
    """Something that happened around a record. Archived records leave no entries.

    Orders are placed on a day, which counts from its first moment in the tenant's time zone.
    """

    id: strawberry.ID
    at: datetime
    kind: TimelineKind
    title: str | None
    actor_id: strawberry.ID | None
    activity_id: strawberry.ID | None
    stage_change_id: strawberry.ID | None
    ownership_entry_id: strawberry.ID | None
    order_id: strawberry.ID | None
    payment_id: strawberry.ID | None
    ticket_id: strawberry.ID | None
    task_id: strawberry.ID | None
    survey_answer_id: strawberry.ID | None
    attachment_id: strawberry.ID | None
    actor = one("User", "actor_id", "Who did it; null when the system did, or nobody noted it.")
    activity = one("Activity", "activity_id", "The activity.")
    stage_change = one("StageChange", "stage_change_id", "The deal's step from one stage to another.")
    ownership_entry = one("OwnershipEntry", "ownership_entry_id", "The ledger's line: who got it, and why.")
    order = one("Order", "order_id", "The order; also of a payment and of a file about an order.")
    payment = one("Payment", "payment_id", "The payment or refund.")
    ticket = one("Ticket", "ticket_id", "The request for service; also of an answer or a file about one.")
    task = one("Task", "task_id", "The task.")
    survey_answer = one("SurveyAnswer", "survey_answer_id", "The customer's answer.")
    attachment = one("Attachment", "attachment_id", "The file.")
