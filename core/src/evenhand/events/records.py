"""The four events of every record that is worked with. No I/O here."""

from __future__ import annotations

from evenhand.events.base import Archived, Created, Restored, Updated


class AccountCreated(Created):
    """An account was created."""


class AccountUpdated(Updated):
    """An account was changed."""


class AccountArchived(Archived):
    """An account was put away."""


class AccountRestored(Restored):
    """An account came back."""


class ContactCreated(Created):
    """A contact was created."""


class ContactUpdated(Updated):
    """A contact was changed."""


class ContactArchived(Archived):
    """A contact was put away."""


class ContactRestored(Restored):
    """A contact came back."""


class CampaignCreated(Created):
    """A campaign was created."""


class CampaignUpdated(Updated):
    """A campaign was changed."""


class CampaignArchived(Archived):
    """A campaign was put away."""


class CampaignRestored(Restored):
    """A campaign came back."""


class LeadCreated(Created):
    """A lead was created."""


class LeadUpdated(Updated):
    """A lead was changed."""


class LeadArchived(Archived):
    """A lead was put away."""


class LeadRestored(Restored):
    """A lead came back."""


class OpportunityCreated(Created):
    """An opportunity was created."""


class OpportunityUpdated(Updated):
    """An opportunity was changed."""


class OpportunityArchived(Archived):
    """An opportunity was put away."""


class OpportunityRestored(Restored):
    """An opportunity came back."""


class CompetitorCreated(Created):
    """A competitor was created."""


class CompetitorUpdated(Updated):
    """A competitor was changed."""


class CompetitorArchived(Archived):
    """A competitor was put away."""


class CompetitorRestored(Restored):
    """A competitor came back."""


class ProductCreated(Created):
    """A product was created."""


class ProductUpdated(Updated):
    """A product was changed."""


class ProductArchived(Archived):
    """A product was put away."""


class ProductRestored(Restored):
    """A product came back."""


class OrderCreated(Created):
    """An order was created."""


class OrderUpdated(Updated):
    """An order was changed."""


class OrderArchived(Archived):
    """An order was put away."""


class OrderRestored(Restored):
    """An order came back."""


class PaymentCreated(Created):
    """A payment was created."""


class PaymentUpdated(Updated):
    """A payment was changed."""


class PaymentArchived(Archived):
    """A payment was put away."""


class PaymentRestored(Restored):
    """A payment came back."""


class ActivityCreated(Created):
    """An activity was created."""


class ActivityUpdated(Updated):
    """An activity was changed."""


class ActivityArchived(Archived):
    """An activity was put away."""


class ActivityRestored(Restored):
    """An activity came back."""


class TaskCreated(Created):
    """A task was created."""


class TaskUpdated(Updated):
    """A task was changed."""


class TaskArchived(Archived):
    """A task was put away."""


class TaskRestored(Restored):
    """A task came back."""


class TicketCreated(Created):
    """A ticket was created."""


class TicketUpdated(Updated):
    """A ticket was changed."""


class TicketArchived(Archived):
    """A ticket was put away."""


class TicketRestored(Restored):
    """A ticket came back."""


class SurveyAnswerCreated(Created):
    """A survey answer was created."""


class SurveyAnswerUpdated(Updated):
    """A survey answer was changed."""


class SurveyAnswerArchived(Archived):
    """A survey answer was put away."""


class SurveyAnswerRestored(Restored):
    """A survey answer came back."""


class TagCreated(Created):
    """A tag was created."""


class TagUpdated(Updated):
    """A tag was changed."""


class TagArchived(Archived):
    """A tag was put away."""


class TagRestored(Restored):
    """A tag came back."""


class AttachmentCreated(Created):
    """An attachment was created."""


class AttachmentUpdated(Updated):
    """An attachment was changed."""


class AttachmentArchived(Archived):
    """An attachment was put away."""


class AttachmentRestored(Restored):
    """An attachment came back."""


__all__ = [
    "AccountArchived",
    "AccountCreated",
    "AccountRestored",
    "AccountUpdated",
    "ActivityArchived",
    "ActivityCreated",
    "ActivityRestored",
    "ActivityUpdated",
    "AttachmentArchived",
    "AttachmentCreated",
    "AttachmentRestored",
    "AttachmentUpdated",
    "CampaignArchived",
    "CampaignCreated",
    "CampaignRestored",
    "CampaignUpdated",
    "CompetitorArchived",
    "CompetitorCreated",
    "CompetitorRestored",
    "CompetitorUpdated",
    "ContactArchived",
    "ContactCreated",
    "ContactRestored",
    "ContactUpdated",
    "LeadArchived",
    "LeadCreated",
    "LeadRestored",
    "LeadUpdated",
    "OpportunityArchived",
    "OpportunityCreated",
    "OpportunityRestored",
    "OpportunityUpdated",
    "OrderArchived",
    "OrderCreated",
    "OrderRestored",
    "OrderUpdated",
    "PaymentArchived",
    "PaymentCreated",
    "PaymentRestored",
    "PaymentUpdated",
    "ProductArchived",
    "ProductCreated",
    "ProductRestored",
    "ProductUpdated",
    "SurveyAnswerArchived",
    "SurveyAnswerCreated",
    "SurveyAnswerRestored",
    "SurveyAnswerUpdated",
    "TagArchived",
    "TagCreated",
    "TagRestored",
    "TagUpdated",
    "TaskArchived",
    "TaskCreated",
    "TaskRestored",
    "TaskUpdated",
    "TicketArchived",
    "TicketCreated",
    "TicketRestored",
    "TicketUpdated",
]
