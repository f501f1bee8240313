"""Relations that several types declare alike."""

from typing import Any

from evenhand_schema.declare import Flag, many
from evenhand_schema.reads.ordering import Order

OPEN = {
    "open": Flag(
        "EXISTS (SELECT 1 FROM stages AS stage WHERE stage.tenant_id = $1 AND stage.id = {row}.stage_id "
        "AND stage.kind = 'open')",
        "True: only deals that are neither won nor lost. False: only those that are.",
    )
}


def ownership_history(entity: str) -> Any:
    """The ledger's lines about the record."""
    return many(
        "OwnershipEntry",
        "record_id",
        "Who held it from when to when, and why; the earliest first.",
        Order("started_at"),
        where={"entity": entity},
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
