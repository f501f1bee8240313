"""Notifications, and the language and wishes of those who get them."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0008_account_lists")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Notification",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="user_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharField(max_length=64)),
                ("title", fields.CharField(max_length=300)),
                ("body", fields.TextField(null=True, unique=False)),
                ("entity", fields.CharField(null=True, max_length=64)),
                ("record_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("read_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("key", fields.CharField(null=True, max_length=200)),
            ],
            options={
                "table": "notifications",
                "app": "core",
                "unique_together": (("tenant_id", "user_id", "key"),),
                "indexes": [Index(fields=["tenant_id", "user_id", "id"])],
                "pk_attr": "id",
                "table_description": "Something that one user should know of; nobody else sees it.",
            },
            bases=["TenantModel"],
        ),
        ops.AddField(
            model_name="User",
            name="locale",
            field=fields.CharField(null=True, max_length=16),
        ),
        ops.AddField(
            model_name="User",
            name="muted_notifications",
            field=fields.JSONField(default=list, db_default=[], encoder=JSON_DUMPS, decoder=loads),
        ),
        ScopeTables(["Notification"]),
        RunSQL(
            [
                "CREATE INDEX notifications_unread ON notifications (tenant_id, user_id) WHERE read_at IS NULL",
            ],
            ["DROP INDEX notifications_unread"],
        ),
    ]
