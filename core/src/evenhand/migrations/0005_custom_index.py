"""An index over values of custom fields, kept for the fields for which it is switched on."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from uuid_utils.compat import uuid7

from evenhand.db.operations import RunSQL, ScopeTables
from evenhand.tenancy.context import current_tenant


class Migration(migrations.Migration):
    dependencies = [("core", "0004_live")]

    operations = [
        ops.CreateModel(
            name="CustomValue",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ("tenant_id", fields.UUIDField(default=current_tenant)),
                ("entity", fields.CharField(max_length=64)),
                ("key", fields.CharField(max_length=64)),
                ("record_id", fields.UUIDField()),
                ("text_key", fields.TextField(null=True, unique=False)),
                ("number_key", fields.FloatField(null=True)),
            ],
            options={
                "table": "custom_values",
                "app": "core",
                "indexes": [Index(fields=["tenant_id", "record_id"])],
                "pk_attr": "id",
                "table_description": "The start of one record's value of an indexed custom field, as the index orders it.",
            },
            bases=["TenantModel"],
        ),
        ops.AddField(
            model_name="CustomField",
            name="indexed",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ScopeTables(["CustomValue"]),
        RunSQL(
            [
                # What does not look like a number has no value; so that a field whose type was changed breaks nothing.
                "CREATE FUNCTION evenhand_number(value text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$ "
                "SELECT CASE WHEN length(value) <= 300 "
                "AND value ~ '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$' THEN value::numeric END $body$",
                # Orders as the numbers do, also those that no floating-point number can hold.
                "CREATE FUNCTION evenhand_number_key(value numeric) RETURNS double precision "
                "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$ "
                "SELECT CASE WHEN value > 1e300 THEN 'Infinity'::double precision "
                "WHEN value < -1e300 THEN '-Infinity'::double precision "
                "WHEN abs(value) < 1e-300 THEN 0 ELSE value::double precision END $body$",
                'CREATE INDEX custom_values_by_text ON custom_values (tenant_id, entity, key, text_key COLLATE "C", record_id)',
                "CREATE INDEX custom_values_by_number ON custom_values (tenant_id, entity, key, number_key, record_id) "
                "WHERE number_key IS NOT NULL",
            ],
            [
                "DROP INDEX custom_values_by_number",
                "DROP INDEX custom_values_by_text",
                "DROP FUNCTION evenhand_number_key(numeric)",
                "DROP FUNCTION evenhand_number(text)",
            ],
        ),
    ]
