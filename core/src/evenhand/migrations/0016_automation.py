"""Rules of automation, what came of them, and how often they were asked."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.automation.models import RunOutcome
from evenhand.db.operations import ScopeTables
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0015_webhooks")]

    initial = False

    operations = [
        ops.CreateModel(
            name="AutomationRule",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("custom", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("name", fields.CharField(max_length=300)),
                ("description", fields.TextField(null=True, unique=False)),
                ("enabled", fields.BooleanField(default=True)),
                ("position", fields.IntField(default=100)),
                ("entity", fields.CharField(max_length=64)),
                ("events", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("condition", fields.TextField(null=True, unique=False)),
                ("actions", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("stop_on_match", fields.BooleanField(default=False)),
                ("key", fields.CharField(null=True, max_length=64)),
                ("failures", fields.IntField(default=0)),
                ("suspended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("suspended_reason", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "automation_rules",
                "app": "core",
                "unique_together": (("tenant_id", "key"),),
                "indexes": [Index(fields=["tenant_id", "position", "id"])],
                "pk_attr": "id",
                "table_description": "When one of some events happens to a record, and if a condition holds, then do something.",
            },
            bases=["RecordModel"],
        ),
        ops.CreateModel(
            name="AutomationCount",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "rule",
                    fields.ForeignKeyField(
                        "core.AutomationRule",
                        source_field="rule_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("day", fields.DateField()),
                ("checked", fields.IntField(default=0)),
                ("matched", fields.IntField(default=0)),
                ("failed", fields.IntField(default=0)),
            ],
            options={
                "table": "automation_counts",
                "app": "core",
                "unique_together": (("tenant_id", "rule_id", "day"),),
                "pk_attr": "id",
                "table_description": "How often a rule was asked on one day (UTC), and with what result.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AutomationRun",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "rule",
                    fields.ForeignKeyField(
                        "core.AutomationRule",
                        source_field="rule_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("rule_version", fields.IntField()),
                ("event_id", fields.UUIDField()),
                ("event_type", fields.CharField(max_length=64)),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
                (
                    "outcome",
                    fields.CharEnumField(
                        description="DONE: done\nFAILED: failed\nSTOPPED: stopped", enum_type=RunOutcome, max_length=32
                    ),
                ),
                ("results", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("error", fields.TextField(null=True, unique=False)),
                ("duration_ms", fields.IntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "automation_runs",
                "app": "core",
                "unique_together": (("tenant_id", "rule_id", "event_id"),),
                "indexes": [Index(fields=["tenant_id", "rule_id", "id"]), Index(fields=["tenant_id", "record_id"])],
                "pk_attr": "id",
                "table_description": "A rule that matched an event, or failed on it.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["AutomationRule", "AutomationCount", "AutomationRun"]),
    ]
