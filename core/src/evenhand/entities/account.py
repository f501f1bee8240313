"""Account: a customer or prospect, a company or a person."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import (
    choice,
    count,
    currency,
    money,
    name_column,
    object_list,
    short_text,
    string_list,
)
from evenhand.entities.enums import AccountKind, AccountSize, LifecycleStage, Tier
from evenhand.entities.ownable import OwnableModel
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import TenantModel, ref


class Account(OwnableModel):
    """A customer or prospect; held by exactly one owner or one pool."""

    name = name_column()
    also_names = string_list()
    """Other names it goes by: legal name, English or Chinese name, former names."""
    kind = choice(AccountKind, default=AccountKind.COMPANY)
    industry = short_text()
    region = short_text()
    country = short_text()
    product_line = short_text()
    """The product line that it is about."""
    size = choice(AccountSize, null=True)
    employees = count()
    founded_year = count(minimum=1000, maximum=2200)
    tier = choice(Tier, null=True)
    lifecycle_stage = choice(LifecycleStage, default=LifecycleStage.PROSPECT)
    source = short_text()
    website = short_text(300)
    phone = short_text(50)
    tax_id = short_text(50)
    addresses = object_list()
    annual_revenue = money()
    annual_revenue_currency = currency()
    parent = ref("core.Account", null=True)
    parent_id: UUID | None
    merged_into = ref("core.Account", null=True)
    merged_into_id: UUID | None
    """The account that took this one in, when both were the same customer; such an account is archived."""

    search: ClassVar[Searchable] = Searchable(names=("name", "also_names"), texts=("phone", "website", "tax_id"))

    class Meta:
        app = "core"
        table = "accounts"
        indexes = (
            ("tenant_id", "name", "id"),
            ("tenant_id", "created_at", "id"),
            ("tenant_id", "industry", "name", "id"),
        )


class AccountMerge(TenantModel):
    """One account taken in by another, with what is needed to undo it."""

    account = ref("core.Account")
    account_id: UUID
    """Id of the account that stayed."""
    merged = ref("core.Account")
    merged_id: UUID
    """Id of the account that was taken in."""
    owner = ref("core.User", null=True)
    owner_id: UUID | None
    """Id of who held the account that was taken in, until then."""
    pool = ref("core.Pool", null=True)
    pool_id: UUID | None
    """Id of the pool in which the account that was taken in waited, until then."""
    before: fields.Field[dict[str, Any]] = fields.JSONField(default=dict)
    """What the account that stayed held in the fields that the merge changed."""
    after: fields.Field[dict[str, Any]] = fields.JSONField(default=dict)
    """What the merge wrote into them."""
    merged_at = fields.DatetimeField()
    """When they were merged."""
    actor = ref("core.User", null=True)
    actor_id: UUID | None
    undone_at = fields.DatetimeField(null=True)
    """When the merge was undone; null while it stands."""

    class Meta:
        app = "core"
        table = "account_merges"
        indexes = (("tenant_id", "account_id", "merged_at"),)


class AccountMergeRow(TenantModel):
    """One row that a merge took from one account to the other: the column that names the account."""

    append_only = True

    merge = ref("core.AccountMerge")
    merge_id: UUID
    table_name = fields.CharField(max_length=63)
    """The table it is in."""
    column_name = fields.CharField(max_length=63)
    """The column that names the account."""
    row_id = fields.UUIDField()
    """Its id there."""

    class Meta:
        app = "core"
        table = "account_merge_rows"
