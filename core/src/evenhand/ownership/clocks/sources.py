"""The SQL that says what clocks count from: activities, steps forward and deals. `$1` is the tenant.

Each SELECT has the columns entity, record_id, kind and at. What happened with a contact or a deal happened with its
account too.
"""

from __future__ import annotations

_CONCERNED = """
CROSS JOIN LATERAL (
    SELECT DISTINCT concerned.* FROM (VALUES
        ('Account', a.account_id), ('Account', c.account_id), ('Account', o.account_id),
        ('Lead', a.lead_id), ('Opportunity', a.opportunity_id)
    ) AS concerned (entity, record_id) WHERE concerned.record_id IS NOT NULL
) AS t
"""
_WITH_PARENTS = """
LEFT JOIN contacts AS c ON c.tenant_id = $1 AND c.id = a.contact_id
LEFT JOIN opportunities AS o ON o.tenant_id = $1 AND o.id = a.opportunity_id
"""

NEW_ACTIVITIES = f"""
SELECT t.entity, t.record_id, a.kind, max(a.occurred_at) AS at
FROM activities AS a {_WITH_PARENTS} {_CONCERNED}
WHERE a.tenant_id = $1 AND a.id = ANY ($2::uuid[]) AND a.archived_at IS NULL AND a.occurred_at <= $3
GROUP BY t.entity, t.record_id, a.kind
"""
"""What new activities `$2` tell; those after `$3` have not happened yet."""

PLANNED = f"""
SELECT t.entity, t.record_id, a.kind, max(a.occurred_at) AS at
FROM activities AS a {_WITH_PARENTS} {_CONCERNED}
WHERE a.tenant_id = $1 AND a.occurred_at > a.updated_at AND a.occurred_at <= $2 AND a.archived_at IS NULL
GROUP BY t.entity, t.record_id, a.kind
"""
"""What activities tell that were noted before they happened, and have happened by `$2`."""

CONCERNED = f"""
SELECT 'activity' AS what, t.entity, t.record_id FROM activities AS a {_WITH_PARENTS} {_CONCERNED}
WHERE a.tenant_id = $1 AND a.id = ANY ($2::uuid[])
UNION
SELECT 'activity', 'Account', c.account_id FROM contacts AS c
WHERE c.tenant_id = $1 AND c.id = ANY ($3::uuid[]) AND c.account_id IS NOT NULL
UNION
SELECT 'activity', 'Account', o.account_id FROM opportunities AS o
WHERE o.tenant_id = $1 AND o.id = ANY ($4::uuid[]) AND o.account_id IS NOT NULL
UNION
SELECT w.what, t.entity, t.record_id FROM opportunities AS o
CROSS JOIN LATERAL (VALUES ('Opportunity', o.id), ('Account', o.account_id)) AS t (entity, record_id)
CROSS JOIN (VALUES ('stage'), ('deal')) AS w (what)
WHERE o.tenant_id = $1 AND o.id = ANY ($5::uuid[]) AND t.record_id IS NOT NULL
UNION
SELECT 'deal', t.entity, t.record_id FROM orders AS sale
CROSS JOIN LATERAL (VALUES ('Opportunity', sale.opportunity_id), ('Account', sale.account_id)) AS t (entity, record_id)
WHERE sale.tenant_id = $1 AND sale.id = ANY ($6::uuid[]) AND t.record_id IS NOT NULL
"""
"""Of which records clocks are counted anew: by activities `$2`, contacts `$3` and deals `$4` that activities left,
deals `$5` and orders `$6` that changed."""

_TOUCHING = """
a.id IN (
    SELECT own.id FROM activities AS own WHERE own.tenant_id = $1 AND own.account_id = ANY ($3::uuid[])
    UNION ALL
    SELECT own.id FROM contacts AS person JOIN activities AS own ON own.tenant_id = $1 AND own.contact_id = person.id
    WHERE person.tenant_id = $1 AND person.account_id = ANY ($3::uuid[])
    UNION ALL
    SELECT own.id FROM opportunities AS deal
    JOIN activities AS own ON own.tenant_id = $1 AND own.opportunity_id = deal.id
    WHERE deal.tenant_id = $1 AND deal.account_id = ANY ($3::uuid[])
    UNION ALL
    SELECT own.id FROM activities AS own WHERE own.tenant_id = $1 AND own.lead_id = ANY ($4::uuid[])
    UNION ALL
    SELECT own.id FROM activities AS own WHERE own.tenant_id = $1 AND own.opportunity_id = ANY ($5::uuid[])
)
"""
_WANTED = "t.record_id = ANY ($3::uuid[] || $4::uuid[] || $5::uuid[])"

ALL_ACTIVITIES = f"""
SELECT t.entity, t.record_id, a.kind, max(a.occurred_at) AS at
FROM activities AS a {_WITH_PARENTS} {_CONCERNED}
WHERE a.tenant_id = $1 AND a.archived_at IS NULL AND a.occurred_at <= $2 AND {{which}}
GROUP BY t.entity, t.record_id, a.kind
"""
ACTIVITIES = ALL_ACTIVITIES.format(which=f"{_TOUCHING} AND {_WANTED}")
"""What all activities until `$2` tell of accounts `$3`, leads `$4` and opportunities `$5`."""

ALL_STAGES = """
SELECT t.entity, t.record_id, 'stage' AS kind, max(step.changed_at) AS at
FROM opportunities AS o
JOIN stage_changes AS step ON step.tenant_id = $1 AND step.opportunity_id = o.id AND step.from_stage_id IS NOT NULL
JOIN stages AS s ON s.tenant_id = $1 AND s.id = step.to_stage_id AND s.kind <> 'lost'
CROSS JOIN LATERAL (VALUES ('Opportunity', o.id), ('Account', o.account_id)) AS t (entity, record_id)
WHERE o.tenant_id = $1 AND o.archived_at IS NULL AND step.changed_at <= $2 AND t.record_id IS NOT NULL AND {which}
    AND NOT EXISTS (
        SELECT FROM stage_changes AS earlier
        JOIN stages AS there ON there.tenant_id = $1 AND there.id = earlier.to_stage_id
        WHERE earlier.tenant_id = $1 AND earlier.opportunity_id = o.id
            AND (earlier.changed_at, earlier.id) < (step.changed_at, step.id)
            AND there.pipeline_id = s.pipeline_id AND there.position >= s.position AND there.kind <> 'lost'
    )
GROUP BY t.entity, t.record_id
"""
_DEALS_OF = "(o.id = ANY ($5::uuid[]) OR o.account_id = ANY ($3::uuid[]))"
STAGES = ALL_STAGES.format(which=f"{_DEALS_OF} AND {_WANTED}")
"""When deals last reached a stage that they had not reached before."""

ALL_DEALS = """
SELECT t.entity, t.record_id, 'deal' AS kind, max(won.at) AS at
FROM (
    SELECT o.id AS opportunity_id, o.account_id,
        least(o.stage_entered_at, o.closed_on::timestamp AT TIME ZONE own.time_zone) AS at
    FROM opportunities AS o
    JOIN stages AS s ON s.tenant_id = $1 AND s.id = o.stage_id AND s.kind = 'won'
    JOIN tenants AS own ON own.id = $1
    WHERE o.tenant_id = $1 AND o.archived_at IS NULL AND {deals}
    UNION ALL
    SELECT sale.opportunity_id, sale.account_id,
        CASE WHEN sale.placed_on::timestamp AT TIME ZONE own.time_zone <= $2
            THEN sale.placed_on::timestamp AT TIME ZONE own.time_zone ELSE sale.created_at END
    FROM orders AS sale JOIN tenants AS own ON own.id = $1
    WHERE sale.tenant_id = $1 AND sale.archived_at IS NULL AND sale.kind IN ('contract', 'order')
        AND sale.status IN ('accepted', 'fulfilled') AND {orders}
) AS won
CROSS JOIN LATERAL (VALUES ('Opportunity', won.opportunity_id), ('Account', won.account_id)) AS t (entity, record_id)
WHERE t.record_id IS NOT NULL AND won.at <= $2 AND {which}
GROUP BY t.entity, t.record_id
"""
DEALS = ALL_DEALS.format(
    deals=_DEALS_OF,
    orders="(sale.opportunity_id = ANY ($5::uuid[]) OR sale.account_id = ANY ($3::uuid[]))",
    which=_WANTED,
)
"""When deals were last won: closed, or ordered. An order counts from the day it was placed."""

KNOWN = """
SELECT clock.entity, clock.record_id, clock.kind FROM record_clocks AS clock
WHERE clock.tenant_id = $1 AND (
    (clock.entity = 'Account' AND clock.record_id = ANY ($2::uuid[]))
    OR (clock.entity = 'Lead' AND clock.record_id = ANY ($3::uuid[]))
    OR (clock.entity = 'Opportunity' AND clock.record_id = ANY ($4::uuid[]))
)
"""
"""The kinds that are kept of accounts `$2`, leads `$3` and opportunities `$4`."""

WRITE = """
INSERT INTO record_clocks AS clock (tenant_id, id, entity, record_id, kind, last_at)
SELECT $1, found.* FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[])
    AS found (id, entity, record_id, kind, at)
ORDER BY found.record_id, found.kind
ON CONFLICT (tenant_id, entity, record_id, kind) DO UPDATE SET last_at = excluded.last_at
WHERE clock.last_at IS DISTINCT FROM excluded.last_at
"""
"""Write clocks as they were counted."""

FORWARD = f"{WRITE} AND (clock.last_at IS NULL OR excluded.last_at > clock.last_at)"
"""Move clocks forward."""
