"""Turns of each policy on their own."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from evenhand.api import RunSQL

TABLES = ("evenhand_assignment_groups", "evenhand_assignment_turns")


class Migration(migrations.Migration):
    dependencies = [("assignment", "0001_initial")]

    operations = [
        ops.RemoveConstraint(model_name="TurnGroup", name=None, fields=["tenant_id", "entity"]),
        ops.AlterModelOptions(
            name="TurnGroup",
            options={
                "table": "evenhand_assignment_groups",
                "app": "assignment",
                "unique_together": (("tenant_id", "entity", "policy"),),
                "pk_attr": "id",
                "table_description": "The turns of one kind of record under one policy. Whoever deals locks its row, so that deals never overlap.",
            },
        ),
        ops.AddField(
            model_name="TurnGroup",
            name="policy",
            field=fields.CharField(default="round_robin", db_default="round_robin", max_length=40),
        ),
        ops.AddConstraint(
            model_name="TurnGroup",
            constraint=UniqueConstraint(fields=("tenant_id", "entity", "policy"), name=None),
        ),
        ops.RemoveConstraint(model_name="UserTurn", name=None, fields=["tenant_id", "entity", "user_id"]),
        ops.AlterModelOptions(
            name="UserTurn",
            options={
                "table": "evenhand_assignment_turns",
                "app": "assignment",
                "unique_together": (("tenant_id", "entity", "policy", "user_id"),),
                "pk_attr": "id",
                "table_description": "Where one user stands in the turns of one kind of record under one policy.",
            },
        ),
        ops.AddField(
            model_name="UserTurn",
            name="policy",
            field=fields.CharField(default="round_robin", db_default="round_robin", max_length=40),
        ),
        ops.AddConstraint(
            model_name="UserTurn",
            constraint=UniqueConstraint(fields=("tenant_id", "entity", "policy", "user_id"), name=None),
        ),
        RunSQL(
            [],
            # Without the column only the usual policy's turns have a place. The owner of a table is held to row level
            # security here, and no tenant is set.
            [
                statement
                for table in TABLES
                for statement in (
                    f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
                    f"DELETE FROM {table} WHERE policy <> 'round_robin'",
                    f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
                )
            ],
        ),
    ]
