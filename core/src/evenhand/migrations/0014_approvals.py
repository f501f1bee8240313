"""Approvals: policies, requests, who is asked, decisions, and deputies."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import ApprovalKind, ApprovalState, ApprovalVerdict, OnApproved
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0013_events")]

    operations = [
        ops.CreateModel(
            name="ApprovalPolicy",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("custom", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("name", fields.CharField(max_length=300)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="DISCOUNT: discount\nQUOTE: quote\nCONTRACT: contract\nSTAGE_MOVE: stage_move\nCUSTOM: custom",
                        enum_type=ApprovalKind,
                        max_length=32,
                    ),
                ),
                ("position", fields.IntField(default=0)),
                ("is_active", fields.BooleanField(default=True)),
                ("conditions", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("steps", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("valid_days", fields.IntField(null=True)),
            ],
            options={
                "table": "approval_policies",
                "app": "core",
                "unique_together": (("tenant_id", "name"),),
                "pk_attr": "id",
                "table_description": "When an approval is needed, and who gives it in which order.",
            },
            bases=["RecordModel"],
        ),
        ops.CreateModel(
            name="ApprovalRequest",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="DISCOUNT: discount\nQUOTE: quote\nCONTRACT: contract\nSTAGE_MOVE: stage_move\nCUSTOM: custom",
                        enum_type=ApprovalKind,
                        max_length=32,
                    ),
                ),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
                ("basis", fields.CharField(max_length=100)),
                (
                    "policy",
                    fields.ForeignKeyField(
                        "core.ApprovalPolicy",
                        source_field="policy_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("policy_version", fields.IntField(null=True)),
                ("title", fields.CharField(max_length=300)),
                ("steps", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("facts", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("fingerprint", fields.CharField(max_length=64)),
                ("change", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "on_approved",
                    fields.CharEnumField(
                        default=OnApproved.NOTHING,
                        description="NOTHING: nothing\nAPPLY: apply",
                        enum_type=OnApproved,
                        max_length=32,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=ApprovalState.PENDING,
                        description="PENDING: pending\nAPPROVED: approved\nREJECTED: rejected\nCANCELLED: cancelled\nEXPIRED: expired",
                        enum_type=ApprovalState,
                        max_length=32,
                    ),
                ),
                ("step", fields.IntField(default=1)),
                ("comment", fields.TextField(null=True, unique=False)),
                (
                    "requested_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="requested_by_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("end_reason", fields.CharField(null=True, max_length=500)),
                ("valid_days", fields.IntField(null=True)),
                ("valid_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "approval_requests",
                "app": "core",
                "indexes": [
                    Index(fields=["tenant_id", "record_id", "requested_at", "id"]),
                    Index(fields=["tenant_id", "requested_by_id", "requested_at"]),
                ],
                "pk_attr": "id",
                "table_description": "The question whether something may be done with a record, and its answer.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ApprovalDecision",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "request",
                    fields.ForeignKeyField(
                        "core.ApprovalRequest",
                        source_field="request_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("step", fields.IntField()),
                (
                    "seat_user",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="seat_user_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "decided_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="decided_by_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "verdict",
                    fields.CharEnumField(
                        description="APPROVE: approve\nREJECT: reject", enum_type=ApprovalVerdict, max_length=32
                    ),
                ),
                ("comment", fields.TextField(null=True, unique=False)),
                ("decided_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "approval_decisions",
                "app": "core",
                "unique_together": (
                    ("tenant_id", "request_id", "step", "seat_user_id"),
                    ("tenant_id", "request_id", "step", "decided_by_id"),
                ),
                "pk_attr": "id",
                "table_description": "What one person decided about one step; never changed.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ApprovalSeat",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "request",
                    fields.ForeignKeyField(
                        "core.ApprovalRequest",
                        source_field="request_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("step", fields.IntField()),
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
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "escalated_from",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="escalated_from_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "approval_seats",
                "app": "core",
                "unique_together": (("tenant_id", "request_id", "step", "user_id"),),
                "indexes": [Index(fields=["tenant_id", "user_id", "closed_at"])],
                "pk_attr": "id",
                "table_description": "One who is asked at a step of a request.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Deputy",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("custom", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
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
                (
                    "deputy",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="deputy_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("starts_on", fields.DateField(null=True)),
                ("ends_on", fields.DateField(null=True)),
                ("note", fields.CharField(null=True, max_length=300)),
            ],
            options={
                "table": "deputies",
                "app": "core",
                "pk_attr": "id",
                "table_description": "Who decides on approvals for somebody: on the days given, or without days whenever that person is absent.",
            },
            bases=["RecordModel"],
        ),
        ScopeTables(
            ["ApprovalPolicy", "ApprovalRequest", "ApprovalDecision", "ApprovalSeat", "Deputy"],
            append_only=["ApprovalDecision"],
        ),
        RunSQL(
            [
                "CREATE UNIQUE INDEX approval_requests_one_pending ON approval_requests "
                "(tenant_id, record_id, entity, kind, basis, fingerprint) WHERE state = 'pending'",
                "CREATE INDEX approval_requests_pending_due ON approval_requests (tenant_id, due_at) "
                "WHERE state = 'pending'",
            ],
            ["DROP INDEX approval_requests_pending_due", "DROP INDEX approval_requests_one_pending"],
        ),
    ]
