SELECT row_to_json(x) FROM (
  SELECT a.id, a.name, upper(a.kind) AS kind, a.industry, a.region, a.country, upper(a.tier) AS tier,
    upper(a.lifecycle_stage) AS "lifecycleStage", a.employees, a.annual_revenue::text AS "annualRevenue",
    a.annual_revenue_currency AS "annualRevenueCurrency", a.phone, a.website,
    a.created_at AS "createdAt", a.updated_at AS "updatedAt",
    (SELECT row_to_json(o) FROM (
      SELECT u.id, u.name, u.email, u.title FROM users u WHERE u.tenant_id = $1 AND u.id = a.owner_id
    ) o) AS owner,
    (SELECT json_build_object('nodes', coalesce(json_agg(o), '[]')) FROM (
      SELECT g.created_at AS "createdAt", (SELECT row_to_json(p) FROM (
        SELECT t.id, t.name, t.color FROM tags t WHERE t.tenant_id = $1 AND t.id = g.tag_id) p) AS tag
      FROM taggings g WHERE g.tenant_id = $1 AND g.account_id = a.id ORDER BY g.created_at, g.id LIMIT 10
    ) o) AS tags,
    (SELECT json_build_object('nodes', coalesce(json_agg(o), '[]')) FROM (
      SELECT c.id, c.name, c.title, c.is_primary AS "isPrimary",
        (SELECT json_build_object('nodes', coalesce(json_agg(p), '[]')) FROM (
          SELECT upper(h.kind) AS kind, h.value FROM contact_channels h
          WHERE h.tenant_id = $1 AND h.contact_id = c.id ORDER BY h.created_at, h.id LIMIT 5
        ) p) AS channels
      FROM contacts c WHERE c.tenant_id = $1 AND c.account_id = a.id AND c.archived_at IS NULL
      ORDER BY c.name, c.id LIMIT 20
    ) o) AS contacts,
    (SELECT json_build_object('nodes', coalesce(json_agg(o), '[]')) FROM (
      SELECT v.id, upper(v.kind) AS kind, v.subject, v.occurred_at AS "occurredAt", (SELECT row_to_json(p) FROM (
        SELECT u.name FROM users u WHERE u.tenant_id = $1 AND u.id = v.author_id) p) AS author
      FROM activities v WHERE v.tenant_id = $1 AND v.account_id = a.id AND v.archived_at IS NULL
      ORDER BY v.occurred_at DESC, v.id DESC LIMIT 20
    ) o) AS activities,
    (SELECT json_build_object('nodes', coalesce(json_agg(o), '[]')) FROM (
      SELECT d.id, d.name, d.amount::text AS amount, d.currency, d.expected_close AS "expectedClose",
        (SELECT row_to_json(p) FROM (
          SELECT s.id, s.name, s.probability, upper(s.kind) AS kind FROM stages s
          WHERE s.tenant_id = $1 AND s.id = d.stage_id) p) AS stage,
        (SELECT row_to_json(p) FROM (
          SELECT u.id, u.name FROM users u WHERE u.tenant_id = $1 AND u.id = d.owner_id) p) AS owner
      FROM opportunities d WHERE d.tenant_id = $1 AND d.account_id = a.id AND d.archived_at IS NULL
      ORDER BY d.created_at DESC, d.id DESC LIMIT 10
    ) o) AS opportunities,
    (SELECT json_build_object('nodes', coalesce(json_agg(o), '[]')) FROM (
      SELECT r.id, r.number, upper(r.status) AS status, r.total::text AS total, r.placed_on AS "placedOn",
        (SELECT json_build_object('nodes', coalesce(json_agg(p), '[]')) FROM (
          SELECT l.quantity::text AS quantity, l.unit_price::text AS "unitPrice", l.amount::text AS amount
          FROM order_lines l WHERE l.tenant_id = $1 AND l.order_id = r.id ORDER BY l.position, l.id LIMIT 10
        ) p) AS lines,
        (SELECT json_build_object('nodes', coalesce(json_agg(p), '[]')) FROM (
          SELECT m.amount::text AS amount, m.method, m.paid_at AS "paidAt" FROM payments m
          WHERE m.tenant_id = $1 AND m.order_id = r.id AND m.archived_at IS NULL ORDER BY m.paid_at, m.id LIMIT 5
        ) p) AS payments
      FROM orders r WHERE r.tenant_id = $1 AND r.account_id = a.id AND r.archived_at IS NULL
      ORDER BY r.created_at DESC, r.id DESC LIMIT 20
    ) o) AS orders,
    (SELECT json_build_object('nodes', coalesce(json_agg(o), '[]')) FROM (
      SELECT k.id, k.subject, upper(k.status) AS status, upper(k.priority) AS priority, k.opened_at AS "openedAt"
      FROM tickets k WHERE k.tenant_id = $1 AND k.account_id = a.id AND k.archived_at IS NULL
      ORDER BY k.opened_at DESC, k.id DESC LIMIT 10
    ) o) AS tickets
  FROM accounts a WHERE a.tenant_id = $1 AND a.id = $2
) x
