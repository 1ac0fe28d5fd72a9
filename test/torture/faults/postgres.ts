import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Stage } from '../stage.ts';
import { type Deeds, done } from './deed.ts';

/** What may happen between the ledger and those who write it. */
export function postgresDeeds(stage: Stage): Deeds {
  return {
    async 'end-sessions'() {
      const ended = await withPostgres(stage, async (client) => {
        const { rowCount } = await client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'holdfast%'`,
        );
        return rowCount;
      });
      return { kind: 'done', detail: `${ended} sessions`, instant: true };
    },

    /** Transactions on a sale fail to serialise, some at their comparison and some at their commit. */
    async conflicts({ lastsMs }) {
      await withPostgres(stage, (client) => client.query(conflicting));
      await sleep(lastsMs);
      await withPostgres(stage, (client) => client.query(peaceful));
      return done;
    },

    async 'restart-postgres'() {
      await stage.postgres.store.restart();
      return done;
    },
  };
}

const conflicting = `
  create or replace function torture_conflict() returns trigger language plpgsql as $$
  begin
    if random() < 0.15 then
      raise exception 'could not serialize access (torture)' using errcode = '40001';
    end if;
    return null;
  end $$;
  drop trigger if exists torture_at_once on gates;
  drop trigger if exists torture_at_commit on gates;
  create trigger torture_at_once after update on gates for each row execute function torture_conflict();
  create constraint trigger torture_at_commit after update on gates deferrable initially deferred
    for each row execute function torture_conflict()`;

const peaceful = `
  drop trigger if exists torture_at_once on gates;
  drop trigger if exists torture_at_commit on gates`;

async function withPostgres<Answer>(
  stage: Stage,
  work: (client: pg.Client) => Promise<Answer>,
): Promise<Answer> {
  const client = new pg.Client({ connectionString: stage.postgres.store.url, application_name: 'torture' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
