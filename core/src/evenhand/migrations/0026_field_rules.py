"""Rules about fields, masks, and the right to export."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.entities.enums import FieldEffect
from evenhand.tenancy.context import Role, current_tenant

# The same rules as in evenhand.auth.fields.masking; a test compares them.
MASK = """
CREATE FUNCTION evenhand_mask(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
    SELECT CASE
        WHEN strpos(kept.text, '@') > 0
            THEN CASE WHEN left(kept.text, 1) = '@' THEN '' ELSE left(kept.text, 1) END || '***'
                || right(kept.text, strpos(reverse(kept.text), '@'))
        WHEN kept.text ~ '^[+]?[0-9 ()./-]{7,}$' AND length(kept.digits) >= 7
            THEN CASE WHEN left(kept.text, 1) = '+' THEN '+' ELSE '' END
                || left(kept.digits, CASE WHEN length(kept.digits) >= 11 THEN 3 ELSE 2 END) || '****'
                || right(kept.digits, CASE WHEN length(kept.digits) >= 11 THEN 4 ELSE 2 END)
        WHEN length(kept.text) <= 3 THEN '***'
        ELSE left(kept.text, 1) || '***' || right(kept.text, 1)
    END
    FROM (SELECT btrim(value) AS text, regexp_replace(value, '[^0-9]', '', 'g') AS digits) AS kept
$body$
"""

MASK_MEMBERS = """
CREATE FUNCTION evenhand_mask_members(value jsonb, masked text[], hidden text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$
    SELECT CASE WHEN jsonb_typeof(value) <> 'object' THEN value ELSE (
        SELECT coalesce(jsonb_object_agg(pair.key, CASE
            WHEN pair.key = ANY (hidden) THEN 'null'::jsonb
            WHEN pair.key = ANY (masked) AND jsonb_typeof(pair.value) = 'string'
                THEN to_jsonb(evenhand_mask(pair.value #>> '{}'))
            WHEN pair.key = ANY (masked) THEN 'null'::jsonb
            ELSE pair.value
        END), '{}'::jsonb)
        FROM jsonb_each(value) AS pair
    ) END
$body$
"""

DEFAULTS = """
INSERT INTO field_rules (id, tenant_id, created_at, updated_at, version, custom, entity, field, role, effect, only_in_pool)
SELECT gen_random_uuid(), tenants.id, now(), now(), 1, '{}', rule.entity, rule.field, 'rep', 'mask', true
FROM tenants CROSS JOIN (VALUES
    ('Account', 'phone'), ('Lead', 'phone'), ('Lead', 'email'), ('Lead', 'wechat'), ('ContactChannel', 'value')
) AS rule (entity, field)
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0025_audit_redaction")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ExportRight",
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
                        null=True,
                        description="ADMIN: admin\nMANAGER: manager\nREP: rep\nREAD_ONLY: read_only",
                        enum_type=Role,
                        max_length=32,
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
                ("entity", fields.CharField(null=True, max_length=64)),
                ("allowed", fields.BooleanField(default=True)),
                ("note", fields.CharField(null=True, max_length=300)),
            ],
            options={
                "table": "export_rights",
                "app": "core",
                "pk_attr": "id",
                "table_description": "Whether a role or a user may take records out as a file; what says more exactly for whom and of what counts.",
            },
            bases=["RecordModel"],
        ),
        ops.CreateModel(
            name="FieldRule",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("version", fields.IntField(default=1)),
                ("archived_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("custom", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("entity", fields.CharField(max_length=64)),
                ("field", fields.CharField(max_length=64)),
                (
                    "role",
                    fields.CharEnumField(
                        description="ADMIN: admin\nMANAGER: manager\nREP: rep\nREAD_ONLY: read_only",
                        enum_type=Role,
                        max_length=32,
                    ),
                ),
                (
                    "effect",
                    fields.CharEnumField(
                        default=FieldEffect.MASK,
                        description="HIDE: hide\nMASK: mask",
                        enum_type=FieldEffect,
                        max_length=32,
                    ),
                ),
                ("only_in_pool", fields.BooleanField(default=True)),
            ],
            options={
                "table": "field_rules",
                "app": "core",
                "unique_together": (("tenant_id", "entity", "field", "role"),),
                "pk_attr": "id",
                "table_description": "What a role does not see of one field.",
            },
            bases=["RecordModel"],
        ),
        RunSQL(
            [MASK, MASK_MEMBERS, DEFAULTS],
            [
                "DROP FUNCTION evenhand_mask_members(jsonb, text[], text[])",
                "DROP FUNCTION evenhand_mask(text)",
            ],
        ),
        ScopeTables(["ExportRight", "FieldRule"]),
    ]
