"""Attachment."""

from evenhand import entities as models
from evenhand_schema.declare import bound, one


@bound(models.Attachment)
class Attachment:
    """A file about a record: its description, not its bytes."""

    author = one("User", "author_id", "Who attached it.")
    account = one("Account", "account_id", "The account it is about.")
    contact = one("Contact", "contact_id", "The contact it is about.")
    lead = one("Lead", "lead_id", "The lead it is about.")
    opportunity = one("Opportunity", "opportunity_id", "The deal it is about.")
    order = one("Order", "order_id", "The order it is about.")
    ticket = one("Ticket", "ticket_id", "The request it is about.")
