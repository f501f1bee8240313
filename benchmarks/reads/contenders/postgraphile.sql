-- What PostGraphile needs to answer an account's open pipeline in the same statement: a view with a relation.
CREATE OR REPLACE VIEW account_pipelines WITH (security_invoker = true) AS
SELECT d.tenant_id, d.account_id, d.currency, sum(d.amount) AS amount
FROM opportunities d JOIN stages s ON s.tenant_id = d.tenant_id AND s.id = d.stage_id
WHERE d.archived_at IS NULL AND s.kind = 'open' AND d.amount IS NOT NULL
GROUP BY d.tenant_id, d.account_id, d.currency;
COMMENT ON VIEW account_pipelines IS
  E'@primaryKey tenant_id,account_id,currency\n@foreignKey (tenant_id, account_id) references accounts (tenant_id, id)';
GRANT SELECT ON account_pipelines TO evenhand_app;
-- It calls every table's id rowId, so no other column may be called that.
DO $$
DECLARE place record;
BEGIN
  FOR place IN SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'row_id'
  LOOP
    EXECUTE format('COMMENT ON COLUMN %I.row_id IS %L', place.table_name, '@name storedRowId');
  END LOOP;
END $$;
