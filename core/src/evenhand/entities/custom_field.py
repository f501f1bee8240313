"""Custom field: a column of the tenant's own, kept in the record's `custom` values."""

from __future__ import annotations

from tortoise import fields

from evenhand.entities.columns import KEY, choice, mapping, string_list
from evenhand.entities.enums import CustomFieldType
from evenhand.tenancy.models import RecordModel


class CustomField(RecordModel):
    """Declares a key in `custom` of one entity: its type and its titles in English and Chinese."""

    entity = fields.CharField(max_length=64)
    key = fields.CharField(max_length=64, validators=[KEY])
    type = choice(CustomFieldType, default=CustomFieldType.TEXT)
    titles = mapping()
    """Title by language, e.g. {"en": "Budget", "zh": "预算"}."""
    options = string_list()
    """The allowed values of a choice."""

    class Meta:
        app = "core"
        table = "custom_fields"
        unique_together = (("tenant_id", "entity", "key"),)
