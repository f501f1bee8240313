"""The events of records that shape the tenant: people, pools, pipelines and rules."""

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


class CustomFieldCreated(Created):
    """A custom field was created."""


class CustomFieldUpdated(Updated):
    """A custom field was changed."""


class CustomFieldArchived(Archived):
    """A custom field was put away."""


class CustomFieldRestored(Restored):
    """A custom field came back."""


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


class ExportRightCreated(Created):
    """A right to export was created."""


class ExportRightUpdated(Updated):
    """A right to export was changed."""


class ExportRightArchived(Archived):
    """A right to export was put away."""


class ExportRightRestored(Restored):
    """A right to export came back."""


class FieldRuleCreated(Created):
    """A rule about a field was created."""


class FieldRuleUpdated(Updated):
    """A rule about a field was changed."""


class FieldRuleArchived(Archived):
    """A rule about a field was put away."""


class FieldRuleRestored(Restored):
    """A rule about a field came back."""


class HolidayCreated(Created):
    """A holiday was created."""


class HolidayUpdated(Updated):
    """A holiday was changed."""


class HolidayArchived(Archived):
    """A holiday was put away."""


class HolidayRestored(Restored):
    """A holiday came back."""


__all__ = [
    "AbsenceArchived",
    "AbsenceCreated",
    "AbsenceRestored",
    "AbsenceUpdated",
    "ApprovalPolicyArchived",
    "ApprovalPolicyCreated",
    "ApprovalPolicyRestored",
    "ApprovalPolicyUpdated",
    "AutomationRuleArchived",
    "AutomationRuleCreated",
    "AutomationRuleRestored",
    "AutomationRuleUpdated",
    "CustomFieldArchived",
    "CustomFieldCreated",
    "CustomFieldRestored",
    "CustomFieldUpdated",
    "DeputyArchived",
    "DeputyCreated",
    "DeputyRestored",
    "DeputyUpdated",
    "ExportRightArchived",
    "ExportRightCreated",
    "ExportRightRestored",
    "ExportRightUpdated",
    "FieldRuleArchived",
    "FieldRuleCreated",
    "FieldRuleRestored",
    "FieldRuleUpdated",
    "HolidayArchived",
    "HolidayCreated",
    "HolidayRestored",
    "HolidayUpdated",
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
    "StageArchived",
    "StageCreated",
    "StageRestored",
    "StageUpdated",
    "TeamArchived",
    "TeamCreated",
    "TeamRestored",
    "TeamUpdated",
    "UserArchived",
    "UserCreated",
    "UserRestored",
    "UserUpdated",
    "VisibilityRuleArchived",
    "VisibilityRuleCreated",
    "VisibilityRuleRestored",
    "VisibilityRuleUpdated",
]
