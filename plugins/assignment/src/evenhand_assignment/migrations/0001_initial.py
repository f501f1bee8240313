"""The tables of the turns."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from evenhand.api import RunSQL, ScopeTables, current_tenant, uuid7


class Migration(migrations.Migration):
    dependencies = [("core", "0002_guards")]

    initial = True

    operations = [
        ops.CreateModel(
            name="TurnGroup",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("entity", fields.CharField(max_length=64)),
                ("dealt", fields.BigIntField(default=0)),
            ],
            options={
                "table": "evenhand_assignment_groups",
                "app": "assignment",
                "unique_together": (("tenant_id", "entity"),),
                "pk_attr": "id",
                "table_description": "The turns of one kind of record. Its row is locked by whoever deals, so that deals never overlap.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="UserTurn",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("entity", fields.CharField(max_length=64)),
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
                ("weight", fields.IntField()),
                ("credit", fields.BigIntField()),
                ("scale", fields.BigIntField()),
                ("received", fields.BigIntField()),
                ("in_turn", fields.BooleanField()),
            ],
            options={
                "table": "evenhand_assignment_turns",
                "app": "assignment",
                "unique_together": (("tenant_id", "entity", "user_id"),),
                "pk_attr": "id",
                "table_description": "Where one user stands in the turns of one kind of record.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["TurnGroup", "UserTurn"]),
        RunSQL(
            [
                "ALTER TABLE evenhand_assignment_turns ADD CONSTRAINT evenhand_assignment_turns_positive "
                "CHECK (weight > 0 AND scale > 0 AND received >= 0)",
            ],
            ["ALTER TABLE evenhand_assignment_turns DROP CONSTRAINT evenhand_assignment_turns_positive"],
        ),
    ]
