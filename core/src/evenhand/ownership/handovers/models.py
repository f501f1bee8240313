"""Tables of hand-overs: plans, their lines, the tasks that went along, and the tenant's limits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, count, object_list, short_text, string_list
from evenhand.entities.enums import HandoverMethod, HandoverOutcome, HandoverState
from evenhand.tenancy.models import TenantModel, ref


class Handover(TenantModel):
    """A plan that gives the records of one user to others, all in one transaction."""

    from_user = ref("core.User")
    from_user_id: UUID
    """Id of who hands over."""
    state = choice(HandoverState, default=HandoverState.DRAFT)
    """Where it stands; only a draft can be changed."""
    note = short_text(500)
    """Why, in words."""
    entities = string_list()
    """The kinds of records that it covers."""
    steps = object_list()
    """How it was decided who gets what, in order."""
    seed = fields.BigIntField()
    """The seed of all ties: with it, the same plan comes out again."""
    keep_watching = fields.BooleanField(default=False)
    """Whether who hands over stays with the records as a watcher."""
    version = fields.IntField(default=1)
    """Counts changes of the plan; send it with a change or the execution so that nobody's work is overwritten."""
    planned_at = fields.DatetimeField()
    """When its lines were last worked out."""
    created_at = fields.DatetimeField()
    created_by = ref("core.User", null=True)
    created_by_id: UUID | None
    executed_at = fields.DatetimeField(null=True)
    """When the records changed hands; null before."""
    executed_by = ref("core.User", null=True)
    executed_by_id: UUID | None
    override_reason = short_text(500)
    """Why limits were passed over, in the words of who executed it."""
    undo_until = fields.DatetimeField(null=True)
    """Until when it can be undone."""
    ended_at = fields.DatetimeField(null=True)
    """When it was undone or cancelled."""
    ended_by = ref("core.User", null=True)
    ended_by_id: UUID | None
    moved = count(null=False, default=0)
    """How many records changed hands."""
    stale = count(null=False, default=0)
    """How many records had changed hands before, and were left alone."""
    tasks_moved = count(null=False, default=0)
    """How many open tasks and tickets went along, or to a superior."""
    returned = count(null=False, default=0)
    """How many records went back when it was undone."""
    books: fields.Field[dict[str, Any]] = fields.JSONField(default=dict)
    """What the preview said at the moment of execution."""

    class Meta:
        app = "core"
        table = "handovers"
        indexes = (("tenant_id", "from_user_id", "state"),)


class HandoverLine(TenantModel):
    """One record of a plan: who is to get it, and how that was chosen."""

    handover = ref("core.Handover")
    handover_id: UUID
    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    account = ref("core.Account", null=True)
    account_id: UUID | None
    """Id of the customer it belongs to: the account itself, or that of the lead or deal."""
    since = fields.DatetimeField()
    """Since when the record was held as the plan saw it; when it changed hands later, the line is stale."""
    to_user = ref("core.User", null=True)
    to_user_id: UUID | None
    """Id of who is to get it."""
    to_pool = ref("core.Pool", null=True)
    to_pool_id: UUID | None
    """Id of the pool that is to get it."""
    method = choice(HandoverMethod, null=True)
    """How that was chosen; null while nobody is chosen, and the record stays where it is."""
    policy = short_text(100)
    """The assignment policy that chose, e.g. "assignment:round_robin"."""
    seed = fields.BigIntField(null=True)
    """The seed of the policy's decision."""
    verdicts: fields.Field[list[dict[str, Any]]] = fields.JSONField(default=list)
    """What the policy found about each candidate."""
    decision = ref("core.Decision", null=True)
    decision_id: UUID | None
    """Id of the policy's decision, once the plan is executed."""
    locked = fields.BooleanField(default=False)
    """Whether planning the rest again leaves it as it is."""
    override_reason = short_text(500)
    """Why its customer may change hands although it did so too often within a year."""
    outcome = choice(HandoverOutcome, null=True)
    """What became of it; null before the execution."""
    held_since = fields.DatetimeField(null=True)
    """Since when the record is held by who got it."""

    class Meta:
        app = "core"
        table = "handover_lines"
        unique_together = (("tenant_id", "handover_id", "record_id"),)
        indexes = (("tenant_id", "record_id"),)


class HandoverTask(TenantModel):
    """An open task or ticket that went along with its record, or to a superior: exactly one of `task` and `ticket`."""

    handover = ref("core.Handover")
    handover_id: UUID
    task = ref("core.Task", null=True)
    task_id: UUID | None
    ticket = ref("core.Ticket", null=True)
    ticket_id: UUID | None
    record_id = fields.UUIDField(null=True)
    """Id of the record with which it went; null when it was about none that changed hands and went to a superior."""
    to_user = ref("core.User", null=True)
    to_user_id: UUID | None
    """Id of who got it; null when its record went to a pool and nobody is to do it."""
    returned = fields.BooleanField(default=False)
    """Whether it went back when the hand-over was undone."""

    class Meta:
        app = "core"
        table = "handover_tasks"
        unique_together = (("tenant_id", "handover_id", "task_id"), ("tenant_id", "handover_id", "ticket_id"))


class HandoverSettings(TenantModel):
    """The tenant's limits of hand-overs; without a row, as the defaults say."""

    changes_per_year = fields.IntField(default=2)
    """How often a customer may get another owner within 365 days without an override."""
    undo_days = fields.IntField(default=7)
    """For how many days after its execution a hand-over can be undone."""

    class Meta:
        app = "core"
        table = "handover_settings"
        unique_together = (("tenant_id",),)
