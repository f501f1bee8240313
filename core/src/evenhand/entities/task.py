"""Task: what is still to be done."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, long_text, name_column
from evenhand.entities.enums import Priority
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import RecordModel, ref


class Task(RecordModel):
    """Something to do by a day, by somebody; done when `done_at` is set."""

    subject = name_column()
    notes = long_text()
    priority = choice(Priority, default=Priority.NORMAL)
    assignee = ref("core.User", null=True)
    assignee_id: UUID | None
    due_at = fields.DatetimeField(null=True)
    remind_at = fields.DatetimeField(null=True)
    done_at = fields.DatetimeField(null=True)
    account = ref("core.Account", null=True)
    account_id: UUID | None
    contact = ref("core.Contact", null=True)
    contact_id: UUID | None
    lead = ref("core.Lead", null=True)
    lead_id: UUID | None
    opportunity = ref("core.Opportunity", null=True)
    opportunity_id: UUID | None
    ticket = ref("core.Ticket", null=True)
    ticket_id: UUID | None

    search: ClassVar[Searchable] = Searchable(names=("subject",))

    class Meta:
        app = "core"
        table = "tasks"
        indexes = (("tenant_id", "assignee_id", "due_at", "id"),)
