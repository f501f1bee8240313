"""The table of points."""

from typing import Any

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from evenhand.api import ScopeTables, current_tenant, uuid7


def _reference(model: str, column: str) -> Any:
    return fields.ForeignKeyField(
        model, source_field=column, db_constraint=False, to_field="id", related_name=False, on_delete=OnDelete.CASCADE
    )


class Migration(migrations.Migration):
    dependencies = [("core", "0002_guards")]

    initial = True

    operations = [
        ops.CreateModel(
            name="Points",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("account", _reference("core.Account", "account_id")),
                ("opportunity", _reference("core.Opportunity", "opportunity_id")),
                ("points", fields.BigIntField()),
            ],
            options={
                "table": "evenhand_loyalty_points",
                "app": "loyalty",
                "unique_together": (("tenant_id", "opportunity_id"),),
                "pk_attr": "id",
                "table_description": "What one won opportunity was worth.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["Points"]),
    ]
