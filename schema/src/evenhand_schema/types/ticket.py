"""Ticket and survey answer."""

from evenhand import entities as models
from evenhand_schema.declare import bound, many, one
from evenhand_schema.reads.ordering import Order
from evenhand_schema.types.shared import external_ids


@bound(models.Ticket)
class Ticket:
    """A request for service."""

    account = one("Account", "account_id", "The customer.")
    contact = one("Contact", "contact_id", "Who asks.")
    assignee = one("User", "assignee_id", "Who takes care of it.")
    survey_answers = many("SurveyAnswer", "ticket_id", "What the customer thought of the help.", Order("answered_at"))
    tasks = many("Task", "ticket_id", "What is to be done about it.", Order("due_at"))
    attachments = many("Attachment", "ticket_id", "Files about it.", Order("created_at", descending=True))
    external_ids = external_ids("Ticket")


@bound(models.SurveyAnswer)
class SurveyAnswer:
    """One answer to a satisfaction (CSAT, 1 to 5) or recommendation (NPS, 0 to 10) question."""

    account = one("Account", "account_id", "The customer.")
    contact = one("Contact", "contact_id", "Who answered.")
    ticket = one("Ticket", "ticket_id", "The request it is about.")
