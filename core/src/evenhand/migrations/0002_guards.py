"""What the models cannot say: checks, partial uniqueness, and the way into the tenants' own table."""

from tortoise import migrations

from evenhand.db.config import APP_ROLE
from evenhand.db.operations import TENANT_SETTING, RunSQL, require_one_holder

TAGGED = ("account", "contact", "lead", "opportunity")


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        *(require_one_holder(table) for table in ("accounts", "leads", "opportunities")),
        RunSQL(
            [
                "ALTER TABLE ownership_entries ADD CONSTRAINT ownership_entries_one_holder "
                "CHECK (num_nonnulls(owner_id, pool_id) = 1)",
                "ALTER TABLE taggings ADD CONSTRAINT taggings_one_record "
                "CHECK (num_nonnulls(account_id, contact_id, lead_id, opportunity_id) = 1)",
                "CREATE UNIQUE INDEX pools_one_default ON pools (tenant_id) WHERE is_default",
                "CREATE UNIQUE INDEX pipelines_one_default ON pipelines (tenant_id) WHERE is_default",
                *(
                    f"CREATE UNIQUE INDEX taggings_{name}_once ON taggings (tenant_id, tag_id, {name}_id) "
                    f"WHERE {name}_id IS NOT NULL"
                    for name in TAGGED
                ),
            ],
            [
                *(f"DROP INDEX taggings_{name}_once" for name in TAGGED),
                "DROP INDEX pipelines_one_default",
                "DROP INDEX pools_one_default",
                "ALTER TABLE taggings DROP CONSTRAINT taggings_one_record",
                "ALTER TABLE ownership_entries DROP CONSTRAINT ownership_entries_one_holder",
            ],
        ),
        RunSQL(
            # A tenant sees itself only. The owner is not forced, so that the function below, which runs as
            # the owner, can turn a slug into an id; it tells nothing else.
            [
                "ALTER TABLE tenants ENABLE ROW LEVEL SECURITY",
                f"CREATE POLICY tenant_only ON tenants USING (id = {TENANT_SETTING}) WITH CHECK (id = {TENANT_SETTING})",
                f"GRANT SELECT, INSERT, UPDATE ON tenants TO {APP_ROLE}",
                "CREATE FUNCTION evenhand_tenant_id(wanted text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER "
                "SET search_path = public, pg_temp AS 'SELECT id FROM tenants WHERE slug = wanted'",
                "REVOKE ALL ON FUNCTION evenhand_tenant_id(text) FROM PUBLIC",
                f"GRANT EXECUTE ON FUNCTION evenhand_tenant_id(text) TO {APP_ROLE}",
            ],
            [
                "DROP FUNCTION evenhand_tenant_id(text)",
                f"REVOKE ALL ON tenants FROM {APP_ROLE}",
                "DROP POLICY tenant_only ON tenants",
                "ALTER TABLE tenants DISABLE ROW LEVEL SECURITY",
            ],
        ),
    ]
