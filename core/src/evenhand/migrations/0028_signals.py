"""Signals: patterns in what people do with records, with their evidence."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import ScopeTables
from evenhand.ownership.signals.models import SignalState
from evenhand.ownership.signals.rules import SignalKind
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0027_pool_claims")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OwnershipSignal",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="SHAM_FOLLOW_UP: sham_follow_up\nRETURN_AND_CLAIM: return_and_claim\nPARKING: parking\nLOOKING_ONLY: looking_only",
                        enum_type=SignalKind,
                        max_length=32,
                    ),
                ),
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
                    "colleague",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="colleague_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("times", fields.IntField()),
                ("first_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("evidence", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("key", fields.CharField(max_length=200)),
                ("found_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "state",
                    fields.CharEnumField(
                        default=SignalState.OPEN,
                        description="OPEN: open\nDISMISSED: dismissed\nCONFIRMED: confirmed",
                        enum_type=SignalState,
                        max_length=32,
                    ),
                ),
                (
                    "reviewer",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="reviewer_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("reviewed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("note", fields.CharField(null=True, max_length=500)),
            ],
            options={
                "table": "ownership_signals",
                "app": "core",
                "unique_together": (("tenant_id", "key"),),
                "indexes": [Index(fields=["tenant_id", "found_at", "id"])],
                "pk_attr": "id",
                "table_description": "A pattern in what one person does with records, with its evidence; people judge it, no rule does.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["OwnershipSignal"]),
    ]
