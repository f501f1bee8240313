WITH page AS MATERIALIZED (
  SELECT a.id, a.name, a.industry, a.tier, a.lifecycle_stage, a.region, a.employees, a.annual_revenue, a.owner_id
  FROM accounts a
  WHERE a.tenant_id = $1 AND a.industry = $2 AND a.archived_at IS NULL AND (a.name, a.id) > ($3, $4::uuid)
  ORDER BY a.name, a.id LIMIT 51
)
SELECT json_build_object(
  'pageInfo', json_build_object(
    'hasNextPage', (SELECT count(*) > 50 FROM page),
    'endCursor', (SELECT translate(encode(convert_to(json_build_array(e.name, e.id)::text, 'UTF8'), 'base64'), E'\n', '')
      FROM (SELECT name, id FROM page ORDER BY name, id LIMIT 50) e ORDER BY e.name DESC, e.id DESC LIMIT 1)
  ),
  'nodes', coalesce((SELECT json_agg(o) FROM (
    SELECT a.id, a.name, a.industry, upper(a.tier) AS tier, upper(a.lifecycle_stage) AS "lifecycleStage", a.region,
      a.employees, a.annual_revenue::text AS "annualRevenue",
      (SELECT row_to_json(p) FROM (
        SELECT u.id, u.name FROM users u WHERE u.tenant_id = $1 AND u.id = a.owner_id) p) AS owner,
      (SELECT json_build_object('nodes', coalesce(json_agg(p), '[]')) FROM (
        SELECT c.id, c.name, c.title FROM contacts c
        WHERE c.tenant_id = $1 AND c.account_id = a.id AND c.archived_at IS NULL ORDER BY c.name, c.id LIMIT 1
      ) p) AS contacts,
      (SELECT json_build_object('nodes', coalesce(json_agg(p), '[]')) FROM (
        SELECT v.id, upper(v.kind) AS kind, v.subject, v.occurred_at AS "occurredAt" FROM activities v
        WHERE v.tenant_id = $1 AND v.account_id = a.id AND v.archived_at IS NULL
        ORDER BY v.occurred_at DESC, v.id DESC LIMIT 1
      ) p) AS activities,
      json_build_object('openPipeline', (SELECT coalesce(json_agg(p), '[]') FROM (
        SELECT d.currency, sum(d.amount)::text AS amount
        FROM opportunities d JOIN stages s ON s.tenant_id = $1 AND s.id = d.stage_id
        WHERE d.tenant_id = $1 AND d.account_id = a.id AND d.archived_at IS NULL AND d.amount IS NOT NULL
          AND s.kind = 'open'
        GROUP BY d.currency ORDER BY d.currency
      ) p)) AS summary
    FROM page a ORDER BY a.name, a.id LIMIT 50
  ) o), '[]'::json)
)
