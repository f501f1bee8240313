"""Members and rules of pools, product lines, and why limits were set aside."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import OwnershipReason, PoolRole
from evenhand.ownership.pools.models import usual_manager_warnings, usual_warnings
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0018_record_members")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PoolMember",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("custom", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "pool",
                    fields.ForeignKeyField(
                        "core.Pool",
                        source_field="pool_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "role",
                    fields.CharEnumField(
                        default=PoolRole.MEMBER,
                        description="MEMBER: member\nMANAGER: manager",
                        enum_type=PoolRole,
                        max_length=32,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="user_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "team",
                    fields.ForeignKeyField(
                        "core.Team",
                        source_field="team_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("region", fields.CharField(null=True, max_length=100)),
                ("product_line", fields.CharField(null=True, max_length=100)),
            ],
            options={
                "table": "pool_members",
                "app": "core",
                "pk_attr": "id",
                "table_description": "Who may claim from a pool or manages it: one user, a team with all below it, a region or a product line.",
            },
            bases=["RecordModel"],
        ),
        ops.CreateModel(
            name="PoolRule",
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
                    "pool",
                    fields.ForeignKeyField(
                        "core.Pool",
                        source_field="pool_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("entity", fields.CharField(max_length=64)),
                ("position", fields.IntField(default=0)),
                ("tiers", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("sources", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("product_lines", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("regions", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("valid_from", fields.DateField(null=True)),
                ("valid_until", fields.DateField(null=True)),
                ("is_active", fields.BooleanField(default=True)),
                ("protect_days", fields.IntField(null=True)),
                ("idle_days", fields.IntField(null=True)),
                ("stage_days", fields.IntField(null=True)),
                ("deal_days", fields.IntField(null=True)),
                ("max_days", fields.IntField(null=True)),
                ("refresh", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("working_days", fields.BooleanField(default=False)),
                ("warn_days", fields.JSONField(default=usual_warnings, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "manager_warn_days",
                    fields.JSONField(default=usual_manager_warnings, encoder=JSON_DUMPS, decoder=loads),
                ),
                ("protected_most", fields.IntField(null=True)),
                ("protected_days", fields.IntField(null=True)),
                ("extensions_most", fields.IntField(null=True)),
                ("extension_days", fields.IntField(null=True)),
                ("freeze_days", fields.IntField(null=True)),
                ("cool_down_days", fields.IntField(null=True)),
                ("claims_per_day", fields.IntField(null=True)),
                ("claims_per_week", fields.IntField(null=True)),
                ("holding_cap", fields.IntField(null=True)),
                ("views_per_day", fields.IntField(null=True)),
                ("draw_minutes", fields.IntField(null=True)),
                ("offer_minutes", fields.IntField(null=True)),
            ],
            options={
                "table": "pool_rules",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "entity", "position"])],
                "pk_attr": "id",
                "table_description": "What holds for some records of a pool: when they come back to it, and who may take how many out of it.",
            },
            bases=["RecordModel"],
        ),
        ops.AddField(
            model_name="Account",
            name="product_line",
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AddField(
            model_name="Lead",
            name="product_line",
            field=fields.CharField(null=True, max_length=100),
        ),
        ops.AlterField(
            model_name="OwnershipEntry",
            name="reason",
            field=fields.CharEnumField(
                description="CREATED: created\nIMPORTED: imported\nMANUAL: manual\nASSIGNED: assigned\nCONVERTED: converted\nRELEASED: released\nMERGED: merged\nUNMERGED: unmerged\nCLAIMED: claimed\nRETURNED: returned\nRECLAIMED: reclaimed\nOFFER_ACCEPTED: offer_accepted\nDRAWN: drawn\nHANDED_OVER: handed_over\nHANDOVER_UNDONE: handover_undone\nRULED: ruled\nAPPEALED: appealed",
                enum_type=OwnershipReason,
                max_length=32,
            ),
        ),
        ops.AddField(
            model_name="OwnershipEntry",
            name="override",
            field=fields.CharField(null=True, max_length=500),
        ),
        ops.AddField(
            model_name="User",
            name="product_lines",
            field=fields.JSONField(default=list, db_default=[], encoder=JSON_DUMPS, decoder=loads),
        ),
        ScopeTables(["PoolMember", "PoolRule"]),
        RunSQL(
            [
                "ALTER TABLE pool_members ADD CONSTRAINT pool_members_one_kind "
                "CHECK (num_nonnulls(user_id, team_id, region, product_line) = 1)"
            ],
            ["ALTER TABLE pool_members DROP CONSTRAINT pool_members_one_kind"],
        ),
    ]
