"""What there is: the entities, one module each."""

from evenhand.entities.account import Account, AccountMerge, AccountMergeRow
from evenhand.entities.activity import Activity
from evenhand.entities.attachment import Attachment
from evenhand.entities.campaign import Campaign
from evenhand.entities.contact import Contact, ContactChannel
from evenhand.entities.custom_field import CustomField, CustomValue
from evenhand.entities.external_id import ExternalId
from evenhand.entities.lead import Lead
from evenhand.entities.opportunity import (
    Competitor,
    Opportunity,
    OpportunityCompetitor,
    OpportunityLine,
    Pipeline,
    Stage,
    StageChange,
)
from evenhand.entities.order import Order, OrderLine, Payment
from evenhand.entities.product import Product
from evenhand.entities.tag import Tag, Tagging
from evenhand.entities.task import Task
from evenhand.entities.team import Team
from evenhand.entities.tenant import Tenant
from evenhand.entities.ticket import SurveyAnswer, Ticket
from evenhand.entities.user import Absence, User

__all__ = [
    "Absence",
    "Account",
    "AccountMerge",
    "AccountMergeRow",
    "Activity",
    "Attachment",
    "Campaign",
    "Competitor",
    "Contact",
    "ContactChannel",
    "CustomField",
    "CustomValue",
    "ExternalId",
    "Lead",
    "Opportunity",
    "OpportunityCompetitor",
    "OpportunityLine",
    "Order",
    "OrderLine",
    "Payment",
    "Pipeline",
    "Product",
    "Stage",
    "StageChange",
    "SurveyAnswer",
    "Tag",
    "Tagging",
    "Task",
    "Team",
    "Tenant",
    "Ticket",
    "User",
]
