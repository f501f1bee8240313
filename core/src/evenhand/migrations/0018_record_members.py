"""Teams on records: who is in one, and who had which share when."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import MemberRole
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0017_reminders")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MembershipEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
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
                    "role",
                    fields.CharEnumField(
                        null=True,
                        description="COLLABORATOR: collaborator\nWATCHER: watcher",
                        enum_type=MemberRole,
                        max_length=32,
                    ),
                ),
                ("share", fields.DecimalField(null=True, max_digits=5, decimal_places=2)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
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
                ("via", fields.CharField(null=True, max_length=64)),
            ],
            options={
                "table": "membership_entries",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "record_id", "user_id", "started_at", "id"])],
                "pk_attr": "id",
                "table_description": "One line of the history of teams: from `started_at` until the user's next line on the record, this held.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="RecordMember",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
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
                    "role",
                    fields.CharEnumField(
                        description="COLLABORATOR: collaborator\nWATCHER: watcher", enum_type=MemberRole, max_length=32
                    ),
                ),
                ("share", fields.DecimalField(null=True, max_digits=5, decimal_places=2)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "record_members",
                "app": "core",
                "unique_together": (
                    ("tenant_id", "account_id", "user_id"),
                    ("tenant_id", "lead_id", "user_id"),
                    ("tenant_id", "opportunity_id", "user_id"),
                ),
                "pk_attr": "id",
                "table_description": "One user in the team on one account, lead or opportunity; the row is deleted when the user leaves the team.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["MembershipEntry", "RecordMember"], append_only=["MembershipEntry"]),
        RunSQL(
            [
                'ALTER TABLE "record_members" ADD CONSTRAINT "record_members_one_record" '
                "CHECK (num_nonnulls(account_id, lead_id, opportunity_id) = 1)",
                'ALTER TABLE "record_members" ADD CONSTRAINT "record_members_share" '
                "CHECK ((role = 'collaborator') = (share IS NOT NULL) AND share BETWEEN 0 AND 100)",
                'ALTER TABLE "membership_entries" ADD CONSTRAINT "membership_entries_share" '
                "CHECK ((role IS NOT DISTINCT FROM 'collaborator') = (share IS NOT NULL) "
                "AND share BETWEEN 0 AND 100)",
            ],
            [
                'ALTER TABLE "membership_entries" DROP CONSTRAINT "membership_entries_share"',
                'ALTER TABLE "record_members" DROP CONSTRAINT "record_members_share"',
                'ALTER TABLE "record_members" DROP CONSTRAINT "record_members_one_record"',
            ],
        ),
    ]
