"""The four events that every entity has. No I/O here."""

from __future__ import annotations

from evenhand.events.base import Archived, Created, Restored, Updated


class TeamCreated(Created):
    """A team was created."""


class TeamUpdated(Updated):
    """A team was changed."""


class TeamArchived(Archived):
    """A team was put away."""


class TeamRestored(Restored):
    """A team came back."""


class UserCreated(Created):
    """A user was created."""


class UserUpdated(Updated):
    """A user was changed."""


class UserArchived(Archived):
    """A user was put away."""


class UserRestored(Restored):
    """A user came back."""


class AbsenceCreated(Created):
    """An absence was created."""


class AbsenceUpdated(Updated):
    """An absence was changed."""


class AbsenceArchived(Archived):
    """An absence was put away."""


class AbsenceRestored(Restored):
    """An absence came back."""


class PoolCreated(Created):
    """A pool was created."""


class PoolUpdated(Updated):
    """A pool was changed."""


class PoolArchived(Archived):
    """A pool was put away."""


class PoolRestored(Restored):
    """A pool came back."""


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


class PipelineCreated(Created):
    """A pipeline was created."""


class PipelineUpdated(Updated):
    """A pipeline was changed."""


class PipelineArchived(Archived):
    """A pipeline was put away."""


class PipelineRestored(Restored):
    """A pipeline came back."""


class StageCreated(Created):
    """A stage was created."""


class StageUpdated(Updated):
    """A stage was changed."""


class StageArchived(Archived):
    """A stage was put away."""


class StageRestored(Restored):
    """A stage came back."""


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


class CustomFieldCreated(Created):
    """A custom field was created."""


class CustomFieldUpdated(Updated):
    """A custom field was changed."""


class CustomFieldArchived(Archived):
    """A custom field was put away."""


class CustomFieldRestored(Restored):
    """A custom field came back."""


class AttachmentCreated(Created):
    """An attachment was created."""


class AttachmentUpdated(Updated):
    """An attachment was changed."""


class AttachmentArchived(Archived):
    """An attachment was put away."""


class AttachmentRestored(Restored):
    """An attachment came back."""


class ApprovalPolicyCreated(Created):
    """An approval policy was created."""


class ApprovalPolicyUpdated(Updated):
    """An approval policy was changed."""


class ApprovalPolicyArchived(Archived):
    """An approval policy was put away."""


class ApprovalPolicyRestored(Restored):
    """An approval policy came back."""


class VisibilityRuleCreated(Created):
    """A rule of visibility was created."""


class VisibilityRuleUpdated(Updated):
    """A rule of visibility was changed."""


class VisibilityRuleArchived(Archived):
    """A rule of visibility was put away."""


class VisibilityRuleRestored(Restored):
    """A rule of visibility came back."""


class DeputyCreated(Created):
    """A deputy was created."""


class DeputyUpdated(Updated):
    """A deputy was changed."""


class DeputyArchived(Archived):
    """A deputy was put away."""


class DeputyRestored(Restored):
    """A deputy came back."""


class AutomationRuleCreated(Created):
    """An automation rule was created."""


class AutomationRuleUpdated(Updated):
    """An automation rule was changed."""


class AutomationRuleArchived(Archived):
    """An automation rule was put away."""


class AutomationRuleRestored(Restored):
    """An automation rule came back."""


class PoolMemberCreated(Created):
    """A member of a pool was created."""


class PoolMemberUpdated(Updated):
    """A member of a pool was changed."""


class PoolMemberArchived(Archived):
    """A member of a pool was put away."""


class PoolMemberRestored(Restored):
    """A member of a pool came back."""


class PoolRuleCreated(Created):
    """A rule of a pool was created."""


class PoolRuleUpdated(Updated):
    """A rule of a pool was changed."""


class PoolRuleArchived(Archived):
    """A rule of a pool was put away."""


class PoolRuleRestored(Restored):
    """A rule of a pool came back."""


__all__ = [
    "AbsenceArchived",
    "AbsenceCreated",
    "AbsenceRestored",
    "AbsenceUpdated",
    "AccountArchived",
    "AccountCreated",
    "AccountRestored",
    "AccountUpdated",
    "ActivityArchived",
    "ActivityCreated",
    "ActivityRestored",
    "ActivityUpdated",
    "ApprovalPolicyArchived",
    "ApprovalPolicyCreated",
    "ApprovalPolicyRestored",
    "ApprovalPolicyUpdated",
    "AttachmentArchived",
    "AttachmentCreated",
    "AttachmentRestored",
    "AttachmentUpdated",
    "AutomationRuleArchived",
    "AutomationRuleCreated",
    "AutomationRuleRestored",
    "AutomationRuleUpdated",
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
    "CustomFieldArchived",
    "CustomFieldCreated",
    "CustomFieldRestored",
    "CustomFieldUpdated",
    "DeputyArchived",
    "DeputyCreated",
    "DeputyRestored",
    "DeputyUpdated",
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
    "PipelineArchived",
    "PipelineCreated",
    "PipelineRestored",
    "PipelineUpdated",
    "PoolArchived",
    "PoolCreated",
    "PoolMemberArchived",
    "PoolMemberCreated",
    "PoolMemberRestored",
    "PoolMemberUpdated",
    "PoolRestored",
    "PoolRuleArchived",
    "PoolRuleCreated",
    "PoolRuleRestored",
    "PoolRuleUpdated",
    "PoolUpdated",
    "ProductArchived",
    "ProductCreated",
    "ProductRestored",
    "ProductUpdated",
    "StageArchived",
    "StageCreated",
    "StageRestored",
    "StageUpdated",
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
    "TeamArchived",
    "TeamCreated",
    "TeamRestored",
    "TeamUpdated",
    "TicketArchived",
    "TicketCreated",
    "TicketRestored",
    "TicketUpdated",
    "UserArchived",
    "UserCreated",
    "UserRestored",
    "UserUpdated",
    "VisibilityRuleArchived",
    "VisibilityRuleCreated",
    "VisibilityRuleRestored",
    "VisibilityRuleUpdated",
]
