"""Hand-overs: plans, their lines, the tasks that went along, and the limits."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import HandoverMethod, HandoverOutcome, HandoverState
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0023_record_clocks")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Handover",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "from_user",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="from_user_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=HandoverState.DRAFT,
                        description="DRAFT: draft\nEXECUTED: executed\nUNDONE: undone\nCANCELLED: cancelled",
                        enum_type=HandoverState,
                        max_length=32,
                    ),
                ),
                ("note", fields.CharField(null=True, max_length=500)),
                ("entities", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("steps", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("seed", fields.BigIntField()),
                ("keep_watching", fields.BooleanField(default=False)),
                ("version", fields.IntField(default=1)),
                ("planned_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
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
                ("executed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "executed_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="executed_by_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("override_reason", fields.CharField(null=True, max_length=500)),
                ("undo_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "ended_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="ended_by_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("moved", fields.IntField(default=0)),
                ("stale", fields.IntField(default=0)),
                ("tasks_moved", fields.IntField(default=0)),
                ("returned", fields.IntField(default=0)),
                ("books", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "handovers",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "from_user_id", "state"])],
                "pk_attr": "id",
                "table_description": "A plan that gives the records of one user to others, all in one transaction.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="HandoverLine",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "handover",
                    fields.ForeignKeyField(
                        "core.Handover",
                        source_field="handover_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
                (
                    "account",
                    fields.ForeignKeyField(
                        "core.Account",
                        source_field="account_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "to_user",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="to_user_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "to_pool",
                    fields.ForeignKeyField(
                        "core.Pool",
                        source_field="to_pool_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "method",
                    fields.CharEnumField(
                        null=True,
                        description="POLICY: policy\nFOLLOW_ACCOUNT: follow_account\nCOLLABORATOR: collaborator\nBALANCE: balance\nSHARES: shares\nHAND: hand",
                        enum_type=HandoverMethod,
                        max_length=32,
                    ),
                ),
                ("policy", fields.CharField(null=True, max_length=100)),
                ("seed", fields.BigIntField(null=True)),
                ("verdicts", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "decision",
                    fields.ForeignKeyField(
                        "core.Decision",
                        source_field="decision_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("locked", fields.BooleanField(default=False)),
                ("override_reason", fields.CharField(null=True, max_length=500)),
                (
                    "outcome",
                    fields.CharEnumField(
                        null=True,
                        description="MOVED: moved\nSTALE: stale\nSTAYED: stayed\nRETURNED: returned\nKEPT: kept",
                        enum_type=HandoverOutcome,
                        max_length=32,
                    ),
                ),
                ("held_since", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "handover_lines",
                "app": "core",
                "unique_together": (("tenant_id", "handover_id", "record_id"),),
                "indexes": [Index(fields=["tenant_id", "record_id"])],
                "pk_attr": "id",
                "table_description": "One record of a plan: who is to get it, and how that was chosen.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="HandoverSettings",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("changes_per_year", fields.IntField(default=2)),
                ("undo_days", fields.IntField(default=7)),
            ],
            options={
                "table": "handover_settings",
                "app": "core",
                "unique_together": (("tenant_id",),),
                "pk_attr": "id",
                "table_description": "The tenant's limits of hand-overs; without a row, as the defaults say.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="HandoverTask",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "handover",
                    fields.ForeignKeyField(
                        "core.Handover",
                        source_field="handover_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "task",
                    fields.ForeignKeyField(
                        "core.Task",
                        source_field="task_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("record_id", fields.UUIDField()),
                (
                    "to_user",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="to_user_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("returned", fields.BooleanField(default=False)),
            ],
            options={
                "table": "handover_tasks",
                "app": "core",
                "unique_together": (("tenant_id", "handover_id", "task_id"),),
                "pk_attr": "id",
                "table_description": "An open task that went along with its record.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["Handover", "HandoverLine", "HandoverSettings", "HandoverTask"]),
        RunSQL(
            [
                "CREATE UNIQUE INDEX handovers_one_draft ON handovers (tenant_id, from_user_id) WHERE state = 'draft'",
                "ALTER TABLE handover_lines ADD CONSTRAINT handover_lines_one_target "
                "CHECK (num_nonnulls(to_user_id, to_pool_id) <= 1)",
            ],
            [
                "ALTER TABLE handover_lines DROP CONSTRAINT handover_lines_one_target",
                "DROP INDEX handovers_one_draft",
            ],
        ),
    ]
