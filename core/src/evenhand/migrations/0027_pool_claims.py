"""Draws, offers and views of records in pools."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import OfferState
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0026_field_rules")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PoolDraw",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
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
                    "rule",
                    fields.ForeignKeyField(
                        "core.PoolRule",
                        source_field="rule_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closes_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pool_draws",
                "app": "core",
                "unique_together": (("tenant_id", "record_id", "opened_at"),),
                "indexes": [Index(fields=["tenant_id", "closes_at", "id"])],
                "pk_attr": "id",
                "table_description": "A window in which claims of a record in a pool are only collected.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PoolDrawEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "core.PoolDraw",
                        source_field="draw_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
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
                ("entered_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pool_draw_entries",
                "app": "core",
                "unique_together": (("tenant_id", "draw_id", "user_id"),),
                "pk_attr": "id",
                "table_description": "A claim that takes part in a draw; all have the same chance.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PoolDrawResult",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "draw",
                    fields.ForeignKeyField(
                        "core.PoolDraw",
                        source_field="draw_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("seed", fields.BigIntField()),
                (
                    "winner",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="winner_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("places", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("drawn_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pool_draw_results",
                "app": "core",
                "unique_together": (("tenant_id", "draw_id"),),
                "pk_attr": "id",
                "table_description": "How a draw ended; with the seed anybody can draw it again.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PoolOffer",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
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
                    "fallback_pool",
                    fields.ForeignKeyField(
                        "core.Pool",
                        source_field="fallback_pool_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=OfferState.OPEN,
                        description="OPEN: open\nACCEPTED: accepted\nDECLINED: declined\nEXPIRED: expired",
                        enum_type=OfferState,
                        max_length=32,
                    ),
                ),
                ("note", fields.CharField(null=True, max_length=500)),
                (
                    "offered_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="offered_by_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("offered_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "accepted_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="accepted_by_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pool_offers",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "record_id", "offered_at"])],
                "pk_attr": "id",
                "table_description": "A record in a pool that is offered to several people; who accepts first gets it.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PoolOfferSeat",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "offer",
                    fields.ForeignKeyField(
                        "core.PoolOffer",
                        source_field="offer_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
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
                ("declined_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pool_offer_seats",
                "app": "core",
                "unique_together": (("tenant_id", "offer_id", "user_id"),),
                "pk_attr": "id",
                "table_description": "One person to whom a record is offered.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="PoolView",
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
                ("day", fields.DateField()),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
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
                    "rule",
                    fields.ForeignKeyField(
                        "core.PoolRule",
                        source_field="rule_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("viewed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pool_views",
                "app": "core",
                "unique_together": (("tenant_id", "user_id", "day", "record_id"),),
                "pk_attr": "id",
                "table_description": "A record in a pool into which somebody looked on a day.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(
            ["PoolDraw", "PoolDrawEntry", "PoolDrawResult", "PoolOffer", "PoolOfferSeat", "PoolView"],
            append_only=["PoolDraw", "PoolDrawEntry", "PoolDrawResult", "PoolView"],
        ),
        RunSQL(
            [
                "CREATE UNIQUE INDEX pool_offers_one_open ON pool_offers (tenant_id, record_id) WHERE state = 'open'",
                "CREATE INDEX pool_offers_due ON pool_offers (tenant_id, expires_at) WHERE state = 'open'",
            ],
            ["DROP INDEX pool_offers_due", "DROP INDEX pool_offers_one_open"],
        ),
    ]
