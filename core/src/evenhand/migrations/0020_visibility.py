"""Visibility: the closure of the tree of teams, and what roles see."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import VisibilityLevel
from evenhand.tenancy.context import Role, current_tenant

_CLOSURE = """
WITH RECURSIVE up AS (
    SELECT tenant_id, id AS descendant_id, id AS ancestor_id, parent_id, 0 AS depth FROM teams
    UNION ALL
    SELECT up.tenant_id, up.descendant_id, above.id, above.parent_id, up.depth + 1
    FROM up JOIN teams AS above ON above.tenant_id = up.tenant_id AND above.id = up.parent_id
)
INSERT INTO team_closure (id, tenant_id, ancestor_id, descendant_id, depth)
SELECT gen_random_uuid(), tenant_id, ancestor_id, descendant_id, depth FROM up
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0019_pools")]

    initial = False

    operations = [
        ops.CreateModel(
            name="TeamClosure",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "ancestor",
                    fields.ForeignKeyField(
                        "core.Team",
                        source_field="ancestor_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "descendant",
                    fields.ForeignKeyField(
                        "core.Team",
                        source_field="descendant_id",
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("depth", fields.IntField()),
            ],
            options={
                "table": "team_closure",
                "app": "core",
                "unique_together": (("tenant_id", "ancestor_id", "descendant_id"),),
                "pk_attr": "id",
                "table_description": "One pair of teams of which the second stands under the first; every team stands under itself.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="VisibilityRule",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("custom", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                (
                    "role",
                    fields.CharEnumField(
                        description="ADMIN: admin\nMANAGER: manager\nREP: rep\nREAD_ONLY: read_only",
                        enum_type=Role,
                        max_length=32,
                    ),
                ),
                ("entity", fields.CharField(max_length=64)),
                (
                    "sees",
                    fields.CharEnumField(
                        description="NONE: none\nOWN: own\nTEAM: team\nREGION: region\nALL: all",
                        enum_type=VisibilityLevel,
                        max_length=32,
                    ),
                ),
                (
                    "edits",
                    fields.CharEnumField(
                        description="NONE: none\nOWN: own\nTEAM: team\nREGION: region\nALL: all",
                        enum_type=VisibilityLevel,
                        max_length=32,
                    ),
                ),
            ],
            options={
                "table": "visibility_rules",
                "app": "core",
                "unique_together": (("tenant_id", "role", "entity"),),
                "pk_attr": "id",
                "table_description": "How much of one kind of records the users of a role see and may change, instead of the role's default.",
            },
            bases=["RecordModel"],
        ),
        # The teams of all tenants: row level security must not hide them from the owner for this one statement.
        RunSQL(
            [
                "ALTER TABLE teams NO FORCE ROW LEVEL SECURITY",
                _CLOSURE,
                "ALTER TABLE teams FORCE ROW LEVEL SECURITY",
            ],
            [],
        ),
        ScopeTables(["TeamClosure", "VisibilityRule"]),
    ]
