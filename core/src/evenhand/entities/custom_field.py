"""Custom field: a column of the tenant's own, kept in the record's `custom` values."""

from __future__ import annotations

from tortoise import fields

from evenhand.entities.columns import KEY, choice, mapping, string_list
from evenhand.entities.enums import CustomFieldType
from evenhand.tenancy.models import RecordModel, TenantModel


class CustomField(RecordModel):
    """Declares a key in `custom` of one entity: its type and its titles in English and Chinese."""

    entity = fields.CharField(max_length=64)
    key = fields.CharField(max_length=64, validators=[KEY])
    type = choice(CustomFieldType, default=CustomFieldType.TEXT)
    titles = mapping()
    """Title by language, e.g. {"en": "Budget", "zh": "预算"}."""
    options = string_list()
    """The allowed values of a choice."""
    indexed = fields.BooleanField(default=False, db_default=False)
    """Whether records are found by it through an index: worth it for many records and few that match."""

    class Meta:
        app = "core"
        table = "custom_fields"
        unique_together = (("tenant_id", "entity", "key"),)


class CustomValue(TenantModel):
    """The start of one record's value of an indexed custom field, as the index orders it.

    It only narrows down: whether the record's value really fits is always seen from the record itself.
    """

    entity = fields.CharField(max_length=64)
    key = fields.CharField(max_length=64)
    record_id = fields.UUIDField()
    text_key = fields.TextField(null=True)
    """The first 100 characters."""
    number_key = fields.FloatField(null=True)
    """The nearest floating-point number, when the value is a number."""

    class Meta:
        app = "core"
        table = "custom_values"
        indexes = (("tenant_id", "record_id"),)
