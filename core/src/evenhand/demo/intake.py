"""The lead file of a demo tenant: written to disk, imported like any other file, and assigned."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from evenhand.actions.assignment import assign_records
from evenhand.actions.imports import ImportOptions, import_file
from evenhand.db.config import data_directory
from evenhand.db.session import reading
from evenhand.demo.leads import LEADS
from evenhand.demo.story import Story
from evenhand.entities import ExternalId, Lead
from evenhand.errors import EvenhandError
from evenhand.ownership.models import Decision
from evenhand.tenancy.context import Actor, acting_as

SOURCE = "demo"


class LeadsRefused(EvenhandError):
    """The demo's own lead file was not taken as a whole."""

    code = "LEADS_REFUSED"


def lead_file(slug: str) -> Path:
    """Where the lead file of a demo tenant is kept."""
    return data_directory() / "demo" / f"{slug}-leads.csv"


def write_lead_file(story: Story) -> Path:
    """Write the lead file, whole or not at all. Returns: its path."""
    path = lead_file(story.tenant["slug"])
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(story.lead_columns))
    writer.writeheader()
    writer.writerows(story.leads)
    partial = path.with_suffix(f".{os.getpid()}.part")
    # With a byte order mark, so that spreadsheet programs recognise UTF-8.
    partial.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
    partial.replace(path)
    return path


async def lead_ids() -> list[UUID]:
    """The imported leads of the demo, in the order of the file."""
    async with reading():
        known = await ExternalId.filter(entity="Lead", source=SOURCE).order_by("external_id")
    return [row.record_id for row in known]


async def import_leads(actor: Actor, story: Story) -> int:
    """Import the lead file unless all of it is there. Returns: how many leads are new.

    Raises:
        LeadsRefused: some rows were not taken.
    """
    with acting_as(actor):
        if len(await lead_ids()) == LEADS:
            return 0
        options = ImportOptions(source=SOURCE, columns=story.lead_columns)
        report = await import_file("Lead", write_lead_file(story), options)
    if report.bad:
        first = report.problems[0]
        raise LeadsRefused(
            f"{report.bad} of {report.rows} demo leads were refused, first in line {first.line}: {first.message}",
            hint=f"See {report.error_file}.",
        )
    return report.created


async def undecided_leads(actor: Actor) -> list[UUID]:
    """The demo's leads that wait in a pool and that no policy ever decided on, in the order of the file."""
    with acting_as(actor):
        ids = await lead_ids()
        async with reading():
            decided = {row.record_id for row in await decisions_of(ids)}
            waiting = {lead.id for lead in await Lead.filter(id__in=ids, archived_at=None).exclude(pool_id=None)}
    return [lead for lead in ids if lead in waiting and lead not in decided]


async def assign_leads(actor: Actor, leads: Sequence[UUID], seed: int) -> int:
    """Assign leads by the tenant's policy. Returns: how many found an owner."""
    with acting_as(actor):
        return sum(item.owner_id is not None for item in await assign_records("Lead", leads, seed=seed))


async def decisions_of(ids: list[UUID]) -> list[Decision]:
    """The decisions about these leads, the oldest first, without their verdicts."""
    found = Decision.filter(entity="Lead", record_id__in=ids).order_by("decided_at", "id")
    return await found.only("id", "record_id", "owner_id")
