"""Tenant: one company that uses Evenhand; the border no row crosses."""

from __future__ import annotations

from typing import ClassVar

from tortoise import fields

from evenhand.entities.columns import currency, name_column
from evenhand.tenancy.models import ModelScope, ScopedModel, uuid7


class Tenant(ScopedModel):
    """A company with its language, time zone and currency. Row level security shows a tenant only itself."""

    model_scope: ClassVar[ModelScope | None] = ModelScope.GLOBAL

    id = fields.UUIDField(primary_key=True, default=uuid7)
    slug = fields.CharField(max_length=63, unique=True)
    name = name_column()
    locale = fields.CharField(max_length=16, default="en")
    time_zone = fields.CharField(max_length=64, default="UTC")
    currency = currency(null=False)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        app = "core"
        table = "tenants"
