"""Attach a file to a record."""

from __future__ import annotations

from uuid import UUID

from evenhand.actions.journal import writing
from evenhand.actions.records import create_records
from evenhand.actions.sight import sees
from evenhand.auth.permissions import Operation, require
from evenhand.db.session import reading
from evenhand.entities import Attachment
from evenhand.entities.registry import entity
from evenhand.errors import InvalidInput, NotFound, Problem
from evenhand.files import read_file, store_file
from evenhand.tenancy.context import current_actor

ATTACHABLE = ("Account", "Contact", "Lead", "Opportunity", "Order", "Ticket")


async def attach_file(
    entity_name: str, record_id: UUID, file_name: str, content: bytes, *, media_type: str | None = None
) -> UUID:
    """Store a file and attach it to a record. Returns: the attachment's id.

    The content is stored first: if the record refuses it, at worst an unused file stays behind.

    Raises:
        InvalidInput: an entity without attachments, or no such record. FileTooLarge, PermissionDenied.
    """
    kind = entity(entity_name)
    actor = current_actor()
    require(actor, Operation.CREATE, "Attachment")
    if kind.name not in ATTACHABLE:
        hint = f"Attach files to one of: {', '.join(ATTACHABLE)}."
        raise InvalidInput([Problem("", "NOT_ATTACHABLE", f"{kind.name} records have no attachments.", hint)])
    draft = {
        "file_name": file_name,
        "media_type": media_type,
        "size_bytes": len(content),
        "sha256": store_file(actor.tenant_id, content),
        "author_id": actor.user_id,
        f"{kind.name.lower()}_id": record_id,
    }
    async with writing("attach_file") as journal:
        (attachment_id,) = await create_records(entity("Attachment"), [draft], journal=journal)
    return attachment_id


async def read_attachment(attachment_id: UUID) -> tuple[str, bytes]:
    """File name and content of an attachment of the current tenant; raises NotFound, FileMissing."""
    require(current_actor(), Operation.READ, "Attachment")
    async with reading():
        attachment = await Attachment.get_or_none(id=attachment_id, archived_at=None)
        if attachment is not None and not await sees("Attachment", attachment_id):
            attachment = None
    if attachment is None:
        raise NotFound("Attachment", attachment_id)
    return attachment.file_name, read_file(attachment.tenant_id, attachment.sha256)
