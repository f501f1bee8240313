"""Jobs, and who listens for whose changes."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.config import APP_ROLE
from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.jobs.models import JobState
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0003_search")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Job",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("kind", fields.CharField(max_length=64)),
                ("title", fields.CharField(max_length=300)),
                (
                    "state",
                    fields.CharEnumField(
                        default=JobState.QUEUED,
                        description="QUEUED: queued\nRUNNING: running\nDONE: done\nFAILED: failed\nCANCELLED: cancelled",
                        enum_type=JobState,
                        max_length=32,
                    ),
                ),
                ("done", fields.IntField(default=0)),
                ("total", fields.IntField(null=True)),
                ("message", fields.CharField(null=True, max_length=500)),
                ("error", fields.TextField(null=True, unique=False)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="created_by_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("heartbeat_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("finished_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "jobs",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "state", "heartbeat_at"])],
                "pk_attr": "id",
                "table_description": "Long work such as an import: its state and progress, written while it runs.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["Job"]),
        RunSQL(
            # A sign of life, not a record: no model, no row level security (a process speaks for all its tenants in
            # one statement), and unlogged, since after a crash of the database every listener announces itself anew.
            [
                "CREATE UNLOGGED TABLE live_listeners (tenant_id uuid NOT NULL, listener_id uuid NOT NULL, "
                "expires_at timestamptz NOT NULL, PRIMARY KEY (tenant_id, listener_id))",
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON live_listeners TO {APP_ROLE}",
            ],
            ["DROP TABLE live_listeners"],
        ),
    ]
