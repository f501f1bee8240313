"""Which events rules over an entity can wait for. No I/O here."""

from __future__ import annotations

from evenhand.automation.views import TAGGED
from evenhand.entities.registry import Entity

_SPECIAL = {
    "Lead": ("LeadConverted", "LeadUntouched"),
    "Opportunity": (
        "StageChanged",
        "OpportunityWon",
        "OpportunityLost",
        "OpportunityReopened",
        "NextStepDue",
        "StageOverdue",
    ),
    "Account": ("AccountMerged", "AccountUnmerged"),
    "Task": ("TaskDue",),
}


def events_of(kind: Entity) -> tuple[str, ...]:
    """The events that happen to records of an entity."""
    own = tuple(f"{kind.name}{ending}" for ending in ("Created", "Updated", "Archived", "Restored"))
    owned = ("OwnerChanged",) if kind.ownable else ()
    tagged = ("Tagged", "Untagged") if kind.name in TAGGED else ()
    return (*own, *owned, *tagged, *_SPECIAL.get(kind.name, ()))
