"""Merges of accounts, overridden exit criteria and idempotency keys."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import OwnershipReason
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0005_custom_index")]

    operations = [
        ops.CreateModel(
            name="AccountMerge",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "core.Account",
                        source_field="account_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "merged",
                    fields.ForeignKeyField(
                        "core.Account",
                        source_field="merged_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="owner_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "pool",
                    fields.ForeignKeyField(
                        "core.Pool",
                        source_field="pool_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("before", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("after", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("merged_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "actor",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="actor_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("undone_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "account_merges",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "account_id", "merged_at"])],
                "pk_attr": "id",
                "table_description": "One account taken in by another, with what is needed to undo it.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AccountMergeRow",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "merge",
                    fields.ForeignKeyField(
                        "core.AccountMerge",
                        source_field="merge_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("table_name", fields.CharField(max_length=63)),
                ("column_name", fields.CharField(max_length=63)),
                ("row_id", fields.UUIDField()),
            ],
            options={
                "table": "account_merge_rows",
                "app": "core",
                "pk_attr": "id",
                "table_description": "One row that a merge took from one account to the other: the column that names the account.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="IdempotencyKey",
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
                ("key", fields.CharField(max_length=255)),
                ("fingerprint", fields.CharField(max_length=64)),
                ("answer", fields.TextField(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "idempotency_keys",
                "app": "core",
                "unique_together": (("tenant_id", "user_id", "key"),),
                "indexes": [Index(fields=["tenant_id", "expires_at"])],
                "pk_attr": "id",
                "table_description": "The answer to the first request that a user sent under a key; written in the request's own transaction.",
            },
            bases=["TenantModel"],
        ),
        ops.AddField(
            model_name="Account",
            name="merged_into",
            field=fields.ForeignKeyField(
                "core.Account",
                source_field="merged_into_id",
                null=True,
                db_constraint=False,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ops.AlterField(
            model_name="OwnershipEntry",
            name="reason",
            field=fields.CharEnumField(
                description="CREATED: created\nIMPORTED: imported\nMANUAL: manual\nASSIGNED: assigned\nCONVERTED: converted\nRELEASED: released\nMERGED: merged\nUNMERGED: unmerged",
                enum_type=OwnershipReason,
                max_length=32,
            ),
        ),
        ops.AddField(
            model_name="StageChange",
            name="override_reason",
            field=fields.CharField(null=True, max_length=500),
        ),
        ScopeTables(["AccountMerge", "AccountMergeRow", "IdempotencyKey"], append_only=["AccountMergeRow"]),
        RunSQL(
            [
                "ALTER TABLE accounts ADD CONSTRAINT accounts_merged_into_id_fk "
                "FOREIGN KEY (tenant_id, merged_into_id) REFERENCES accounts (tenant_id, id)",
                "CREATE INDEX accounts_merged_into_id_idx ON accounts (tenant_id, merged_into_id)",
                "CREATE UNIQUE INDEX account_merges_one_standing ON account_merges (tenant_id, merged_id) "
                "WHERE undone_at IS NULL",
            ],
            [
                "DROP INDEX account_merges_one_standing",
                "DROP INDEX accounts_merged_into_id_idx",
                "ALTER TABLE accounts DROP CONSTRAINT accounts_merged_into_id_fk",
            ],
        ),
    ]
