"""Task."""

from evenhand import entities as models
from evenhand_schema.declare import bound, one
from evenhand_schema.types.shared import external_ids


@bound(models.Task)
class Task:
    """Something to do by a day, by somebody; done when `doneAt` is set."""

    assignee = one("User", "assignee_id", "Who is to do it.")
    account = one("Account", "account_id", "The customer it is about.")
    contact = one("Contact", "contact_id", "The person it is about.")
    lead = one("Lead", "lead_id", "The lead it is about.")
    opportunity = one("Opportunity", "opportunity_id", "The deal it is about.")
    ticket = one("Ticket", "ticket_id", "The request for service it is about.")
    external_ids = external_ids("Task")
