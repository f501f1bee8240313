"""Opportunity: a deal on its way through the stages of a pipeline."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from tortoise import fields
from tortoise.validators import MinValueValidator

from evenhand.entities.columns import choice, count, currency, long_text, money, name_column, object_list, short_text
from evenhand.entities.enums import StageKind, ThreatLevel
from evenhand.entities.ownable import OwnableModel
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import RecordModel, TenantModel, ref


class Pipeline(RecordModel):
    """A sequence of stages; a tenant may have several."""

    name = name_column()
    position = count(null=False, default=0)
    is_default = fields.BooleanField(default=False)

    class Meta:
        app = "core"
        table = "pipelines"
        unique_together = (("tenant_id", "name"),)


class Stage(RecordModel):
    """A step of a pipeline, open, won or lost."""

    pipeline = ref("core.Pipeline")
    pipeline_id: UUID
    name = name_column()
    position = count(null=False, default=0)
    probability = count(null=False, default=0, maximum=100)
    """Chance to win, in percent."""
    kind = choice(StageKind, default=StageKind.OPEN)
    expected_days = count()
    exit_criteria = object_list()
    """What must be true to go on: {"rule": "required", "field": "amount"}, {"rule": "activity", "kind": "call"}."""

    class Meta:
        app = "core"
        table = "stages"
        unique_together = (("tenant_id", "pipeline_id", "name"),)


class Opportunity(OwnableModel):
    """A deal; held by exactly one owner or one pool."""

    name = name_column()
    account = ref("core.Account", null=True)
    account_id: UUID | None
    contact = ref("core.Contact", null=True)
    contact_id: UUID | None
    pipeline = ref("core.Pipeline")
    pipeline_id: UUID
    stage = ref("core.Stage")
    stage_id: UUID
    stage_entered_at = fields.DatetimeField(null=True)
    amount = money()
    currency = currency(null=False)
    opened_on = fields.DateField(null=True)
    expected_close = fields.DateField(null=True)
    closed_on = fields.DateField(null=True)
    """The day it was won or lost."""
    next_step = short_text(500)
    next_step_on = fields.DateField(null=True)
    lost_reason = short_text(300)
    source = short_text()
    campaign = ref("core.Campaign", null=True)
    campaign_id: UUID | None

    search: ClassVar[Searchable] = Searchable(names=("name",), named_by=(("account_id", "Account"),))

    class Meta:
        app = "core"
        table = "opportunities"
        indexes = (
            ("tenant_id", "created_at", "id"),
            ("tenant_id", "closed_on", "id"),
            ("tenant_id", "account_id", "created_at", "id"),
        )


class OpportunityLine(TenantModel):
    """A product offered in an opportunity."""

    opportunity = ref("core.Opportunity")
    opportunity_id: UUID
    product = ref("core.Product")
    product_id: UUID
    quantity = fields.DecimalField(
        max_digits=14, decimal_places=3, default=Decimal(1), validators=[MinValueValidator(Decimal(0))]
    )
    unit_price = money()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        app = "core"
        table = "opportunity_lines"
        unique_together = (("tenant_id", "opportunity_id", "product_id"),)


class StageChange(TenantModel):
    """One step of an opportunity's way through its pipeline; never changed."""

    append_only = True

    opportunity = ref("core.Opportunity")
    opportunity_id: UUID
    from_stage = ref("core.Stage", null=True)
    from_stage_id: UUID | None
    to_stage = ref("core.Stage")
    to_stage_id: UUID
    changed_at = fields.DatetimeField()
    actor = ref("core.User", null=True)
    actor_id: UUID | None
    override_reason = short_text(500)
    """Why it went on although criteria were not met, in the words of who decided so."""

    class Meta:
        app = "core"
        table = "stage_changes"
        indexes = (("tenant_id", "opportunity_id", "changed_at"),)


class Competitor(RecordModel):
    """Somebody who sells against us."""

    name = name_column()
    website = short_text(300)
    strengths = long_text()
    weaknesses = long_text()
    prices = long_text()
    notes = long_text()

    search: ClassVar[Searchable] = Searchable(names=("name",))

    class Meta:
        app = "core"
        table = "competitors"
        unique_together = (("tenant_id", "name"),)


class OpportunityCompetitor(TenantModel):
    """A competitor met in an opportunity."""

    opportunity = ref("core.Opportunity")
    opportunity_id: UUID
    competitor = ref("core.Competitor")
    competitor_id: UUID
    threat = choice(ThreatLevel, default=ThreatLevel.MEDIUM)
    notes = long_text()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        app = "core"
        table = "opportunity_competitors"
        unique_together = (("tenant_id", "opportunity_id", "competitor_id"),)
