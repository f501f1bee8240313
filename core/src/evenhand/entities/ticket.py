"""Ticket: what a customer needs help with, and what they thought of the help."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, count, long_text, name_column, short_text
from evenhand.entities.enums import Priority, SurveyKind, TicketStatus
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import RecordModel, ref


class Ticket(RecordModel):
    """A request for service."""

    subject = name_column()
    description = long_text()
    status = choice(TicketStatus, default=TicketStatus.NEW)
    priority = choice(Priority, default=Priority.NORMAL)
    category = short_text()
    satisfaction = count(minimum=1, maximum=5)
    account = ref("core.Account", null=True)
    account_id: UUID | None
    contact = ref("core.Contact", null=True)
    contact_id: UUID | None
    assignee = ref("core.User", null=True)
    assignee_id: UUID | None
    opened_at = fields.DatetimeField()
    resolved_at = fields.DatetimeField(null=True)

    search: ClassVar[Searchable] = Searchable(names=("subject",), named_by=(("account_id", "Account"),))

    class Meta:
        app = "core"
        table = "tickets"
        indexes = (("tenant_id", "created_at", "id"), ("tenant_id", "account_id", "opened_at"))


class SurveyAnswer(RecordModel):
    """One answer to a satisfaction (CSAT, 1 to 5) or recommendation (NPS, 0 to 10) question."""

    kind = choice(SurveyKind)
    score = count(null=False, maximum=10)
    comment = long_text()
    account = ref("core.Account", null=True)
    account_id: UUID | None
    contact = ref("core.Contact", null=True)
    contact_id: UUID | None
    ticket = ref("core.Ticket", null=True)
    ticket_id: UUID | None
    answered_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "survey_answers"
