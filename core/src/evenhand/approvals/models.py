"""Tables of approvals: policies, requests, who is asked, what was decided, and deputies."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, count, long_text, mapping, name_column, object_list, short_text
from evenhand.entities.enums import ApprovalKind, ApprovalState, ApprovalVerdict, OnApproved
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class ApprovalPolicy(RecordModel):
    """When an approval is needed, and who gives it in which order."""

    name = name_column()
    kind = choice(ApprovalKind)
    """What it is about."""
    position = count(null=False, default=0)
    """Of several policies that apply, the one with the lowest counts."""
    is_active = fields.BooleanField(default=True)
    conditions = object_list()
    """When it applies; all must hold: {"fact": "amount", "at_least": "100000", "currency": "CNY"}."""
    steps = object_list()
    """Who approves, in order: {"approver": "role", "role": "admin", "hours": 24, "at_deadline": "remind"}."""
    valid_days = count(minimum=1, maximum=3650)
    """Days after the approval in which it can be used; empty: no bound."""

    class Meta:
        app = "core"
        table = "approval_policies"
        unique_together = (("tenant_id", "name"),)


class ApprovalRequest(TenantModel):
    """The question whether something may be done with a record, and its answer."""

    kind = choice(ApprovalKind)
    """What is to be approved."""
    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    basis = fields.CharField(max_length=100)
    """What asks for it: "policy:<id>", or "stage:<id>" for steps that an exit criterion lists itself."""
    policy = ref("core.ApprovalPolicy", null=True)
    policy_id: UUID | None
    policy_version = fields.IntField(null=True)
    """The policy's version when it was requested; its steps then are `steps`."""
    title = name_column()
    """What people call it: the policy's name, or the stage's."""
    steps = object_list()
    """The steps as they were when it was requested; later changes of the policy do not touch them."""
    facts = mapping()
    """What is approved. When the record has other facts, the approval does not count."""
    fingerprint = fields.CharField(max_length=64)
    """The same for the same facts, and for no others."""
    change: fields.Field[dict[str, Any]] = fields.JSONField(default=dict)
    """What is to be done with the record, as column values."""
    on_approved = choice(OnApproved, default=OnApproved.NOTHING)
    """What happens by itself when it is approved."""
    state = choice(ApprovalState, default=ApprovalState.PENDING)
    """Where it stands."""
    step = fields.IntField(default=1)
    """The step that it waits for, or at which it ended; 1 is the first."""
    comment = long_text()
    """Why, in the words of who asks."""
    requested_by = ref("core.User", null=True)
    requested_by_id: UUID | None
    requested_at = fields.DatetimeField()
    """When it was requested."""
    due_at = fields.DatetimeField(null=True)
    """When the current step must be decided; empty: no deadline."""
    ended_at = fields.DatetimeField(null=True)
    """When it ended, whatever the end."""
    end_reason = short_text(500)
    """Why it ended without a decision, or why what was approved could not be done by itself."""
    valid_days = fields.IntField(null=True)
    """Days after the approval in which it can be used, by the policy when it was requested."""
    valid_until = fields.DatetimeField(null=True)
    """Until when the approval can be used; empty: no bound."""
    used_at = fields.DatetimeField(null=True)
    """When it was used; an approval counts once."""

    class Meta:
        app = "core"
        table = "approval_requests"
        indexes = (
            ("tenant_id", "record_id", "requested_at", "id"),
            ("tenant_id", "requested_by_id", "requested_at"),
        )


class ApprovalSeat(TenantModel):
    """One who is asked at a step of a request."""

    request = ref("core.ApprovalRequest")
    request_id: UUID
    step = fields.IntField()
    """Of which step; 1 is the first."""
    user = ref("core.User")
    user_id: UUID
    opened_at = fields.DatetimeField()
    """When the approver was asked."""
    closed_at = fields.DatetimeField(null=True)
    """When the approver was not waited for any more: decided, or the step passed on or ended."""
    escalated_from = ref("core.User", null=True)
    escalated_from_id: UUID | None

    class Meta:
        app = "core"
        table = "approval_seats"
        unique_together = (("tenant_id", "request_id", "step", "user_id"),)
        indexes = (("tenant_id", "user_id", "closed_at"),)


class ApprovalDecision(TenantModel):
    """What one person decided about one step; never changed."""

    append_only = True

    request = ref("core.ApprovalRequest")
    request_id: UUID
    step = fields.IntField()
    """Of which step; 1 is the first."""
    seat_user = ref("core.User")
    seat_user_id: UUID
    """Who was asked."""
    decided_by = ref("core.User")
    decided_by_id: UUID
    """Who decided: who was asked, or a deputy."""
    verdict = choice(ApprovalVerdict)
    """What was decided."""
    comment = long_text()
    """Why, in the words of who decided."""
    decided_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "approval_decisions"
        unique_together = (
            ("tenant_id", "request_id", "step", "seat_user_id"),
            ("tenant_id", "request_id", "step", "decided_by_id"),
        )


class Deputy(RecordModel):
    """Who decides on approvals for somebody: on the days given, or without days whenever that person is absent."""

    user = ref("core.User")
    user_id: UUID
    """Whose approvals."""
    deputy = ref("core.User")
    deputy_id: UUID
    """Who may decide on them."""
    starts_on = fields.DateField(null=True)
    ends_on = fields.DateField(null=True)
    note = short_text(300)

    class Meta:
        app = "core"
        table = "deputies"
