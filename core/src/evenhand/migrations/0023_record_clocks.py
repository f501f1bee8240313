"""What last happened to each record, holidays, protections and extensions."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.ownership.clocks.models import ExtensionState, HolidayKind
from evenhand.tenancy.context import current_tenant

# What happened before there were clocks counts too. Tenant by tenant, since row level security may bind the owner.
BACKFILL = """
DO $backfill$
DECLARE company uuid; moment timestamptz := now();
BEGIN
FOR company IN SELECT id FROM tenants ORDER BY id LOOP
PERFORM set_config('app.tenant', company::text, true);
INSERT INTO record_clocks (tenant_id, id, entity, record_id, kind, last_at)
SELECT company, md5(found.entity || found.record_id || found.kind)::uuid, found.* FROM (
SELECT t.entity, t.record_id, a.kind, max(a.occurred_at) AS at
FROM activities AS a
LEFT JOIN contacts AS c ON c.tenant_id = company AND c.id = a.contact_id
LEFT JOIN opportunities AS o ON o.tenant_id = company AND o.id = a.opportunity_id

CROSS JOIN LATERAL (
    SELECT DISTINCT concerned.* FROM (VALUES
        ('Account', a.account_id), ('Account', c.account_id), ('Account', o.account_id),
        ('Lead', a.lead_id), ('Opportunity', a.opportunity_id)
    ) AS concerned (entity, record_id) WHERE concerned.record_id IS NOT NULL
) AS t

WHERE a.tenant_id = company AND a.archived_at IS NULL AND a.occurred_at <= moment
GROUP BY t.entity, t.record_id, a.kind
UNION ALL
SELECT t.entity, t.record_id, 'stage' AS kind, max(step.changed_at) AS at
FROM opportunities AS o
JOIN stage_changes AS step ON step.tenant_id = company AND step.opportunity_id = o.id AND step.from_stage_id IS NOT NULL
JOIN stages AS s ON s.tenant_id = company AND s.id = step.to_stage_id AND s.kind <> 'lost'
CROSS JOIN LATERAL (VALUES ('Opportunity', o.id), ('Account', o.account_id)) AS t (entity, record_id)
WHERE o.tenant_id = company AND o.archived_at IS NULL AND step.changed_at <= moment AND t.record_id IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM stage_changes AS earlier
        JOIN stages AS there ON there.tenant_id = company AND there.id = earlier.to_stage_id
        WHERE earlier.tenant_id = company AND earlier.opportunity_id = o.id
            AND (earlier.changed_at, earlier.id) < (step.changed_at, step.id)
            AND there.pipeline_id = s.pipeline_id AND there.position >= s.position AND there.kind <> 'lost'
    )
GROUP BY t.entity, t.record_id
UNION ALL
SELECT t.entity, t.record_id, 'deal' AS kind, max(won.at) AS at
FROM (
    SELECT o.id AS opportunity_id, o.account_id,
        least(o.stage_entered_at, o.closed_on::timestamp AT TIME ZONE own.time_zone) AS at
    FROM opportunities AS o
    JOIN stages AS s ON s.tenant_id = company AND s.id = o.stage_id AND s.kind = 'won'
    JOIN tenants AS own ON own.id = company
    WHERE o.tenant_id = company AND o.archived_at IS NULL
    UNION ALL
    SELECT sale.opportunity_id, sale.account_id,
        CASE WHEN sale.placed_on::timestamp AT TIME ZONE own.time_zone <= moment
            THEN sale.placed_on::timestamp AT TIME ZONE own.time_zone ELSE sale.created_at END
    FROM orders AS sale JOIN tenants AS own ON own.id = company
    WHERE sale.tenant_id = company AND sale.archived_at IS NULL AND sale.kind IN ('contract', 'order')
        AND sale.status IN ('accepted', 'fulfilled')
) AS won
CROSS JOIN LATERAL (VALUES ('Opportunity', won.opportunity_id), ('Account', won.account_id)) AS t (entity, record_id)
WHERE t.record_id IS NOT NULL AND won.at <= moment
GROUP BY t.entity, t.record_id
UNION ALL
SELECT 'Lead', entry.record_id, 'stage', max(entry.occurred_at)
FROM audit_entries AS entry
WHERE entry.tenant_id = company AND entry.entity = 'Lead' AND entry.before ? 'status' AND entry.after ? 'status'
    AND array_position(ARRAY['new', 'nurturing', 'working', 'converted'], entry.after ->> 'status')
        > coalesce(array_position(ARRAY['new', 'nurturing', 'working', 'converted'], entry.before ->> 'status'), 0)
GROUP BY entry.record_id
) AS found (entity, record_id, kind, at);
END LOOP;
PERFORM set_config('app.tenant', '', true);
END
$backfill$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0022_conflicts")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ExtensionRequest",
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
                ("held_since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("days", fields.IntField()),
                ("reason", fields.CharField(max_length=500)),
                (
                    "state",
                    fields.CharEnumField(
                        default=ExtensionState.PENDING,
                        description="PENDING: pending\nAPPROVED: approved\nREJECTED: rejected\nCANCELLED: cancelled",
                        enum_type=ExtensionState,
                        max_length=32,
                    ),
                ),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "decider",
                    fields.ForeignKeyField(
                        "core.User",
                        source_field="decider_id",
                        null=True,
                        db_constraint=False,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("note", fields.CharField(null=True, max_length=500)),
                ("extended_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "extension_requests",
                "app": "core",
                "indexes": [
                    Index(fields=["tenant_id", "record_id", "held_since"]),
                    Index(fields=["tenant_id", "state", "id"]),
                ],
                "pk_attr": "id",
                "table_description": "A holder's wish to keep a record longer, and what came of it.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="Holiday",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("custom", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("day", fields.DateField()),
                ("name", fields.CharField(max_length=300)),
                (
                    "kind",
                    fields.CharEnumField(
                        default=HolidayKind.HOLIDAY,
                        description="HOLIDAY: holiday\nWORKING: working",
                        enum_type=HolidayKind,
                        max_length=32,
                    ),
                ),
                ("country", fields.CharField(null=True, max_length=100)),
            ],
            options={
                "table": "holidays",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "day"])],
                "pk_attr": "id",
                "table_description": "A day that is not worked although the week says so, or the other way round.",
            },
            bases=["RecordModel"],
        ),
        ops.CreateModel(
            name="RecordClock",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
                ("kind", fields.CharField(max_length=32)),
                ("last_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "record_clocks",
                "app": "core",
                "unique_together": (("tenant_id", "entity", "record_id", "kind"),),
                "pk_attr": "id",
                "table_description": "When something of one kind last happened to a record: what rules count from. Facts only, never deadlines.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="RecordProtection",
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
                ("held_since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "record_protections",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "record_id", "held_since"])],
                "pk_attr": "id",
                "table_description": "A record that its holder keeps from being reclaimed for a while.",
            },
            bases=["TenantModel"],
        ),
        ScopeTables(["ExtensionRequest", "Holiday", "RecordClock", "RecordProtection"]),
        RunSQL(
            [
                "ALTER TABLE record_protections ADD CONSTRAINT record_protections_order CHECK (until > started_at)",
                # Activities that were noted before they happened; they count when their time has come.
                "CREATE INDEX activities_planned ON activities (tenant_id, occurred_at) "
                "WHERE occurred_at > updated_at AND archived_at IS NULL",
                "CREATE UNIQUE INDEX extension_requests_one_pending ON extension_requests (tenant_id, record_id) "
                "WHERE state = 'pending'",
                BACKFILL,
            ],
            [
                "DROP INDEX extension_requests_one_pending",
                "DROP INDEX activities_planned",
                "ALTER TABLE record_protections DROP CONSTRAINT record_protections_order",
            ],
        ),
    ]
