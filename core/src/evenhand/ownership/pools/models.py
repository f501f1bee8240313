"""Tables of pools: who may claim from a pool, who manages it, and by which rules."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import (
    choice,
    count,
    mapping,
    name_column,
    number_list,
    object_list,
    short_text,
    string_list,
)
from evenhand.entities.enums import OfferState, PoolRole
from evenhand.tenancy.models import RecordModel, TenantModel, ref


def usual_warnings() -> list[int]:
    """So many days before a reclaim the holder is warned, unless a rule says otherwise."""
    return [7, 3, 1]


def usual_manager_warnings() -> list[int]:
    """So many days before a reclaim the holder's manager is warned, unless a rule says otherwise."""
    return [1]


class PoolMember(RecordModel):
    """Who may claim from a pool or manages it: one user, a team with all below it, a region or a product line.

    A pool without any is open to every active rep and manager.
    """

    pool = ref("core.Pool")
    pool_id: UUID
    role = choice(PoolRole, default=PoolRole.MEMBER)
    """What they are in the pool."""
    user = ref("core.User", null=True)
    user_id: UUID | None
    team = ref("core.Team", null=True)
    team_id: UUID | None
    """Id of the team; all teams below it belong to it."""
    region = short_text()
    """Everybody who works in this region."""
    product_line = short_text()
    """Everybody who sells this product line."""

    class Meta:
        app = "core"
        table = "pool_members"


class PoolRule(RecordModel):
    """What holds for some records of a pool: when they come back to it, and who may take how many out of it.

    Of several rules that match a record, the one with the lowest position counts. What is empty is off.
    """

    name = name_column()
    pool = ref("core.Pool")
    pool_id: UUID
    """Id of the pool to which its records come back, and from which they are claimed."""
    entity = fields.CharField(max_length=64)
    """The kind of record: Account, Lead or Opportunity."""
    position = count(null=False, default=0)
    """Of several rules that match, the one with the lowest counts."""
    tiers = string_list()
    """Only accounts of these tiers; empty for any."""
    sources = string_list()
    """Only records from these sources; empty for any."""
    product_lines = string_list()
    """Only records of these product lines; empty for any."""
    regions = string_list()
    """Only records of these regions; empty for any."""
    valid_from = fields.DateField(null=True)
    valid_until = fields.DateField(null=True)
    is_active = fields.BooleanField(default=True)

    protect_days = count(minimum=1, maximum=36500)
    """Days after somebody got a record in which that person may keep it; activities give more, as `refresh` says."""
    idle_days = count(minimum=1, maximum=36500)
    """Days without activity after which a record comes back to the pool."""
    stage_days = count(minimum=1, maximum=36500)
    """Days without progress between stages after which a record comes back."""
    deal_days = count(minimum=1, maximum=36500)
    """Days without a deal after which a record comes back."""
    max_days = count(minimum=1, maximum=36500)
    """Days after which a record comes back whatever was done."""
    refresh = mapping()
    """How many days of protection an activity gives, by its kind: {"visit": 30, "call": 7}; then only these count."""
    working_days = fields.BooleanField(default=False)
    """Whether its days are working days."""
    warn_days = number_list(default=usual_warnings)
    """So many days before a record comes back its holder is warned, in several steps."""
    manager_warn_days = number_list(default=usual_manager_warnings)
    """So many days before a record comes back its holder's manager is warned."""
    protected_most = count(maximum=1_000_000)
    """So many records one person may protect from coming back."""
    protected_days = count(minimum=1, maximum=36500)
    """So many days one protection holds."""
    extensions_most = count(maximum=1000)
    """So many times the deadline of a record may be extended for one holder."""
    extension_days = count(minimum=1, maximum=36500)
    """So many days one extension gives."""

    freeze_days = count(minimum=1, maximum=36500)
    """Days after a record came back to the pool in which nobody gets it."""
    cool_down_days = count(minimum=1, maximum=36500)
    """Days after somebody had a record in which the same person does not get it again."""
    claims_per_day = count(maximum=1_000_000)
    """So many records one person may claim on one day."""
    claims_per_week = count(maximum=1_000_000)
    """So many records one person may claim in one week, Monday to Sunday."""
    holding_cap = count(maximum=10_000_000)
    """So many records one person may hold of those that the rule is about."""
    views_per_day = count(maximum=1_000_000)
    """So many records in the pool one person may look into on one day."""
    draw_minutes = count(minimum=1, maximum=1_000_000)
    """Minutes after a record came to the pool in which claims are only collected; then lots are drawn."""
    offer_minutes = count(minimum=1, maximum=1_000_000)
    """Minutes in which an offer may be accepted."""

    class Meta:
        app = "core"
        table = "pool_rules"
        indexes = (("tenant_id", "entity", "position"),)


class PoolDraw(TenantModel):
    """A window in which claims of a record in a pool are only collected."""

    append_only = True

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    pool = ref("core.Pool")
    pool_id: UUID
    rule = ref("core.PoolRule")
    rule_id: UUID
    """Id of the rule that asks for lots."""
    opened_at = fields.DatetimeField()
    """When the record came to the pool."""
    closes_at = fields.DatetimeField()
    """When lots are drawn."""

    class Meta:
        app = "core"
        table = "pool_draws"
        unique_together = (("tenant_id", "record_id", "opened_at"),)
        indexes = (("tenant_id", "closes_at", "id"),)


class PoolDrawEntry(TenantModel):
    """A claim that takes part in a draw; all have the same chance."""

    append_only = True

    draw = ref("core.PoolDraw")
    draw_id: UUID
    user = ref("core.User")
    user_id: UUID
    entered_at = fields.DatetimeField()
    """When the person claimed."""

    class Meta:
        app = "core"
        table = "pool_draw_entries"
        unique_together = (("tenant_id", "draw_id", "user_id"),)


class PoolDrawResult(TenantModel):
    """How a draw ended; with the seed anybody can draw it again."""

    append_only = True

    draw = ref("core.PoolDraw")
    draw_id: UUID
    seed = fields.BigIntField()
    """By what the order was drawn."""
    winner = ref("core.User", null=True)
    winner_id: UUID | None
    """Id of who got the record; null when nobody who entered may have it."""
    places = object_list()
    """Everybody who entered, in the order drawn: {"user", "outcome"}."""
    drawn_at = fields.DatetimeField()
    """When lots were drawn."""

    class Meta:
        app = "core"
        table = "pool_draw_results"
        unique_together = (("tenant_id", "draw_id"),)


class PoolOffer(TenantModel):
    """A record in a pool that is offered to several people; who accepts first gets it."""

    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    pool = ref("core.Pool")
    pool_id: UUID
    """Id of the pool that the record waits in."""
    fallback_pool = ref("core.Pool", null=True)
    fallback_pool_id: UUID | None
    """Id of the pool into which the record goes when nobody accepts; null when it stays."""
    state = choice(OfferState, default=OfferState.OPEN)
    """Where it stands."""
    note = short_text(500)
    offered_by = ref("core.User", null=True)
    offered_by_id: UUID | None
    offered_at = fields.DatetimeField()
    """When it was offered."""
    expires_at = fields.DatetimeField()
    """Until when it can be accepted."""
    accepted_by = ref("core.User", null=True)
    accepted_by_id: UUID | None
    ended_at = fields.DatetimeField(null=True)
    """When it ended, whatever the end."""

    class Meta:
        app = "core"
        table = "pool_offers"
        indexes = (("tenant_id", "record_id", "offered_at"),)


class PoolOfferSeat(TenantModel):
    """One person to whom a record is offered."""

    offer = ref("core.PoolOffer")
    offer_id: UUID
    user = ref("core.User")
    user_id: UUID
    declined_at = fields.DatetimeField(null=True)
    """When the person declined; null otherwise."""

    class Meta:
        app = "core"
        table = "pool_offer_seats"
        unique_together = (("tenant_id", "offer_id", "user_id"),)


class PoolView(TenantModel):
    """A record in a pool into which somebody looked on a day."""

    append_only = True

    user = ref("core.User")
    user_id: UUID
    day = fields.DateField()
    """The tenant's day."""
    entity = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    pool = ref("core.Pool")
    pool_id: UUID
    """Id of the pool that the record waited in."""
    rule = ref("core.PoolRule", null=True)
    rule_id: UUID | None
    """Id of the rule by which it is counted."""
    viewed_at = fields.DatetimeField()
    """When the person first looked on that day."""

    class Meta:
        app = "core"
        table = "pool_views"
        unique_together = (("tenant_id", "user_id", "day", "record_id"),)
