-- Six thousand rows in every table, nine of ten of one merchant, so that the planner knows what a busy database looks like. No trigger and no
-- check looks at them: what they say need not fit together, but how often each value is there must be as in life.
SET session_replication_role = replica;

-- The id of the n-th row of anything: they lie in three partitions.
CREATE FUNCTION pg_temp.nth(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT public.first_uuid(timestamptz '2026-10-20 00:00Z' + n * interval '15 min')
$$;

DO $$
DECLARE
  whole record;
  kept record;
BEGIN
  FOR kept IN SELECT k.conrelid::regclass AS named, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE k.contype = 'c' AND k.connamespace = 'public'::regnamespace AND k.conislocal AND NOT c.relispartition LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', kept.named, kept.conname);
  END LOOP;
  FOR kept IN SELECT k.conrelid::regclass AS named, k.conname FROM pg_constraint k
      WHERE k.contype = 'c' AND k.connamespace = 'public'::regnamespace AND k.conislocal LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', kept.named, kept.conname);
  END LOOP;
  FOR whole IN SELECT t.table_name AS named, string_agg(quote_ident(t.column_name), ', ' ORDER BY t.ordinal_position) AS names,
      string_agg(coalesce(
        CASE t.table_name || '.' || t.column_name
          WHEN 'postings.entry_id' THEN 'pg_temp.nth(n - n % 2)'
          WHEN 'postings.line' THEN 'n % 2'
          WHEN 'webhook_tries.number' THEN '1 + n % 3'
          WHEN 'webhook_tries.status' THEN '200'
          WHEN 'webhook_tries.delivery_id' THEN 'pg_temp.nth(n - n % 3)'
          WHEN 'events.kind' THEN '(ARRAY[''payment_order.created'', ''payment_order.succeeded'', ''refund.created''])[1 + n % 3]::event_kind'
          WHEN 'events.subject_kind' THEN '''payment_order'''
          WHEN 'jobs.kind' THEN '(ARRAY[''attend'', ''attend'', ''capture'', ''refund''])[1 + n % 4]'
          WHEN 'declines.kind' THEN '(ARRAY[''order'', ''card'', ''address''])[1 + n % 3]'
          WHEN 'declines.digest' THEN 'sha256((n / 9)::text::bytea)'
          WHEN 'webhook_endpoints.status' THEN '''enabled'''
          WHEN 'webhook_endpoints.id' THEN 'pg_temp.nth(n)'
          WHEN 'captures.status' THEN 'CASE n % 20 WHEN 0 THEN ''pending'' ELSE ''succeeded'' END'
        END,
        CASE t.column_name
          WHEN 'merchant_id' THEN 'CASE n % 10 WHEN 0 THEN pg_temp.nth(n / 10 % MERCHANTS) ELSE uuid ''07070707-0707-0707-0707-070707070707'' END'
          WHEN 'psp_account_id' THEN 'pg_temp.nth(n % 3)'
          WHEN 'endpoint_id' THEN 'pg_temp.nth(n % 5)'
          WHEN 'account_id' THEN 'pg_temp.nth(n % 20)'
          WHEN 'status' THEN '(ARRAY[''succeeded'', ''succeeded'', ''succeeded'', ''failed'', ''pending''])[1 + n % 5]'
          WHEN 'state' THEN 'CASE n % 20 WHEN 0 THEN ''pending'' WHEN 1 THEN ''dead'' ELSE ''succeeded'' END'
          WHEN 'currency' THEN '''EUR'''
          WHEN 'psp' THEN '''stripe'''
          WHEN 'layer' THEN 'n % 2'
          WHEN 'lane' THEN 'n % 2'
          WHEN 'number' THEN '1'
          WHEN 'sequence' THEN '1'
          WHEN 'leased' THEN 'n % 200 = 0'
          WHEN 'done_at' THEN 'CASE WHEN n % 20 > 0 THEN now() END'
        END,
        CASE t.udt_name
          WHEN 'uuid' THEN 'pg_temp.nth(n)'
          WHEN 'text' THEN 'n::text'
          WHEN 'bytea' THEN 'sha256(n::text::bytea)'
          WHEN 'bool' THEN 'n % 20 = 0'
          WHEN 'timestamptz' THEN 'timestamptz ''2026-10-20 00:00Z'' + n * interval ''15 min'''
          WHEN 'json' THEN '''{}'''
          WHEN 'jsonb' THEN '''{}'''
          ELSE 'n' END), ', ' ORDER BY t.ordinal_position) AS says
    FROM information_schema.columns t JOIN pg_class c ON c.oid = format('public.%I', t.table_name)::regclass
    WHERE t.table_schema = 'public' AND t.is_generated = 'NEVER' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND t.table_name NOT IN ('schema_migrations', 'event_clock')
    GROUP BY t.table_name LOOP
    EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM generate_series(0, %s) n ON CONFLICT DO NOTHING', whole.named, whole.names, whole.says,
      CASE WHEN whole.named IN ('merchants', 'accounts', 'api_keys', 'psp_accounts', 'psp_cursors', 'webhook_endpoints', 'webhook_replays')
        THEN 100 ELSE 6000 END);
  END LOOP;
END $$;
ANALYZE;
-- A server looks at the partitions by itself, and never at the whole that they are part of.
DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relkind = 'p');
