"""Relations that several types declare alike."""

from enum import Enum
from typing import Any

import strawberry

from evenhand_schema.declare import Choice, Flag, Moment, many
from evenhand_schema.reads.ordering import Order

OPEN = {
    "open": Flag(
        "EXISTS (SELECT 1 FROM stages AS stage WHERE stage.tenant_id = $1 AND stage.id = {row}.stage_id "
        "AND stage.kind = 'open')",
        "True: only deals that are neither won nor lost. False: only those that are.",
    )
}


HELD_AT = Moment(
    "{row}.started_at <= {moment} AND NOT EXISTS (SELECT 1 FROM ownership_entries AS later WHERE later.tenant_id = $1 "
    "AND later.record_id = {row}.record_id AND later.started_at <= {moment} "
    "AND (later.started_at, later.id) > ({row}.started_at, {row}.id))",
    "Only who was the holder at this moment.",
)


@strawberry.enum(description="Records that have an owner or wait in a pool.")
class OwnableEntity(Enum):
    ACCOUNT = "Account"
    LEAD = "Lead"
    OPPORTUNITY = "Opportunity"


ENTITIES = Choice("entity", list[OwnableEntity] | None, "Only records of these kinds; all when left out.")


def held(by: str, description: str) -> Any:
    """The ledger's lines that name a holder."""
    flags = {"held_at": HELD_AT, "entities": ENTITIES}
    return many("OwnershipEntry", by, description, Order("started_at", descending=True), flags=flags)


def ownership_history(entity: str) -> Any:
    """The ledger's lines about the record."""
    return many(
        "OwnershipEntry",
        "record_id",
        "Who held it from when to when, and why; the earliest first.",
        Order("started_at"),
        where={"entity": entity},
        flags={"held_at": HELD_AT},
    )


def decisions(entity: str) -> Any:
    """The assignment decisions about the record."""
    return many(
        "Decision",
        "record_id",
        "Why it was given to whom it was given to; the latest first.",
        Order("decided_at", descending=True),
        where={"entity": entity},
    )


def external_ids(entity: str) -> Any:
    """The record's names in other systems."""
    return many("ExternalId", "record_id", "Its names in other systems.", Order("source"), where={"entity": entity})
