"""The public surface for plugins. What is not here is private to the core and may change at any time."""

from evenhand import API_VERSION
from evenhand.actions.approvals.requirements import require_approval
from evenhand.actions.assignment import assign_records
from evenhand.actions.journal import Journal, writing
from evenhand.actions.schedules import set_schedule
from evenhand.approvals.errors import ApprovalRequired
from evenhand.db.bulk import insert_rows, update_rows
from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.db.session import raw_connection, reading, transaction
from evenhand.errors import EvenhandError, InvalidInput, NotFound, Problem
from evenhand.events import types as events
from evenhand.jobs import RunningJob, enqueue
from evenhand.jobs.errors import JobCancelled
from evenhand.ownership.deals import closed_deals
from evenhand.ownership.decisions import Decided, decisions_for, names_of_users
from evenhand.ownership.members.rules import divide
from evenhand.ownership.members.shares import Shares, shares_of
from evenhand.plugins.contract import (
    AssignmentPolicy,
    Candidate,
    CommissionLine,
    Deal,
    FieldProblem,
    Finding,
    HappenedEvent,
    Kpi,
    Measurement,
    OpenRecord,
    Outcome,
    Period,
    RecordChange,
    Resolution,
    TenantContext,
    Verdict,
)
from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.importing import (
    Amount,
    BadCell,
    BadRow,
    Importer,
    ImportField,
    ReadCell,
    Recognition,
    SourceRow,
    Table,
    UnreadableFile,
    ValueKind,
)
from evenhand.plugins.manifest import JobSpec, PluginManifest
from evenhand.plugins.settings import setting
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import TenantModel, ref, uuid7

__all__ = [
    "API_VERSION",
    "Amount",
    "ApprovalRequired",
    "AssignmentPolicy",
    "BadCell",
    "BadRow",
    "Candidate",
    "CommissionLine",
    "Deal",
    "Decided",
    "EvenhandError",
    "FieldProblem",
    "Finding",
    "HappenedEvent",
    "ImportField",
    "Importer",
    "InvalidInput",
    "JobCancelled",
    "JobSpec",
    "Journal",
    "Kpi",
    "Measurement",
    "NotFound",
    "OpenRecord",
    "Outcome",
    "Period",
    "PluginManifest",
    "Problem",
    "ReadCell",
    "Recognition",
    "RecordChange",
    "Resolution",
    "RunSQL",
    "RunningJob",
    "ScopeTables",
    "Shares",
    "SourceRow",
    "Table",
    "TenantContext",
    "TenantModel",
    "UnreadableFile",
    "ValueKind",
    "Verdict",
    "assign_records",
    "closed_deals",
    "current_tenant",
    "decisions_for",
    "divide",
    "enqueue",
    "events",
    "hookimpl",
    "insert_rows",
    "names_of_users",
    "raw_connection",
    "reading",
    "ref",
    "require_approval",
    "set_schedule",
    "setting",
    "shares_of",
    "transaction",
    "update_rows",
    "uuid7",
    "writing",
]
