"""The public surface for plugins. What is not here is private to the core and may change at any time."""

from evenhand import API_VERSION
from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.db.session import reading, transaction
from evenhand.errors import EvenhandError, InvalidInput, NotFound, Problem
from evenhand.plugins.contract import (
    Candidate,
    CommissionLine,
    Deal,
    Kpi,
    Measurement,
    OpenRecord,
    Outcome,
    Period,
    Resolution,
    TenantContext,
    Verdict,
)
from evenhand.plugins.hooks import hookimpl
from evenhand.plugins.importing import BadRow, Importer, SourceRow, Table
from evenhand.plugins.manifest import PluginManifest
from evenhand.tenancy.context import current_tenant
from evenhand.tenancy.models import TenantModel, ref

__all__ = [
    "API_VERSION",
    "BadRow",
    "Candidate",
    "CommissionLine",
    "Deal",
    "EvenhandError",
    "Importer",
    "InvalidInput",
    "Kpi",
    "Measurement",
    "NotFound",
    "OpenRecord",
    "Outcome",
    "Period",
    "PluginManifest",
    "Problem",
    "Resolution",
    "RunSQL",
    "ScopeTables",
    "SourceRow",
    "Table",
    "TenantContext",
    "TenantModel",
    "Verdict",
    "current_tenant",
    "hookimpl",
    "reading",
    "ref",
    "transaction",
]
