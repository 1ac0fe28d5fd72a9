-- Who may do what in Holdfast's database. Run it after every migration, by the role that migrates:
--   psql "$MIGRATION_DATABASE_URL" -f infra/postgres-roles.sql
-- Doing it again changes nothing. Passwords are not in it:
--   alter role holdfast_worker password '...'; alter role holdfast_console password '...';
-- The edge has no role: it never meets Postgres.
-- A new table is nobody's until it is named here; test/flow/least-privilege.test.ts sells with exactly these grants.

do $$
begin
  if not exists (select from pg_roles where rolname = 'holdfast_worker') then create role holdfast_worker login; end if;
  if not exists (select from pg_roles where rolname = 'holdfast_console') then create role holdfast_console login; end if;
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to holdfast_worker, holdfast_console', current_database());
end $$;

revoke all on schema public from public;
grant usage on schema public to holdfast_worker, holdfast_console;
revoke all on all tables in schema public from public, holdfast_worker, holdfast_console;

-- Sales, stock and where the ledger stands: both write them, under the fence. Nobody deletes one.
grant select, insert, update on sales, items, gates, draws to holdfast_worker, holdfast_console;
-- What became of every ticket: rows are added and change their state, and stay.
grant select, insert, update on reservations, buyers to holdfast_worker, holdfast_console;
grant select, insert on reservation_lines to holdfast_worker, holdfast_console;
-- The journal: what stands in it cannot be changed or taken out by either.
grant select, insert on events, seals to holdfast_worker, holdfast_console;
grant select, insert, update on statistics, rejections to holdfast_worker, holdfast_console;
grant select on erasures to holdfast_worker, holdfast_console;

-- Webhooks: the console makes and changes endpoints, the worker delivers and clears up what is old.
grant select, update (status, reason, changed_at) on webhook_endpoints to holdfast_worker;
grant select, insert, update on webhook_strands to holdfast_worker;
grant select, insert, update, delete on webhook_deliveries to holdfast_worker;
grant select, insert, update on webhook_endpoints, webhook_deliveries to holdfast_console;
grant select, insert, update, delete on webhook_strands to holdfast_console;

-- Keys and what was done with them: the console's alone. The record of it can only grow.
grant select, insert, update on api_keys, requests to holdfast_console;
grant select, insert on audit_log to holdfast_console;

-- `holdfast erase` also deletes seals, openings and buyers, and answers that name them: it runs as the role that migrates.
