"""Campaign."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many
from evenhand_schema.reads.ordering import Order
from evenhand_schema.types.shared import OPEN, external_ids


@bound(models.Campaign)
class Campaign:
    """A marketing campaign that brings leads."""

    leads = many("Lead", "campaign_id", "The leads it brought, the newest first.", Order("created_at", True))
    opportunities = many(
        "Opportunity", "campaign_id", "The deals it led to.", Order("created_at", descending=True), flags=OPEN
    )
    external_ids = external_ids("Campaign")
