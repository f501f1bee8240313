"""The lead file of a demo tenant: written to disk, imported like any other file, and assigned."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from evenhand.actions.assignment import assign_records
from evenhand.actions.imports import ImportOptions, import_file
from evenhand.db.config import data_directory
from evenhand.db.session import reading
from evenhand.demo.leads import LEADS
from evenhand.demo.story import Story
from evenhand.entities import ExternalId, Lead, Team, User
from evenhand.errors import EvenhandError
from evenhand.ownership.models import Decision
from evenhand.tenancy.context import Actor, acting_as

SOURCE = "demo"


class LeadsRefused(EvenhandError):
    """The demo's own lead file was not taken as a whole."""

    code = "LEADS_REFUSED"


@dataclass(frozen=True)
class Share:
    """How many of the demo's leads one user holds by assignment."""

    user_id: UUID
    name: str
    team: str
    level: str
    leads: int


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


async def assign_leads(actor: Actor, seed: int) -> int:
    """Assign the demo's leads that nobody ever decided on. Returns: how many found an owner."""
    with acting_as(actor):
        ids = await lead_ids()
        async with reading():
            decided = {row.record_id for row in await _decisions(ids)}
            waiting = {lead.id for lead in await Lead.filter(id__in=ids, archived_at=None).exclude(pool_id=None)}
        todo = [lead for lead in ids if lead in waiting and lead not in decided]
        if not todo:
            return 0
        return sum(item.owner_id is not None for item in await assign_records("Lead", todo, seed=seed))


async def _decisions(ids: list[UUID]) -> list[Decision]:
    return await Decision.filter(entity="Lead", record_id__in=ids).only("id", "record_id", "owner_id")


async def shares(actor: Actor) -> list[Share]:
    """Who got how many of the demo's leads by assignment, most first; also those of the reps who got none."""
    with acting_as(actor):
        ids = await lead_ids()
        async with reading():
            counts = Counter(row.owner_id for row in await _decisions(ids))
            teams: Mapping[UUID, str] = {team.id: team.name for team in await Team.all()}
            reps = await User.filter(role="rep", archived_at=None).order_by("name")
    found = [
        Share(
            user.id, user.name, teams.get(user.team_id, "") if user.team_id else "", user.level.value, counts[user.id]
        )
        for user in reps
    ]
    return sorted(found, key=lambda share: (-share.leads, share.team, share.name))
