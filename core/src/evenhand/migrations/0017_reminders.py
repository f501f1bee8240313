"""Reminders: of what a tenant wants them, and which were told."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import ScopeTables
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0016_automation")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Reminder",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("key", fields.CharField(max_length=200)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "reminders",
                "app": "core",
                "unique_together": (("tenant_id", "key"),),
                "pk_attr": "id",
                "table_description": "An occurrence of which somebody was reminded; it is there once.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ReminderSettings",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("task_due", fields.BooleanField(default=True)),
                ("next_step_due", fields.BooleanField(default=True)),
                ("stage_overdue", fields.BooleanField(default=True)),
                ("lead_untouched", fields.BooleanField(default=True)),
                ("lead_untouched_days", fields.IntField(default=7)),
            ],
            options={
                "table": "reminder_settings",
                "app": "core",
                "unique_together": (("tenant_id",),),
                "pk_attr": "id",
                "table_description": "Of what a tenant reminds its users; without a row, as the defaults say.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["Reminder", "ReminderSettings"]),
    ]
