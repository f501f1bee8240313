"""AuditEntry and AuditVerification."""

from evenhand.audit import models
from evenhand_schema.declare import bound


@bound(models.AuditEntry)
class AuditEntry:
    """One change of one record: who, when, through what, and the values before and after. For admins."""


@bound(models.AuditVerification)
class AuditVerification:
    """What came of one verification of the audit chain. For admins."""
