"""Keep in the journal who took records out: what was asked for, and how many rows were sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from evenhand.actions.journal import writing
from evenhand.auth.fields.reading import require_export
from evenhand.tenancy.models import uuid7


async def note_export_started(entity_name: str, chosen: Mapping[str, Any], language: str) -> UUID:
    """Note that records are about to be sent as a file. Returns: the export's id.

    Args:
        chosen: filter, search and order as they were asked for.

    Raises:
        ExportDenied, PermissionDenied.
    """
    await require_export(entity_name)
    export_id = uuid7()
    async with writing("export_records") as journal:
        after = {"entity": entity_name, "chosen": dict(chosen), "language": language}
        journal.record("Export", export_id, before=None, after=after)
    return export_id


async def note_export_ended(export_id: UUID, *, rows: int, complete: bool) -> None:
    """Note how many rows were sent, and whether these were all."""
    async with writing("export_records") as journal:
        journal.record("Export", export_id, before=None, after={"rows": rows, "complete": complete})
