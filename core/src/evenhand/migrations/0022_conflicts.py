"""Conflict cases, and the keys by which duplicates are found."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import ConflictKind, ConflictState, DuplicateKeyKind, Strictness
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0021_audit_chain")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ConflictCase",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="DUPLICATE_CUSTOMER: duplicate_customer\nSAME_DOMAIN: same_domain\nSAME_TAX_ID: same_tax_id\nPARENT_CHILD: parent_child\nSAME_WORK: same_work\nOTHER: other",
                        enum_type=ConflictKind,
                        max_length=32,
                    ),
                ),
                (
                    "state",
                    fields.CharEnumField(
                        default=ConflictState.OPEN,
                        description="OPEN: open\nRULED: ruled\nAPPEALED: appealed\nCLOSED: closed\nWITHDRAWN: withdrawn",
                        enum_type=ConflictState,
                        max_length=32,
                    ),
                ),
                ("title", fields.CharField(max_length=300)),
                ("reason", fields.TextField(null=True, unique=False)),
                (
                    "opened_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="opened_by_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "judge",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="judge_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("reminded_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("escalations", fields.IntField(default=0)),
                ("evidence", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("appeal_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "appealed_by",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="appealed_by_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("appealed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("appeal_reason", fields.TextField(null=True, unique=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_reason", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "conflict_cases",
                "app": "core",
                "indexes": [
                    Index(fields=["tenant_id", "state", "due_at"]),
                    Index(fields=["tenant_id", "opened_at", "id"]),
                ],
                "pk_attr": "id",
                "table_description": "Several who claim the same customer or work: the evidence, and where the case stands.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ConflictParty",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "case",
                    fields.ForeignKeyField(
                        "core.ConflictCase",
                        source_field="case_id",
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
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
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
                (
                    "lead",
                    fields.ForeignKeyField(
                        "core.Lead",
                        source_field="lead_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "opportunity",
                    fields.ForeignKeyField(
                        "core.Opportunity",
                        source_field="opportunity_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "conflict_parties",
                "app": "core",
                "pk_attr": "id",
                "table_description": "A record that a case is about, or a user who claims it.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ConflictRuling",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "case",
                    fields.ForeignKeyField(
                        "core.ConflictCase",
                        source_field="case_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("round", fields.IntField()),
                (
                    "owner",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="owner_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("split", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("records", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "merged_into",
                    fields.ForeignKeyField(
                        "core.Account",
                        source_field="merged_into_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("merges", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("reason", fields.TextField(unique=False)),
                (
                    "judge",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="judge_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("ruled_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "conflict_rulings",
                "app": "core",
                "unique_together": (("tenant_id", "case_id", "round"),),
                "pk_attr": "id",
                "table_description": "What was ruled; a case has one ruling, and one more after an appeal.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ConflictSettings",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("days_to_rule", fields.IntField(default=5)),
                ("remind_days", fields.IntField(default=1)),
                ("days_to_appeal", fields.IntField(default=7)),
                ("open_by_itself", fields.BooleanField(default=False)),
            ],
            options={
                "table": "conflict_settings",
                "app": "core",
                "unique_together": (("tenant_id",),),
                "pk_attr": "id",
                "table_description": "How a tenant treats conflict cases; without a row, as the defaults say.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="ConflictStatement",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "case",
                    fields.ForeignKeyField(
                        "core.ConflictCase",
                        source_field="case_id",
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
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("text", fields.TextField(unique=False)),
                ("attachments", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "conflict_statements",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "case_id", "created_at", "id"])],
                "pk_attr": "id",
                "table_description": "What somebody says about a case.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="DuplicateKey",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="TAX_ID: tax_id\nDOMAIN: domain\nEMAIL: email\nPHONE: phone\nNAME: name",
                        enum_type=DuplicateKeyKind,
                        max_length=32,
                    ),
                ),
                ("value", fields.CharField(max_length=200)),
            ],
            options={
                "table": "duplicate_keys",
                "app": "core",
                "unique_together": (("tenant_id", "record_id", "kind", "value"),),
                "indexes": [Index(fields=["tenant_id", "kind", "value", "entity"])],
                "pk_attr": "id",
                "table_description": "One key of an account or lead that is not archived: who has the same one may be the same customer.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="DuplicateSettings",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "tax_id",
                    fields.CharEnumField(
                        default=Strictness.STOP,
                        description="STOP: stop\nWARN: warn\nOFF: off",
                        enum_type=Strictness,
                        max_length=32,
                    ),
                ),
                (
                    "domain",
                    fields.CharEnumField(
                        default=Strictness.STOP,
                        description="STOP: stop\nWARN: warn\nOFF: off",
                        enum_type=Strictness,
                        max_length=32,
                    ),
                ),
                (
                    "email",
                    fields.CharEnumField(
                        default=Strictness.WARN,
                        description="STOP: stop\nWARN: warn\nOFF: off",
                        enum_type=Strictness,
                        max_length=32,
                    ),
                ),
                (
                    "phone",
                    fields.CharEnumField(
                        default=Strictness.WARN,
                        description="STOP: stop\nWARN: warn\nOFF: off",
                        enum_type=Strictness,
                        max_length=32,
                    ),
                ),
                (
                    "name",
                    fields.CharEnumField(
                        default=Strictness.WARN,
                        description="STOP: stop\nWARN: warn\nOFF: off",
                        enum_type=Strictness,
                        max_length=32,
                    ),
                ),
                ("free_domains", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "duplicate_settings",
                "app": "core",
                "unique_together": (("tenant_id",),),
                "pk_attr": "id",
                "table_description": "How strictly a tenant takes each kind of key; without a row, as the defaults say.",
            },
            bases=["TenantModel"],
        ),
        ops.AddField(
            model_name="MembershipEntry",
            name="case",
            field=fields.ForeignKeyField(
                "core.ConflictCase",
                source_field="case_id",
                null=True,
                db_constraint=False,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ScopeTables(
            [
                "ConflictCase",
                "ConflictParty",
                "ConflictRuling",
                "ConflictSettings",
                "ConflictStatement",
                "DuplicateKey",
                "DuplicateSettings",
            ],
            append_only=["ConflictParty", "ConflictRuling", "ConflictStatement"],
        ),
        RunSQL(
            [
                'ALTER TABLE "membership_entries" ADD CONSTRAINT "membership_entries_case_id_fk" '
                "FOREIGN KEY (tenant_id, case_id) REFERENCES conflict_cases (tenant_id, id)",
                'CREATE INDEX "membership_entries_case_id_idx" ON "membership_entries" (tenant_id, case_id)',
                'ALTER TABLE "conflict_parties" ADD CONSTRAINT "conflict_parties_one" '
                "CHECK (num_nonnulls(user_id, account_id, lead_id, opportunity_id) = 1)",
            ],
            [
                'ALTER TABLE "conflict_parties" DROP CONSTRAINT "conflict_parties_one"',
                'DROP INDEX "membership_entries_case_id_idx"',
                'ALTER TABLE "membership_entries" DROP CONSTRAINT "membership_entries_case_id_fk"',
            ],
        ),
    ]
