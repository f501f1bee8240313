"""Which records have a value of a custom field, by what the tenant declared the field to be."""

from tortoise import migrations

from evenhand.db.config import APP_ROLE
from evenhand.db.operations import TENANT_SETTING, RunSQL

SIGNATURE = "evenhand_custom(text, text, text, text, text[])"

FUNCTION = f"""
CREATE FUNCTION evenhand_custom(
    wanted_entity text, source text, wanted_key text, operator text, wanted text[]
) RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $body$
DECLARE
    tenant uuid := {TENANT_SETTING};
    field record;
    held text := '(t.custom ->> $2) COLLATE "C"';
    sign text := CASE operator WHEN 'lt' THEN '<' WHEN 'lte' THEN '<=' WHEN 'gt' THEN '>' WHEN 'gte' THEN '>=' END;
    test text;
    narrowed text := '';
    one text;
BEGIN
    SELECT f.type, f.options, f.indexed INTO field FROM custom_fields AS f
    WHERE f.tenant_id = tenant AND f.entity = wanted_entity AND f.key = wanted_key AND f.archived_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'EV001',
            MESSAGE = format('custom.%s: %s has no such custom field.', wanted_key, wanted_entity),
            HINT = (
                SELECT 'Defined: ' || coalesce(string_agg(f.key, ', ' ORDER BY f.key), 'none yet') || '.'
                FROM custom_fields AS f
                WHERE f.tenant_id = tenant AND f.entity = wanted_entity AND f.archived_at IS NULL
            );
    END IF;
    IF (operator IN ('contains', 'startsWith', 'endsWith') AND field.type NOT IN ('text', 'choice'))
        OR (sign IS NOT NULL AND field.type IN ('boolean', 'choice')) THEN
        RAISE EXCEPTION USING ERRCODE = 'EV001',
            MESSAGE = format('custom.%s: a %s cannot be compared by %s.', wanted_key, field.type, operator),
            HINT = 'Use eq, neq, in, notIn or isNull.';
    END IF;
    IF sign IS NOT NULL OR operator = 'in' THEN
        FOREACH one IN ARRAY wanted LOOP
            IF NOT (CASE field.type
                WHEN 'number' THEN evenhand_number(one) IS NOT NULL
                WHEN 'date' THEN one ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'
                WHEN 'boolean' THEN one IN ('true', 'false')
                WHEN 'choice' THEN field.options ? one
                ELSE true
            END) THEN
                RAISE EXCEPTION USING ERRCODE = 'EV001',
                    MESSAGE = format('custom.%s: %L is no %s.', wanted_key, one, field.type),
                    HINT = CASE field.type
                        WHEN 'number' THEN 'Give a number such as 12.5.'
                        WHEN 'date' THEN 'Give a date such as 2026-05-31.'
                        WHEN 'boolean' THEN 'Give true or false.'
                        ELSE 'Use one of: '
                            || (SELECT string_agg(word, ', ') FROM jsonb_array_elements_text(field.options) AS word) || '.'
                    END;
            END IF;
        END LOOP;
        IF field.type = 'number' THEN
            held := 'evenhand_number(t.custom ->> $2)';
        END IF;
        -- The index narrows down by what begins alike or is as near as a floating-point number can say.
        IF field.indexed THEN
            narrowed := CASE WHEN field.type = 'number' THEN 'v.number_key' ELSE 'v.text_key COLLATE "C"' END;
            narrowed := narrowed || CASE
                WHEN sign IS NULL AND field.type = 'number'
                THEN ' = ANY (ARRAY(SELECT evenhand_number_key(evenhand_number(w)) FROM unnest($3) AS w))'
                WHEN sign IS NULL THEN ' = ANY (ARRAY(SELECT left(w, 100) FROM unnest($3) AS w))'
                WHEN field.type = 'number' THEN format(' %s evenhand_number_key(evenhand_number($3[1]))', left(sign, 1) || '=')
                ELSE format(' %s left($3[1], 100)', left(sign, 1) || '=')
            END;
        END IF;
    END IF;
    test := CASE
        WHEN operator = 'isNotNull' THEN 't.custom ->> $2 IS NOT NULL'
        WHEN operator = 'in' AND field.type = 'number'
        THEN held || ' = ANY (ARRAY(SELECT evenhand_number(w) FROM unnest($3) AS w))'
        WHEN operator = 'in' THEN held || ' = ANY ($3)'
        WHEN sign IS NOT NULL AND field.type = 'number' THEN format('%s %s evenhand_number($3[1])', held, sign)
        WHEN sign IS NOT NULL THEN format('%s %s $3[1]', held, sign)
        ELSE 't.custom ->> $2 ILIKE $3[1]'
    END;
    IF narrowed = '' THEN
        RETURN QUERY EXECUTE format('SELECT t.id FROM %I AS t WHERE t.tenant_id = $1 AND %s', source, test)
        USING tenant, wanted_key, wanted;
    ELSE
        RETURN QUERY EXECUTE format(
            'SELECT t.id FROM custom_values AS v JOIN %I AS t ON t.tenant_id = $1 AND t.id = v.record_id '
            'WHERE v.tenant_id = $1 AND v.entity = $4 AND v.key = $2 AND %s AND %s',
            source, narrowed, test
        ) USING tenant, wanted_key, wanted, wanted_entity;
    END IF;
END
$body$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0006_merges_and_idempotency")]

    operations = [
        RunSQL(
            [
                # So that the planner's figures are those of the order in which the index has the texts.
                'ALTER TABLE custom_values ALTER COLUMN text_key TYPE text COLLATE "C"',
                FUNCTION,
                f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC",
                f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {APP_ROLE}",
            ],
            [
                f"DROP FUNCTION {SIGNATURE}",
                'ALTER TABLE custom_values ALTER COLUMN text_key TYPE text COLLATE "default"',
            ],
        ),
    ]
