"""The rules about fields that every tenant begins with; an admin can change them and archive them."""

from __future__ import annotations

from evenhand.actions.journal import Journal
from evenhand.actions.records import create_records
from evenhand.auth.fields.rules import DEFAULTS
from evenhand.entities.registry import entity
from evenhand.tenancy.context import Role


async def create_default_field_rules(journal: Journal) -> None:
    """Reps see the contact data of records that wait in a pool in part."""
    drafts = [{"entity": name, "field": field, "role": Role.REP} for name, field in DEFAULTS]
    await create_records(entity("FieldRule"), drafts, journal=journal)
