"""What each role may do: a pure table; what it does not allow is denied."""

from __future__ import annotations

from enum import StrEnum

from evenhand.errors import EvenhandError
from evenhand.tenancy.context import Actor, Role, Scope


class Operation(StrEnum):
    """Kinds of use that permissions tell apart."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    ARCHIVE = "archive"
    ASSIGN = "assign"
    """Change who holds a record."""
    OVERRIDE = "override"
    """Go on although a rule is not met, and say why."""
    EXPORT = "export"
    """Take records out as a file; settings may say otherwise, see `evenhand.auth.fields.reading`."""
    CONFIGURE = "configure"
    """Plugins, API keys, tenant settings."""


class PermissionDenied(EvenhandError):
    """The actor may not do this."""

    code = "PERMISSION_DENIED"


PRIVATE = frozenset(
    {"ApiKey", "Schedule", "WebhookEndpoint", "WebhookAttempt", "EventDelivery", "OwnershipSignal"}
    | {"AuditEntry", "AuditVerification"}
)
"""Entities that only admins read."""

NOT_FOR_REPS = frozenset({"Handover", "HandoverLine"})
"""Entities that reps do not read."""

SETUP = (
    PRIVATE
    | {"User", "Team", "Pool", "Pipeline", "Stage", "CustomField", "Tenant", "TenantPlugin"}
    | {"ApprovalPolicy", "AutomationRule", "PoolMember", "PoolRule", "VisibilityRule", "Holiday", "FieldRule"}
    | {"ExportRight"}
)
"""Entities that shape the tenant itself; only admins write them."""

SHARED = frozenset({"Product", "Campaign", "Competitor", "Tag", "Absence", "Deputy"})
"""Entities that everybody uses; managers and admins write them."""


def may(actor: Actor, operation: Operation, entity: str) -> bool:
    """Whether the actor's role and key allow `operation` on records of `entity`."""
    if operation is Operation.READ:
        if entity in NOT_FOR_REPS and actor.role is Role.REP:
            return False
        return Scope.READ in actor.scopes and (entity not in PRIVATE or actor.role is Role.ADMIN)
    if operation is Operation.EXPORT:
        return may(actor, Operation.READ, entity) and actor.role in (Role.ADMIN, Role.MANAGER)
    if operation is Operation.CONFIGURE:
        return Scope.ADMIN in actor.scopes and actor.role is Role.ADMIN
    if Scope.WRITE not in actor.scopes:
        return False
    match actor.role:
        case Role.ADMIN:
            return True
        case Role.MANAGER:
            return entity not in SETUP
        case Role.REP:
            return entity not in SETUP | SHARED and operation in (Operation.CREATE, Operation.UPDATE, Operation.ARCHIVE)
        case Role.READ_ONLY:
            return False


def require(actor: Actor, operation: Operation, entity: str) -> None:
    """Raise `PermissionDenied` unless the actor may do it."""
    if not may(actor, operation, entity):
        raise PermissionDenied(
            f"A {actor.role.value} with this key may not {operation.value} {entity} records.",
            hint="Ask an admin for a role or a key that allows it.",
            operation=operation.value,
            entity=entity,
        )
