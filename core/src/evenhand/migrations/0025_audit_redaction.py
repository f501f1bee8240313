"""The two ways in which entries of the journal may change or go: redaction and retention, each by a function."""

from tortoise import migrations

from evenhand.db.config import APP_ROLE
from evenhand.db.operations import RunSQL

# Values of the named keys, wherever they stand, become one word; nulls say nothing and stay.
REDACTED = """
CREATE FUNCTION evenhand_redacted(value jsonb, names text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $function$
BEGIN
    IF jsonb_typeof(value) = 'object' THEN
        RETURN (
            SELECT coalesce(jsonb_object_agg(pair.key, CASE
                WHEN pair.key = ANY (names) AND pair.value <> 'null' THEN '"[redacted]"'::jsonb
                ELSE evenhand_redacted(pair.value, names)
            END), '{}') FROM jsonb_each(value) AS pair
        );
    ELSIF jsonb_typeof(value) = 'array' THEN
        RETURN (
            SELECT coalesce(jsonb_agg(evenhand_redacted(item, names) ORDER BY place), '[]')
            FROM jsonb_array_elements(value) WITH ORDINALITY AS list (item, place)
        );
    END IF;
    RETURN value;
END
$function$
"""
# It runs as the owner of the tables, who may update them. What is not sealed yet is left alone: the caller seals before.
REDACT = """
CREATE FUNCTION evenhand_redact(
    of_entity text, of_record uuid, names text[], why text, who uuid, through text, moment timestamptz
) RETURNS TABLE (entries bigint, lines bigint, events bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $function$
DECLARE
    tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
BEGIN
    IF tenant IS NULL OR coalesce(why, '') = '' THEN
        RAISE EXCEPTION 'a redaction needs a tenant and a reason';
    END IF;
    PERFORM FROM audit_heads AS h WHERE h.tenant_id = tenant FOR UPDATE;
    WITH old AS (
        SELECT e.id, evenhand_audit_digest(e) AS digest,
            evenhand_redacted(e.before, names) AS before, evenhand_redacted(e.after, names) AS after
        FROM audit_entries AS e
        WHERE e.tenant_id = tenant AND e.entity = of_entity AND e.record_id = of_record
            AND (evenhand_redacted(e.before, names) IS DISTINCT FROM e.before
                 OR evenhand_redacted(e.after, names) IS DISTINCT FROM e.after)
            AND EXISTS (SELECT FROM audit_seals AS s WHERE s.tenant_id = tenant AND s.id = e.id)
    ), new AS (
        UPDATE audit_entries AS e SET before = old.before, after = old.after, salt = gen_random_uuid()
        FROM old WHERE e.tenant_id = tenant AND e.id = old.id
        RETURNING e.id, old.digest AS old_digest, evenhand_audit_digest(e) AS new_digest
    ), told AS (
        INSERT INTO audit_redactions (tenant_id, id, entry_kind, entry_id, entity, record_id, redacted, reason,
            user_id, via, occurred_at, old_digest, new_digest)
        SELECT tenant, gen_random_uuid(), 'audit', new.id, of_entity, of_record, to_jsonb(names), why, who, through,
            moment, encode(new.old_digest, 'hex'), encode(new.new_digest, 'hex') FROM new
        RETURNING 1
    )
    SELECT count(*) INTO entries FROM told;
    WITH old AS (
        SELECT l.id, evenhand_ledger_digest(l) AS digest,
            CASE WHEN l.note IS NOT NULL AND 'note' = ANY (names) THEN '[redacted]' ELSE l.note END AS note,
            CASE WHEN l.override IS NOT NULL AND 'override' = ANY (names) THEN '[redacted]' ELSE l.override END AS override
        FROM ownership_entries AS l
        WHERE l.tenant_id = tenant AND l.entity = of_entity AND l.record_id = of_record
            AND (('note' = ANY (names) AND l.note <> '[redacted]')
                 OR ('override' = ANY (names) AND l.override <> '[redacted]'))
            AND EXISTS (SELECT FROM audit_seals AS s WHERE s.tenant_id = tenant AND s.id = l.id)
    ), new AS (
        UPDATE ownership_entries AS l SET note = old.note, override = old.override, salt = gen_random_uuid()
        FROM old WHERE l.tenant_id = tenant AND l.id = old.id
        RETURNING l.id, old.digest AS old_digest, evenhand_ledger_digest(l) AS new_digest
    ), told AS (
        INSERT INTO audit_redactions (tenant_id, id, entry_kind, entry_id, entity, record_id, redacted, reason,
            user_id, via, occurred_at, old_digest, new_digest)
        SELECT tenant, gen_random_uuid(), 'ledger', new.id, of_entity, of_record, to_jsonb(names), why, who, through,
            moment, encode(new.old_digest, 'hex'), encode(new.new_digest, 'hex') FROM new
        RETURNING 1
    )
    SELECT count(*) INTO lines FROM told;
    WITH new AS (
        UPDATE outbox_events AS o SET payload = evenhand_redacted(o.payload, names)
        WHERE o.tenant_id = tenant AND o.entity = of_entity AND o.record_id = of_record
            AND evenhand_redacted(o.payload, names) <> o.payload
        RETURNING 1
    )
    SELECT count(*) INTO events FROM new;
    RETURN NEXT;
END
$function$
"""
# The real time counts, and the tenant's own setting, which is 30 days at least: no caller can have young entries removed.
REMOVE = """
CREATE FUNCTION evenhand_remove_old_entries(most integer, moment timestamptz)
RETURNS TABLE (removed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $function$
DECLARE
    tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
    keep integer;
    limit_of_age timestamptz;
    began bigint;
    ended bigint;
BEGIN
    removed := 0;
    SELECT s.keep_days INTO keep FROM audit_settings AS s WHERE s.tenant_id = tenant;
    IF keep IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM FROM audit_heads AS h WHERE h.tenant_id = tenant FOR UPDATE;
    limit_of_age := now() - make_interval(days => greatest(keep, 30));
    SELECT coalesce(max(r.up_to_number), 0) INTO began FROM audit_retentions AS r WHERE r.tenant_id = tenant;
    WITH following AS (
        SELECT s.number, s.id FROM audit_seals AS s
        WHERE s.tenant_id = tenant AND s.kind = 'audit' AND s.number > began ORDER BY s.number LIMIT most
    ), judged AS (
        SELECT f.number, f.id,
            bool_or(coalesce(e.occurred_at >= limit_of_age, false)) OVER (ORDER BY f.number) AS young
        FROM following AS f LEFT JOIN audit_entries AS e ON e.tenant_id = tenant AND e.id = f.id
    ), gone AS (
        DELETE FROM audit_entries AS e USING judged AS j
        WHERE e.tenant_id = tenant AND e.id = j.id AND NOT j.young
        RETURNING j.number
    )
    SELECT count(*), max(number) INTO removed, ended FROM gone;
    IF removed > 0 THEN
        INSERT INTO audit_retentions (tenant_id, id, since_number, up_to_number, removed, older_than, occurred_at)
        VALUES (tenant, gen_random_uuid(), began + 1, ended, removed, limit_of_age, moment);
    END IF;
    RETURN NEXT;
END
$function$
"""
FUNCTIONS = (
    "evenhand_redact(text, uuid, text[], text, uuid, text, timestamptz)",
    "evenhand_remove_old_entries(integer, timestamptz)",
)


class Migration(migrations.Migration):
    dependencies = [("core", "0024_handovers")]

    operations = [
        RunSQL(
            [
                REDACTED,
                REDACT,
                REMOVE,
                *(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC" for function in FUNCTIONS),
                *(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}" for function in FUNCTIONS),
            ],
            [
                *(f"DROP FUNCTION {function}" for function in reversed(FUNCTIONS)),
                "DROP FUNCTION evenhand_redacted(jsonb, text[])",
            ],
        ),
    ]
