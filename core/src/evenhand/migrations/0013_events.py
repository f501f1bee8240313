"""Order and cause of events, who subscribes to them, and what is still to be delivered."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.config import APP_ROLE
from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.events.models import DeliveryState
from evenhand.tenancy.context import current_tenant

# Which subscribers have something to do, over all tenants: it jumps along the index from one subscriber to the
# next, so that it costs nothing where nothing waits. It tells ids only.
DUE = """
CREATE FUNCTION evenhand_due_subscribers(kinds text[], moment timestamptz, most integer)
RETURNS TABLE (tenant_id uuid, subscriber_id uuid, kind text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $function$
    WITH RECURSIVE waiting AS (
        (SELECT d.tenant_id, d.subscriber_id FROM event_deliveries d WHERE d.state = 'pending'
         ORDER BY d.tenant_id, d.subscriber_id LIMIT 1)
        UNION ALL
        SELECT following.tenant_id, following.subscriber_id FROM waiting w CROSS JOIN LATERAL (
            SELECT d.tenant_id, d.subscriber_id FROM event_deliveries d
            WHERE d.state = 'pending' AND (d.tenant_id, d.subscriber_id) > (w.tenant_id, w.subscriber_id)
            ORDER BY d.tenant_id, d.subscriber_id LIMIT 1
        ) AS following
    )
    SELECT s.tenant_id, s.id, s.kind::text, s.name::text
    FROM waiting w JOIN event_subscribers s ON s.tenant_id = w.tenant_id AND s.id = w.subscriber_id
    WHERE s.active AND s.kind = ANY (kinds) AND (
        EXISTS (SELECT FROM event_deliveries d WHERE d.tenant_id = s.tenant_id AND d.subscriber_id = s.id
                AND d.state = 'pending' AND d.due_at IS NULL)
        OR EXISTS (SELECT FROM event_deliveries d WHERE d.tenant_id = s.tenant_id AND d.subscriber_id = s.id
                   AND d.state = 'pending' AND d.due_at <= moment)
    )
    LIMIT most
$function$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0012_suspension")]

    operations = [
        RunSQL(
            [
                "CREATE SEQUENCE outbox_events_sequence AS bigint",
                f"GRANT USAGE ON SEQUENCE outbox_events_sequence TO {APP_ROLE}",
            ],
            ["DROP SEQUENCE outbox_events_sequence"],
        ),
        ops.AddField(
            model_name="OutboxEvent",
            name="sequence",
            field=fields.BigIntField(db_default=SqlDefault("nextval('outbox_events_sequence')")),
        ),
        ops.AddField(model_name="OutboxEvent", name="cause", field=fields.UUIDField(null=True)),
        ops.AddField(
            model_name="OutboxEvent",
            name="depth",
            field=fields.SmallIntField(default=0, db_default=0),
        ),
        ops.CreateModel(
            name="EventSubscriber",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("kind", fields.CharField(max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("events", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("active", fields.BooleanField(default=True)),
                ("changed_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "event_subscribers",
                "app": "core",
                "unique_together": (("tenant_id", "kind", "name"),),
                "pk_attr": "id",
                "table_description": "Somebody to whom events are delivered: a plugin, a webhook endpoint, the automation.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="EventDelivery",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("event_id", fields.UUIDField()),
                ("subscriber_id", fields.UUIDField()),
                ("record_id", fields.UUIDField()),
                ("sequence", fields.BigIntField()),
                (
                    "state",
                    fields.CharEnumField(
                        default=DeliveryState.PENDING,
                        description="PENDING: pending\nDEAD: dead",
                        enum_type=DeliveryState,
                        max_length=32,
                    ),
                ),
                ("attempts", fields.SmallIntField(default=0)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_error", fields.TextField(null=True, unique=False)),
                ("failed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "event_deliveries",
                "app": "core",
                "pk_attr": "id",
                "table_description": "One event that one subscriber has not had yet.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["EventSubscriber", "EventDelivery"]),
        RunSQL(
            [
                "CREATE INDEX event_deliveries_due ON event_deliveries "
                "(tenant_id, subscriber_id, due_at NULLS FIRST, sequence) WHERE state = 'pending'",
                "CREATE INDEX event_deliveries_in_order ON event_deliveries "
                "(tenant_id, subscriber_id, record_id, sequence) WHERE state = 'pending'",
                "CREATE INDEX event_deliveries_dead ON event_deliveries "
                "(tenant_id, subscriber_id, failed_at, id) WHERE state = 'dead'",
                # The table is a queue: most rows live for moments.
                "ALTER TABLE event_deliveries SET (autovacuum_vacuum_scale_factor = 0.0, "
                "autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0, fillfactor = 90)",
                # The function below runs as the owner of the tables, who is held to row level security like everybody;
                # he may see which rows there are, not change them.
                "CREATE POLICY finding_due ON event_deliveries FOR SELECT TO CURRENT_USER USING (true)",
                "CREATE POLICY finding_due ON event_subscribers FOR SELECT TO CURRENT_USER USING (true)",
                DUE,
                "REVOKE ALL ON FUNCTION evenhand_due_subscribers(text[], timestamptz, integer) FROM PUBLIC",
                f"GRANT EXECUTE ON FUNCTION evenhand_due_subscribers(text[], timestamptz, integer) TO {APP_ROLE}",
            ],
            [
                "DROP FUNCTION evenhand_due_subscribers(text[], timestamptz, integer)",
                "DROP POLICY finding_due ON event_subscribers",
                "DROP POLICY finding_due ON event_deliveries",
                "DROP INDEX event_deliveries_dead",
                "DROP INDEX event_deliveries_in_order",
                "DROP INDEX event_deliveries_due",
            ],
        ),
    ]
