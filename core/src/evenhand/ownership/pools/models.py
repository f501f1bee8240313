"""Tables of pools: who may claim from a pool, who manages it, and by which rules."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, count, mapping, name_column, number_list, short_text, string_list
from evenhand.entities.enums import PoolRole
from evenhand.tenancy.models import RecordModel, ref


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
