"""Activity."""

from evenhand import entities as models
from evenhand_schema.declare import bound, one
from evenhand_schema.types.shared import external_ids


@bound(models.Activity)
class Activity:
    """A call, e-mail, meeting, visit, message or note about a customer."""

    author = one("User", "author_id", "Who did it.")
    account = one("Account", "account_id", "The customer it is about.")
    contact = one("Contact", "contact_id", "The person it is about.")
    lead = one("Lead", "lead_id", "The lead it is about.")
    opportunity = one("Opportunity", "opportunity_id", "The deal it is about.")
    external_ids = external_ids("Activity")
