"""Open tickets go along in hand-overs, too, and work that is about no record goes to a superior."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

from evenhand.db.operations import RunSQL


class Migration(migrations.Migration):
    dependencies = [("core", "0028_signals")]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name="HandoverTask",
            options={
                "table": "handover_tasks",
                "app": "core",
                "unique_together": (("tenant_id", "handover_id", "task_id"), ("tenant_id", "handover_id", "ticket_id")),
                "pk_attr": "id",
                "table_description": "An open task or ticket that went along with its record, or to a superior: exactly one of `task` and `ticket`.",
            },
        ),
        ops.AlterField(
            model_name="HandoverTask",
            name="record_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AlterField(
            model_name="HandoverTask",
            name="task",
            field=fields.ForeignKeyField(
                "core.Task",
                source_field="task_id",
                null=True,
                db_constraint=False,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ops.AddField(
            model_name="HandoverTask",
            name="ticket",
            field=fields.ForeignKeyField(
                "core.Ticket",
                source_field="ticket_id",
                null=True,
                db_constraint=False,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ops.AddConstraint(
            model_name="HandoverTask",
            constraint=UniqueConstraint(fields=("tenant_id", "handover_id", "ticket_id"), name=None),
        ),
        RunSQL(
            [
                'ALTER TABLE "handover_tasks" ADD CONSTRAINT "handover_tasks_ticket_id_fk" '
                "FOREIGN KEY (tenant_id, ticket_id) REFERENCES tickets (tenant_id, id)",
                'CREATE INDEX "handover_tasks_ticket_id_idx" ON "handover_tasks" (tenant_id, ticket_id)',
                'ALTER TABLE "handover_tasks" ADD CONSTRAINT "handover_tasks_one" '
                "CHECK (num_nonnulls(task_id, ticket_id) = 1)",
            ],
            [
                'ALTER TABLE "handover_tasks" DROP CONSTRAINT "handover_tasks_one"',
                'DROP INDEX "handover_tasks_ticket_id_idx"',
                'ALTER TABLE "handover_tasks" DROP CONSTRAINT "handover_tasks_ticket_id_fk"',
                'DELETE FROM "handover_tasks" WHERE task_id IS NULL OR record_id IS NULL',
            ],
        ),
    ]
