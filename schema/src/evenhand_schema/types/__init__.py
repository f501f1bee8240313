"""The types of the API, a module per entity."""

from evenhand_schema.aggregates import declare_aggregates
from evenhand_schema.declare import complete
from evenhand_schema.types.account import Account, AccountMerge, AccountMergeRow
from evenhand_schema.types.activity import Activity
from evenhand_schema.types.approval import (
    ApprovalDecision,
    ApprovalPolicy,
    ApprovalRequest,
    ApprovalSeat,
    Deputy,
)
from evenhand_schema.types.attachment import Attachment
from evenhand_schema.types.audit import AuditEntry, AuditVerification
from evenhand_schema.types.automation import AutomationCount, AutomationRule, AutomationRun
from evenhand_schema.types.campaign import Campaign
from evenhand_schema.types.conflict import ConflictCase, ConflictParty, ConflictRuling, ConflictStatement
from evenhand_schema.types.contact import Contact, ContactChannel
from evenhand_schema.types.custom_field import CustomField
from evenhand_schema.types.external_id import ExternalId
from evenhand_schema.types.handover import Handover, HandoverLine, HandoverTask
from evenhand_schema.types.holiday import Holiday
from evenhand_schema.types.job import Job, Schedule
from evenhand_schema.types.lead import Lead
from evenhand_schema.types.members import TeamMember, TeamRole
from evenhand_schema.types.notification import Notification
from evenhand_schema.types.opportunity import (
    Competitor,
    Opportunity,
    OpportunityCompetitor,
    OpportunityLine,
    Pipeline,
    Stage,
    StageChange,
)
from evenhand_schema.types.order import Order, OrderLine, Payment
from evenhand_schema.types.ownership import Decision, OwnershipEntry, Pool, PoolMember, PoolRule, Verdict
from evenhand_schema.types.pool import PoolDraw, PoolDrawEntry, PoolDrawResult, PoolOffer, PoolOfferSeat
from evenhand_schema.types.product import Product
from evenhand_schema.types.reclaim import ExtensionRequest
from evenhand_schema.types.rights import ExportRight, FieldRule
from evenhand_schema.types.signal import OwnershipSignal
from evenhand_schema.types.summary import (
    AccountSummary,
    ContactSummary,
    LeadSummary,
    MoneySum,
    NextStep,
    OpportunitySummary,
    UserSummary,
)
from evenhand_schema.types.tag import Tag, Tagging
from evenhand_schema.types.task import Task
from evenhand_schema.types.team import Team
from evenhand_schema.types.ticket import SurveyAnswer, Ticket
from evenhand_schema.types.timeline import TimelineEntry, TimelineKind
from evenhand_schema.types.user import Absence, User
from evenhand_schema.types.visibility import VisibilityRule
from evenhand_schema.types.webhook import WebhookAttempt, WebhookEndpoint

declare_aggregates()
complete()

__all__ = [
    "Absence",
    "Account",
    "AccountMerge",
    "AccountMergeRow",
    "AccountSummary",
    "Activity",
    "ApprovalDecision",
    "ApprovalPolicy",
    "ApprovalRequest",
    "ApprovalSeat",
    "Attachment",
    "AuditEntry",
    "AuditVerification",
    "AutomationCount",
    "AutomationRule",
    "AutomationRun",
    "Campaign",
    "Competitor",
    "ConflictCase",
    "ConflictParty",
    "ConflictRuling",
    "ConflictStatement",
    "Contact",
    "ContactChannel",
    "ContactSummary",
    "CustomField",
    "Decision",
    "Deputy",
    "ExportRight",
    "ExtensionRequest",
    "ExternalId",
    "FieldRule",
    "Handover",
    "HandoverLine",
    "HandoverTask",
    "Holiday",
    "Job",
    "Lead",
    "LeadSummary",
    "MoneySum",
    "NextStep",
    "Notification",
    "Opportunity",
    "OpportunityCompetitor",
    "OpportunityLine",
    "OpportunitySummary",
    "Order",
    "OrderLine",
    "OwnershipEntry",
    "OwnershipSignal",
    "Payment",
    "Pipeline",
    "Pool",
    "PoolDraw",
    "PoolDrawEntry",
    "PoolDrawResult",
    "PoolMember",
    "PoolOffer",
    "PoolOfferSeat",
    "PoolRule",
    "Product",
    "Schedule",
    "Stage",
    "StageChange",
    "SurveyAnswer",
    "Tag",
    "Tagging",
    "Task",
    "Team",
    "TeamMember",
    "TeamRole",
    "Ticket",
    "TimelineEntry",
    "TimelineKind",
    "User",
    "UserSummary",
    "Verdict",
    "VisibilityRule",
    "WebhookAttempt",
    "WebhookEndpoint",
]
