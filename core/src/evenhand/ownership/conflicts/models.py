"""Tables of conflict cases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, count, long_text, name_column, object_list
from evenhand.entities.enums import ConflictKind, ConflictState
from evenhand.tenancy.models import TenantModel, ref


class ConflictCase(TenantModel):
    """Several who claim the same customer or work: the evidence, and where the case stands."""

    kind = choice(ConflictKind)
    """What it is about."""
    state = choice(ConflictState, default=ConflictState.OPEN)
    """Where it stands."""
    title = name_column()
    """What it is about: the names of the records."""
    reason = long_text()
    """Why it was opened, in the words of who opened it."""
    opened_by = ref("core.User", null=True)
    opened_by_id: UUID | None
    """Id of who opened it; null when it was opened by itself."""
    opened_at = fields.DatetimeField()
    """When it was opened."""
    due_at = fields.DatetimeField()
    """By when it is to be ruled on."""
    judge = ref("core.User", null=True)
    judge_id: UUID | None
    """Id of who is asked to rule; null when any admin is."""
    reminded_at = fields.DatetimeField(null=True)
    """When the judge was reminded of the deadline."""
    escalations = fields.IntField(default=0)
    """How often it went to somebody higher because it was not ruled on in time."""
    evidence: fields.Field[dict[str, Any]] = fields.JSONField(default=dict)
    """What was known when it was opened: ledger lines, activities by author, deals, matching keys, each with its id."""
    appeal_until = fields.DatetimeField(null=True)
    """Until when a party may appeal; null while there is no ruling, and after the final one."""
    appealed_by = ref("core.User", null=True)
    appealed_by_id: UUID | None
    """Id of who appealed."""
    appealed_at = fields.DatetimeField(null=True)
    """When somebody appealed."""
    appeal_reason = long_text()
    """Why, in the words of who appealed."""
    ended_at = fields.DatetimeField(null=True)
    """When nothing more could be changed: the final ruling, the end of the time to appeal, or the withdrawal."""
    ended_reason = long_text()
    """Why it was withdrawn."""

    class Meta:
        app = "core"
        table = "conflict_cases"
        indexes = (("tenant_id", "state", "due_at"), ("tenant_id", "opened_at", "id"))


class ConflictParty(TenantModel):
    """A record that a case is about, or a user who claims it."""

    append_only = True

    case = ref("core.ConflictCase")
    case_id: UUID
    user = ref("core.User", null=True)
    user_id: UUID | None
    account = ref("core.Account", null=True)
    account_id: UUID | None
    lead = ref("core.Lead", null=True)
    lead_id: UUID | None
    opportunity = ref("core.Opportunity", null=True)
    opportunity_id: UUID | None

    class Meta:
        app = "core"
        table = "conflict_parties"


class ConflictStatement(TenantModel):
    """What somebody says about a case."""

    append_only = True

    case = ref("core.ConflictCase")
    case_id: UUID
    user = ref("core.User", null=True)
    user_id: UUID | None
    """Id of who says so; null for the system."""
    text = fields.TextField()
    """What is said."""
    attachments = object_list()
    """Files that belong to it: {"id", "file_name"} of attachments of the records."""
    created_at = fields.DatetimeField()

    class Meta:
        app = "core"
        table = "conflict_statements"
        indexes = (("tenant_id", "case_id", "created_at", "id"),)


class ConflictRuling(TenantModel):
    """What was ruled; a case has one ruling, and one more after an appeal."""

    append_only = True

    case = ref("core.ConflictCase")
    case_id: UUID
    round = fields.IntField()
    """1 for the first ruling, 2 for the one after an appeal."""
    owner = ref("core.User")
    owner_id: UUID
    """Id of who holds the records from then on."""
    split = object_list()
    """Who has which share, in percent, exactly 100 together: {"user_id", "share"}."""
    records = object_list()
    """The records that it gave to the owner, with their holders before: {"entity", "id", "owner_id", "pool_id"}."""
    merged_into = ref("core.Account", null=True)
    merged_into_id: UUID | None
    """Id of the account that took the others in; null when nothing was merged."""
    merges = object_list()
    """The merges, by which they can be undone: {"id"}."""
    reason = fields.TextField()
    """Why, in the words of the judge."""
    judge = ref("core.User", null=True)
    judge_id: UUID | None
    ruled_at = fields.DatetimeField()
    """When it was ruled."""

    class Meta:
        app = "core"
        table = "conflict_rulings"
        unique_together = (("tenant_id", "case_id", "round"),)

    def shares(self) -> dict[UUID, Decimal]:
        """Percent by user."""
        return {UUID(one["user_id"]): Decimal(one["share"]) for one in self.split}


class ConflictSettings(TenantModel):
    """How a tenant treats conflict cases; without a row, as the defaults say."""

    days_to_rule = count(null=False, default=5, minimum=1, maximum=90)
    """After so many days a case goes to the manager above."""
    remind_days = count(null=False, default=1, maximum=89)
    """So many days before that the judge is reminded."""
    days_to_appeal = count(null=False, default=7, maximum=90)
    """So many days a party may appeal; 0 for never."""
    open_by_itself = fields.BooleanField(default=False)
    """Whether a case is opened when two people hold what looks like one customer."""

    class Meta:
        app = "core"
        table = "conflict_settings"
        unique_together = (("tenant_id",),)
