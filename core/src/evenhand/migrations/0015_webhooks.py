"""Webhooks: endpoints and the log of attempts."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import ScopeTables
from evenhand.tenancy.context import current_tenant
from evenhand.webhooks.models import WebhookState


class Migration(migrations.Migration):
    dependencies = [("core", "0014_approvals")]

    operations = [
        ops.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("custom", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("url", fields.CharField(max_length=2000)),
                ("description", fields.CharField(null=True, max_length=300)),
                ("events", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "state",
                    fields.CharEnumField(
                        default=WebhookState.ACTIVE,
                        description="ACTIVE: active\nPAUSED: paused",
                        enum_type=WebhookState,
                        max_length=32,
                    ),
                ),
                ("pause_reason", fields.CharField(null=True, max_length=500)),
                ("secret", fields.TextField(unique=False)),
                ("former_secret", fields.TextField(null=True, unique=False)),
                ("former_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("failures", fields.IntField(default=0)),
                ("failing_since", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_success_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhook_endpoints",
                "app": "core",
                "pk_attr": "id",
                "table_description": "An address that is told of events.",
            },
            bases=["RecordModel"],
        ),
        ops.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "endpoint",
                    fields.ForeignKeyField(
                        "core.WebhookEndpoint",
                        source_field="endpoint_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("event_id", fields.UUIDField()),
                ("event_type", fields.CharField(max_length=64)),
                ("attempt", fields.SmallIntField()),
                ("url", fields.CharField(max_length=2000)),
                ("status", fields.SmallIntField(null=True)),
                ("duration_ms", fields.IntField()),
                ("response", fields.TextField(null=True, unique=False)),
                ("error", fields.CharField(null=True, max_length=1000)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhook_attempts",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "endpoint_id", "at", "id"])],
                "pk_attr": "id",
                "table_description": "One request to an endpoint, and what came of it; kept for a while.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["WebhookEndpoint", "WebhookAttempt"]),
    ]
