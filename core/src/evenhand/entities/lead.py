"""Lead: somebody may want something; not yet a customer."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from tortoise import fields

from evenhand.entities.columns import choice, currency, email, long_text, money, name_column, short_text
from evenhand.entities.enums import Interest, LeadStatus
from evenhand.entities.ownable import OwnableModel
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import ref


class Lead(OwnableModel):
    """A lead; held by exactly one owner or one pool."""

    name = name_column()
    company = short_text(300)
    title = short_text()
    email = email()
    phone = short_text(50)
    wechat = short_text(100)
    industry = short_text()
    region = short_text()
    country = short_text()
    city = short_text()
    language = short_text(35)
    source = short_text()
    campaign = ref("core.Campaign", null=True)
    campaign_id: UUID | None
    status = choice(LeadStatus, default=LeadStatus.NEW)
    interest = choice(Interest, null=True)
    product_interest = short_text(300)
    product_line = short_text()
    """The product line that it is about."""
    value_estimate = money()
    value_currency = currency()
    notes = long_text()
    account = ref("core.Account", null=True)
    account_id: UUID | None
    """The existing customer it belongs to, if known."""
    converted_at = fields.DatetimeField(null=True)
    converted_account = ref("core.Account", null=True)
    converted_account_id: UUID | None
    converted_contact = ref("core.Contact", null=True)
    converted_contact_id: UUID | None
    converted_opportunity = ref("core.Opportunity", null=True)
    converted_opportunity_id: UUID | None

    search: ClassVar[Searchable] = Searchable(names=("name",), texts=("company", "email", "phone", "wechat"))

    class Meta:
        app = "core"
        table = "leads"
        indexes = (("tenant_id", "created_at", "id"), ("tenant_id", "status", "created_at", "id"))
