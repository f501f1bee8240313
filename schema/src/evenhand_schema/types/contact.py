"""Contact and the ways to reach a person."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one, part
from evenhand_schema.reads.ordering import Order
from evenhand_schema.types.shared import external_ids
from evenhand_schema.types.timeline import timeline


@bound(models.Contact)
class Contact:
    """A person, with consent per kind of contact."""

    summary = part("ContactSummary", "How things stand, at a glance.")
    timeline = timeline("contact", "Everything that happened with the person, the latest first.")
    account = one("Account", "account_id", "The customer the person belongs to.")
    channels = many("ContactChannel", "contact_id", "The ways to reach the person.", Order("created_at"))
    tags = many("Tagging", "contact_id", "The person's tags.", Order("created_at"))
    activities = many(
        "Activity", "contact_id", "What was done with the person, the latest first.", Order("occurred_at", True)
    )
    opportunities = many("Opportunity", "contact_id", "The person's deals.", Order("created_at", descending=True))
    tickets = many("Ticket", "contact_id", "The person's requests for service.", Order("opened_at", descending=True))
    tasks = many("Task", "contact_id", "What is to be done about the person.", Order("due_at"))
    attachments = many("Attachment", "contact_id", "Files about the person.", Order("created_at", descending=True))
    external_ids = external_ids("Contact")


@bound(models.ContactChannel)
class ContactChannel:
    """One e-mail address, phone number or messaging id of a contact."""

    contact = one("Contact", "contact_id", "Whose it is.")
