"""Account: a customer or prospect, a company or a person."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

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
from evenhand.tenancy.models import ref


class Account(OwnableModel):
    """A customer or prospect; held by exactly one owner or one pool."""

    name = name_column()
    also_names = string_list()
    """Other names it goes by: legal name, English or Chinese name, former names."""
    kind = choice(AccountKind, default=AccountKind.COMPANY)
    industry = short_text()
    region = short_text()
    country = short_text()
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

    search: ClassVar[Searchable] = Searchable(names=("name", "also_names"), texts=("phone", "website", "tax_id"))

    class Meta:
        app = "core"
        table = "accounts"
        indexes = (("tenant_id", "name", "id"), ("tenant_id", "created_at", "id"))
