"""The tables of automation: rules, what came of them, and how often."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import KEY, choice, long_text, name_column, object_list, short_text, string_list
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class AutomationRule(RecordModel):
    """When one of some events happens to a record, and if a condition holds, then do something."""

    name = name_column()
    description = long_text()
    enabled = fields.BooleanField(default=True)
    """Whether it works."""
    position = fields.IntField(default=100)
    """Place in the order in which rules are asked, lowest first."""
    entity = fields.CharField(max_length=64)
    """The kind of record that its events happen to, e.g. Opportunity."""
    events = string_list()
    """The events that it waits for, e.g. StageChanged."""
    condition = long_text()
    """What must hold, in CEL; null for always."""
    actions = object_list()
    """What is then done, in this order."""
    stop_on_match = fields.BooleanField(default=False)
    """Whether later rules are not asked any more about an event that matched."""
    key = short_text(64, validators=[KEY])
    """By what the system knows a rule that it made itself; null for all others."""
    failures = fields.IntField(default=0)
    """How often it failed since it last did not."""
    suspended_at = fields.DatetimeField(null=True)
    """When it was stopped because it failed again and again; a change of the rule starts it again."""
    suspended_reason = long_text()
    """Why it was stopped."""

    class Meta:
        app = "core"
        table = "automation_rules"
        unique_together = (("tenant_id", "key"),)
        indexes = (("tenant_id", "position", "id"),)


class RunOutcome(StrEnum):
    """What came of a rule that an event matched."""

    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class AutomationRun(TenantModel):
    """A rule that matched an event, or failed on it."""

    rule = ref("core.AutomationRule")
    rule_id: UUID
    rule_version = fields.IntField()
    """The version of the rule that ran."""
    event_id = fields.UUIDField()
    """Id of the event."""
    event_type = fields.CharField(max_length=64)
    """What happened, e.g. LeadCreated."""
    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    outcome = choice(RunOutcome)
    """What came of it."""
    results = object_list()
    """What each action did, in words."""
    error = long_text()
    """Why it failed or was stopped; null when it did not."""
    duration_ms = fields.IntField()
    """How long it took, in milliseconds."""
    created_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "automation_runs"
        unique_together = (("tenant_id", "rule_id", "event_id"),)
        indexes = (("tenant_id", "rule_id", "id"), ("tenant_id", "record_id"))


class AutomationCount(TenantModel):
    """How often a rule was asked on one day (UTC), and with what result."""

    rule = ref("core.AutomationRule")
    rule_id: UUID
    day = fields.DateField()
    """The day, in UTC."""
    checked = fields.IntField(default=0)
    """How many events it was asked about."""
    matched = fields.IntField(default=0)
    """How many of them matched."""
    failed = fields.IntField(default=0)
    """How many times it failed."""

    class Meta:
        app = "core"
        table = "automation_counts"
        unique_together = (("tenant_id", "rule_id", "day"),)


class ReminderSettings(TenantModel):
    """Of what a tenant reminds its users; without a row, as the defaults say."""

    task_due = fields.BooleanField(default=True)
    """Whether assignees are reminded of tasks."""
    next_step_due = fields.BooleanField(default=True)
    """Whether owners are reminded of the next steps of deals."""
    stage_overdue = fields.BooleanField(default=True)
    """Whether owners are told of deals that stay longer in a stage than expected."""
    lead_untouched = fields.BooleanField(default=True)
    """Whether owners are told of leads that nobody works on."""
    lead_untouched_days = fields.IntField(default=7)
    """After how many days without activity a lead is untouched, 1 to 365."""

    class Meta:
        app = "core"
        table = "reminder_settings"
        unique_together = (("tenant_id",),)


class Reminder(TenantModel):
    """An occurrence of which somebody was reminded; it is there once."""

    key = fields.CharField(max_length=200)
    """What it is about: kind, record and moment."""
    created_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "reminders"
        unique_together = (("tenant_id", "key"),)
