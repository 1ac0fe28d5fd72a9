import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../apps/cli/src/stack.ts';
import { startRush, untilLawful } from '../support/rush.ts';
import { until } from '../support/sales.ts';
import { temporaryFolder } from '@holdfast/runtime/local-stores';

/** What the issue of every disaster promises: somebody goes on within this time. */
const takeoverMs = 3_000;

describe('when a process is killed or frozen in the middle of a rush', () => {
  let stack: Stack;
  let database: pg.Pool;

  beforeAll(async () => {
    stack = await startStack({ dir: temporaryFolder('processes'), workers: 2, edges: 2 });
    database = new pg.Pool({ connectionString: stack.databaseUrl, max: 2 });
    database.on('error', () => undefined);
  }, 90_000);
  afterAll(async () => {
    await database.end();
    await stack.stop();
  });

  it.each(['worker 1', 'worker 2'])(
    'F17: %s killed with -9, commits go on within 3 s',
    async (worker) => {
      const rush = await startRush(stack);
      kill(stack, worker, 'SIGKILL');
      await rush.lasts(takeoverMs + 1_000);
      await expectWhole(await rush.end());
      expect(await longestPauseMs(rush.saleId)).toBeLessThan(takeoverMs);
    },
    60_000,
  );

  it.each(['worker 1', 'worker 2'])(
    'F20: %s frozen, another takes over within 3 s; thawed, it harms nothing',
    async (worker) => {
      const rush = await startRush(stack);
      const pid = kill(stack, worker, 'SIGSTOP');
      await rush.lasts(takeoverMs + 1_500);
      process.kill(pid, 'SIGCONT');
      await rush.lasts(500);
      await expectWhole(await rush.end());
      expect(await longestPauseMs(rush.saleId)).toBeLessThan(takeoverMs);
    },
    60_000,
  );

  it('F04: an edge killed with -9 leaves every ticket that it acknowledged, and every unit that it took, to become a hold', async () => {
    const rush = await startRush(stack);
    kill(stack, 'edge 1', 'SIGKILL');
    await rush.lasts(1_500);
    await expectWhole(await rush.end());
  }, 60_000);

  it('F24: Postgres killed with -9 and started again: the sale goes on', async () => {
    const rush = await startRush(stack);
    kill(stack, 'postgres', 'SIGKILL');
    await rush.lasts(3_000);
    await expectWhole(await rush.end());
  }, 60_000);

  it('F11: Redis killed with -9 and started again: the sale goes on, and no acknowledged ticket is lost', async () => {
    const rush = await startRush(stack);
    kill(stack, 'redis', 'SIGKILL');
    await rush.goesOn();
    await expectWhole(await rush.end());
  }, 60_000);

  /** Every acknowledged ticket has a row, the audit finds every law kept, and nothing is left undecided. */
  async function expectWhole({
    saleId,
    acknowledged,
  }: {
    saleId: string;
    acknowledged: string[];
  }): Promise<void> {
    expect(acknowledged.length).toBeGreaterThan(50);
    await untilLawful(stack, saleId);
    const rows = await until('every acknowledged ticket to have its row', async () => {
      const found = await database.query<{ id: string }>(
        'select ticket_id as id from reservations where sale_id = $1 and ticket_id = any($2::text[])',
        [saleId, acknowledged],
      );
      return found.rows.length === new Set(acknowledged).size ? found.rows : null;
    });
    expect(rows).toHaveLength(new Set(acknowledged).size);
  }

  /** The longest time between two events of the journal, by the gate's clock. */
  async function longestPauseMs(saleId: string): Promise<number> {
    const { rows } = await database.query<{ pause: number }>(
      `select extract(epoch from max(at - before)) * 1000 as pause
         from (select at, lag(at) over (order by position) as before from events where sale_id = $1 and type = 'held') e`,
      [saleId],
    );
    return Number(rows[0]?.pause);
  }
});

function kill(stack: Stack, name: string, signal: NodeJS.Signals): number {
  const pid = stack.pids()[name];
  if (pid === undefined) throw new Error(`${name} is not running`);
  process.kill(pid, signal);
  return pid;
}
