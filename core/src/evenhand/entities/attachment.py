"""Attachment: a stored file about a record."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import count, short_text
from evenhand.tenancy.models import RecordModel, ref


class Attachment(RecordModel):
    """A file's description; the bytes are kept by content hash (see `evenhand.files`)."""

    file_name = fields.CharField(max_length=255)
    media_type = short_text(127)
    size_bytes = count(null=False)
    sha256 = fields.CharField(max_length=64)
    author = ref("core.User", null=True)
    author_id: UUID | None
    account = ref("core.Account", null=True)
    account_id: UUID | None
    contact = ref("core.Contact", null=True)
    contact_id: UUID | None
    lead = ref("core.Lead", null=True)
    lead_id: UUID | None
    opportunity = ref("core.Opportunity", null=True)
    opportunity_id: UUID | None
    order = ref("core.Order", null=True)
    order_id: UUID | None
    ticket = ref("core.Ticket", null=True)
    ticket_id: UUID | None

    class Meta:
        app = "core"
        table = "attachments"
