"""Product: what is sold."""

from __future__ import annotations

from typing import ClassVar

from tortoise import fields

from evenhand.entities.columns import currency, long_text, money, name_column, short_text
from evenhand.entities.searchable import Searchable
from evenhand.tenancy.models import RecordModel


class Product(RecordModel):
    """A product or service with its list price."""

    code = fields.CharField(max_length=100)
    name = name_column()
    family = short_text()
    category = short_text()
    description = long_text()
    list_price = money()
    currency = currency()
    is_active = fields.BooleanField(default=True)

    search: ClassVar[Searchable] = Searchable(names=("name", "code"))

    class Meta:
        app = "core"
        table = "products"
        unique_together = (("tenant_id", "code"),)
