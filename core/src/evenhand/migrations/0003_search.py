"""What searches look through: one entry per searchable record, and the way to it under row level security."""

from tortoise import migrations

from evenhand.db.config import APP_ROLE
from evenhand.db.operations import TENANT_SETTING, RunSQL

FUNCTION = f"""
CREATE FUNCTION evenhand_search(
    kinds text[], grams_wanted text, phrase text, words text[], number text
) RETURNS TABLE (id uuid, entity text, title text, archived boolean, rank integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    SELECT entry.id, entry.entity, entry.title, entry.archived, found.rank
    FROM search_entries AS entry
    CROSS JOIN LATERAL (
        SELECT least(
            CASE
                WHEN strpos(entry.names, E'\\n' || phrase || E'\\n') > 0 THEN 0
                WHEN strpos(entry.names, E'\\n' || phrase) > 0 THEN 1
            END,
            (
                SELECT max(
                    CASE
                        WHEN strpos(entry.names, E'\\n' || word || E'\\n') > 0 THEN 0
                        WHEN strpos(entry.names, E'\\n' || word) > 0 THEN 1
                        WHEN strpos(entry.names, ' ' || word) > 0 THEN 2
                        WHEN strpos(entry.names, word) > 0 THEN 3
                        WHEN strpos(entry.texts, E'\\n' || word || E'\\n') > 0 THEN 4
                        WHEN strpos(entry.texts, E'\\n' || word) > 0 THEN 5
                        WHEN strpos(entry.texts, ' ' || word) > 0 THEN 6
                        WHEN strpos(entry.texts, word) > 0 THEN 7
                        ELSE 99
                    END
                )
                FROM unnest(words) AS word
            ),
            CASE
                WHEN strpos(entry.texts, E'\\n' || number || E'\\n') > 0 THEN 4
                WHEN strpos(entry.texts, number || E'\\n') > 0 THEN 6
                WHEN strpos(entry.texts, number) > 0 OR strpos(entry.names, number) > 0 THEN 7
            END
        ) AS rank
    ) AS found
    WHERE entry.tenant_id = {TENANT_SETTING}
      AND entry.entity = ANY (kinds)
      AND entry.grams @@ grams_wanted::tsquery
      AND found.rank < 99
$body$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0002_guards")]

    operations = [
        RunSQL(
            # Under row level security no operator of this index could be used before every row was checked. So the
            # owner is not forced, and the function, which runs as the owner, keeps to the tenant itself.
            [
                "CREATE TABLE search_entries ("
                "tenant_id uuid NOT NULL REFERENCES tenants (id), id uuid NOT NULL, entity text NOT NULL, "
                "title text NOT NULL, archived boolean NOT NULL, names text NOT NULL, texts text NOT NULL, "
                "grams tsvector NOT NULL, PRIMARY KEY (tenant_id, id))",
                "CREATE INDEX search_entries_grams ON search_entries USING gin (grams) WITH (gin_pending_list_limit = 512)",
                "ALTER TABLE search_entries ENABLE ROW LEVEL SECURITY",
                f"CREATE POLICY tenant_only ON search_entries USING (tenant_id = {TENANT_SETTING}) "
                f"WITH CHECK (tenant_id = {TENANT_SETTING})",
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON search_entries TO {APP_ROLE}",
                FUNCTION,
                "REVOKE ALL ON FUNCTION evenhand_search(text[], text, text, text[], text) FROM PUBLIC",
                f"GRANT EXECUTE ON FUNCTION evenhand_search(text[], text, text, text[], text) TO {APP_ROLE}",
            ],
            ["DROP FUNCTION evenhand_search(text[], text, text, text[], text)", "DROP TABLE search_entries"],
        ),
    ]
