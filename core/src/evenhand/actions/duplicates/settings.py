"""Choose how strictly a tenant takes duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evenhand.actions.journal import writing
from evenhand.auth.permissions import Operation, require
from evenhand.db.bulk import insert_rows
from evenhand.entities.enums import Strictness
from evenhand.errors import InvalidInput, Problem
from evenhand.ownership.duplicates.finding import DuplicateChoices, duplicate_choices
from evenhand.ownership.duplicates.models import DuplicateSettings
from evenhand.ownership.duplicates.rules import domain_key
from evenhand.tenancy.context import current_actor, current_tenant
from evenhand.tenancy.models import uuid7

MOST_DOMAINS = 500
"""So many free domains a tenant may name."""


async def set_duplicate_checks(
    *,
    tax_id: Strictness | None = None,
    domain: Strictness | None = None,
    email: Strictness | None = None,
    phone: Strictness | None = None,
    name: Strictness | None = None,
    free_domains: Sequence[str] | None = None,
) -> DuplicateChoices:
    """Choose what happens when a new customer has the key of one that is there; what is None stays.

    Args:
        free_domains: domains that say nothing about a customer, besides those that everybody knows.

    Returns: the choices now.

    Raises:
        InvalidInput: what is no domain, or too many of them. PermissionDenied: only admins may.
    """
    require(current_actor(), Operation.CONFIGURE, "DuplicateSettings")
    chosen: dict[str, Any] = {"tax_id": tax_id, "domain": domain, "email": email, "phone": phone, "name": name}
    if free_domains is not None:
        chosen["free_domains"] = _domains(free_domains)
    async with writing("set_duplicate_checks") as journal:
        fresh = {"id": uuid7(), "tenant_id": current_tenant(), **asdict(DuplicateChoices()), "free_domains": []}
        await insert_rows(journal.client, DuplicateSettings, [fresh], suffix="ON CONFLICT (tenant_id) DO NOTHING")
        (row,) = await DuplicateSettings.all().select_for_update()
        new = {key: value for key, value in chosen.items() if value is not None and getattr(row, key) != value}
        if new:
            before = {key: getattr(row, key) for key in new}
            await DuplicateSettings.filter(id=row.id).update(**new)
            journal.record("DuplicateSettings", row.id, before=before, after=new)
        return await duplicate_choices()


def _domains(given: Sequence[str]) -> list[str]:
    if len(given) > MOST_DOMAINS:
        message = f"free_domains: {len(given)} are too many."
        raise InvalidInput([Problem("free_domains", "TOO_MANY", message, f"Name at most {MOST_DOMAINS}.")])
    found: dict[str, None] = {}
    for text in given:
        domain = domain_key(text)
        if domain is None:
            message = f"free_domains: {text[:80]!r} is no domain, or one that everybody knows as free."
            raise InvalidInput([Problem("free_domains", "BAD_DOMAIN", message, "Give domains such as example.com.")])
        found[domain] = None
    return list(found)
