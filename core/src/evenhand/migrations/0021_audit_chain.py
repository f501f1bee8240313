"""The chain over journal and ledger: what waits to be sealed, the seals, and what came of looking at them."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.audit.models import ChainProblem, SealKind
from evenhand.db.config import APP_ROLE
from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.tenancy.context import current_tenant

# The canonical text of an entry is its kind and a JSON object in the order and spelling of jsonb, without the columns
# that are null: a column that is added later leaves the digests of old entries as they are. The journal's is put
# together by hand since that is three times as fast. Times are in the time zone of the session, which is UTC.
AUDIT = """
CREATE FUNCTION evenhand_audit_content(e audit_entries) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT 'audit {"id": "' || e.id || '", "via": ' || to_json(e.via) || ', "salt": "' || e.salt || '"'
        || coalesce(', "after": ' || e.after::text, '')
        || ', "action": ' || to_json(e.action)
        || coalesce(', "before": ' || e.before::text, '')
        || ', "entity": ' || to_json(e.entity)
        || coalesce(', "user_id": "' || e.user_id || '"', '')
        || ', "record_id": "' || e.record_id || '", "tenant_id": "' || e.tenant_id
        || '", "occurred_at": ' || to_json(e.occurred_at) || '}'
$function$
"""
OTHERS = (
    ("ledger", "ownership_entries"),
    ("redaction", "audit_redactions"),
    ("retention", "audit_retentions"),
)
KINDS = (("audit", "audit_entries"), *OTHERS)
CONTENT = """
CREATE FUNCTION evenhand_{kind}_content(e {table}) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT '{kind} ' || jsonb_strip_nulls(to_jsonb(e))::text $$
"""
LINK = """
CREATE FUNCTION evenhand_chain_link(state bytea, start bytea, number bigint, digest bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
$$ BEGIN RETURN sha256(coalesce(state, start) || int8send(number) || digest); END $$
"""
NOTE = """
CREATE FUNCTION evenhand_note_unsealed() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    INSERT INTO audit_pending (id, tenant_id, kind, entries, many)
    SELECT gen_random_uuid(), tenant_id, TG_ARGV[0], jsonb_agg(id ORDER BY id), count(*) FROM fresh GROUP BY tenant_id;
    RETURN NULL;
END
$function$
"""
# It tells ids only, and jumps along the index from one tenant to the next.
UNSEALED = """
CREATE FUNCTION evenhand_unsealed_tenants() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $function$
    WITH RECURSIVE waiting AS (
        (SELECT tenant_id FROM audit_pending ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT p.tenant_id FROM audit_pending AS p WHERE p.tenant_id > w.tenant_id ORDER BY p.tenant_id LIMIT 1)
        FROM waiting AS w WHERE w.tenant_id IS NOT NULL
    )
    SELECT tenant_id FROM waiting WHERE tenant_id IS NOT NULL
$function$
"""


def _what_there_is(kind: str, table: str) -> list[str]:
    """Have the entries that were written before the chain wait to be sealed, a thousand in a row, the oldest first."""
    return [
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"""
        INSERT INTO audit_pending (id, tenant_id, kind, entries, many)
        SELECT gen_random_uuid(), tenant_id, '{kind}', jsonb_agg(id ORDER BY id), count(*)
        FROM (SELECT tenant_id, id, (row_number() OVER (PARTITION BY tenant_id ORDER BY id) - 1) / 1000 AS part
              FROM {table}) AS entry
        GROUP BY tenant_id, part ORDER BY tenant_id, part
        """,
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    ]


class Migration(migrations.Migration):
    dependencies = [("core", "0020_visibility")]

    initial = False

    operations = [
        RunSQL(
            [
                "CREATE SEQUENCE audit_pending_sequence AS bigint",
                f"GRANT USAGE ON SEQUENCE audit_pending_sequence TO {APP_ROLE}",
            ],
            ["DROP SEQUENCE audit_pending_sequence"],
        ),
        ops.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("number", fields.BigIntField()),
                ("hash", fields.CharField(max_length=64)),
                ("taken_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("user_id", fields.UUIDField(null=True)),
            ],
            options={
                "table": "audit_checkpoints",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "number"])],
                "pk_attr": "id",
                "table_description": "A link of the chain at a moment; the copy that is kept elsewhere shows when the chain was cut or rewritten.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AuditHead",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("number", fields.BigIntField(default=0)),
                ("hash", fields.BinaryField()),
                ("sealed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "audit_heads",
                "app": "core",
                "pk_attr": "id",
                "table_description": "Where a tenant's chain ends; whoever seals holds its row. Its id is the tenant's.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AuditPending",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="AUDIT: audit\nLEDGER: ledger\nREDACTION: redaction\nRETENTION: retention",
                        enum_type=SealKind,
                        max_length=32,
                    ),
                ),
                ("entries", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("many", fields.IntField()),
                ("sequence", fields.BigIntField(db_default=SqlDefault("nextval('audit_pending_sequence')"))),
            ],
            options={
                "table": "audit_pending",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "sequence"])],
                "pk_attr": "id",
                "table_description": "Entries of one statement that are not sealed yet; a trigger writes it together with them.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AuditRedaction",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                (
                    "entry_kind",
                    fields.CharEnumField(
                        description="AUDIT: audit\nLEDGER: ledger\nREDACTION: redaction\nRETENTION: retention",
                        enum_type=SealKind,
                        max_length=32,
                    ),
                ),
                ("entry_id", fields.UUIDField()),
                ("entity", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
                ("redacted", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("reason", fields.CharField(max_length=500)),
                ("user_id", fields.UUIDField(null=True)),
                ("via", fields.CharField(max_length=64)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("old_digest", fields.CharField(max_length=64)),
                ("new_digest", fields.CharField(max_length=64)),
                ("salt", fields.UUIDField(db_default=SqlDefault("gen_random_uuid()"))),
            ],
            options={
                "table": "audit_redactions",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "entry_id"])],
                "pk_attr": "id",
                "table_description": "Personal data was taken out of one entry: from which digest to which, by whom and why.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AuditRetention",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("since_number", fields.BigIntField()),
                ("up_to_number", fields.BigIntField()),
                ("removed", fields.IntField()),
                ("older_than", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("salt", fields.UUIDField(db_default=SqlDefault("gen_random_uuid()"))),
            ],
            options={
                "table": "audit_retentions",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "up_to_number"])],
                "pk_attr": "id",
                "table_description": "Entries of the journal that were older than the tenant keeps them were removed; their seals stay.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AuditSeal",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("number", fields.BigIntField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="AUDIT: audit\nLEDGER: ledger\nREDACTION: redaction\nRETENTION: retention",
                        enum_type=SealKind,
                        max_length=32,
                    ),
                ),
                ("digest", fields.BinaryField()),
                ("hash", fields.BinaryField()),
            ],
            options={
                "table": "audit_seals",
                "app": "core",
                "unique_together": (("tenant_id", "number"),),
                "pk_attr": "id",
                "table_description": "One link of a tenant's chain; its id is that of the entry it seals, so none is sealed twice.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AuditSettings",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("keep_days", fields.IntField(null=True)),
            ],
            options={
                "table": "audit_settings",
                "app": "core",
                "unique_together": (("tenant_id",),),
                "pk_attr": "id",
                "table_description": "How long a tenant keeps its journal; without a row, for ever.",
            },
            bases=["TenantModel"],
        ),
        ops.CreateModel(
            name="AuditVerification",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("from_number", fields.BigIntField()),
                ("to_number", fields.BigIntField()),
                ("checked", fields.BigIntField()),
                ("verified_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("duration_ms", fields.IntField()),
                (
                    "problem",
                    fields.CharEnumField(
                        null=True,
                        description="CHANGED: changed\nMISSING: missing\nEXTRA: extra\nCHAIN: chain",
                        enum_type=ChainProblem,
                        max_length=32,
                    ),
                ),
                ("number", fields.BigIntField(null=True)),
                (
                    "kind",
                    fields.CharEnumField(
                        null=True,
                        description="AUDIT: audit\nLEDGER: ledger\nREDACTION: redaction\nRETENTION: retention",
                        enum_type=SealKind,
                        max_length=32,
                    ),
                ),
                ("entry_id", fields.UUIDField(null=True)),
                ("message", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "audit_verifications",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "verified_at"])],
                "pk_attr": "id",
                "table_description": "What came of one verification of the chain.",
            },
            bases=["TenantModel"],
        ),
        ops.AddField(
            model_name="AuditEntry",
            name="salt",
            field=fields.UUIDField(db_default=SqlDefault("gen_random_uuid()")),
        ),
        ops.AddField(
            model_name="OwnershipEntry",
            name="salt",
            field=fields.UUIDField(db_default=SqlDefault("gen_random_uuid()")),
        ),
        # Before its table is secured: the owner of the tables is held to row level security like everybody.
        RunSQL([statement for kind in KINDS[:2] for statement in _what_there_is(*kind)], []),
        ScopeTables(
            [
                "AuditCheckpoint",
                "AuditHead",
                "AuditPending",
                "AuditRedaction",
                "AuditRetention",
                "AuditSeal",
                "AuditSettings",
                "AuditVerification",
            ],
            append_only=["AuditCheckpoint", "AuditRedaction", "AuditRetention", "AuditSeal", "AuditVerification"],
        ),
        RunSQL(
            [
                AUDIT,
                *(CONTENT.format(kind=kind, table=table) for kind, table in OTHERS),
                *(
                    f"CREATE FUNCTION evenhand_{kind}_digest(e {table}) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE "
                    f"AS 'SELECT sha256(convert_to(evenhand_{kind}_content(e), ''UTF8''))'"
                    for kind, table in KINDS
                ),
                LINK,
                "CREATE AGGREGATE evenhand_chain(bytea, bigint, bytea) (sfunc = evenhand_chain_link, stype = bytea)",
                NOTE,
                *(
                    f"CREATE TRIGGER note_unsealed AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION evenhand_note_unsealed('{kind}')"
                    for kind, table in KINDS
                ),
                # The table is a queue: most rows live for a second.
                "ALTER TABLE audit_pending SET (autovacuum_vacuum_scale_factor = 0.0, "
                "autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0)",
                # The function below runs as the owner of the tables, who may see which rows there are.
                "CREATE POLICY finding_unsealed ON audit_pending FOR SELECT TO CURRENT_USER USING (true)",
                UNSEALED,
                "REVOKE ALL ON FUNCTION evenhand_unsealed_tenants() FROM PUBLIC",
                f"GRANT EXECUTE ON FUNCTION evenhand_unsealed_tenants() TO {APP_ROLE}",
                "ALTER TABLE audit_settings ADD CONSTRAINT audit_settings_not_short CHECK (keep_days >= 30)",
            ],
            [
                "ALTER TABLE audit_settings DROP CONSTRAINT audit_settings_not_short",
                "DROP FUNCTION evenhand_unsealed_tenants()",
                "DROP POLICY finding_unsealed ON audit_pending",
                *(f"DROP TRIGGER note_unsealed ON {table}" for _, table in KINDS),
                "DROP FUNCTION evenhand_note_unsealed()",
                "DROP AGGREGATE evenhand_chain(bytea, bigint, bytea)",
                "DROP FUNCTION evenhand_chain_link(bytea, bytea, bigint, bytea)",
                *(f"DROP FUNCTION evenhand_{kind}_digest({table})" for kind, table in KINDS),
                *(f"DROP FUNCTION evenhand_{kind}_content({table})" for kind, table in KINDS),
            ],
        ),
    ]
