import { createCommitWorker } from '@holdfast/pipeline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLawful } from '../support/audit.ts';
import { read, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { emptyRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, until } from '../support/sales.ts';

describe('a job that fails for good', () => {
  it('F22: is told to whoever keeps the house, and what it rang for still stands in the intake', async () => {
    const house = await openHouse({ workers: 0 });
    const failed: (string | null)[] = [];
    const worker = await createCommitWorker({
      redisUrl: house.redis.url,
      committer: { commitSale: () => Promise.reject(new Error('always')) },
      onFailed: (saleId) => failed.push(saleId),
    });
    try {
      const sale = await openTees(house, 5);
      const ticket = await buy(house.edge, sale, 'ann');
      if (ticket === null) throw new Error('There were five');
      await until('the alert', async () => failed.includes(sale));
      expect((await read(house.edge, ticket)).status).toBe('queued');
      await house.commit(sale);
      expect((await read(house.edge, ticket)).status).toBe('held');
      expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
    } finally {
      await worker.close();
      await house.close();
    }
  });
});

describe('when three transactions in ten fail to be serialised', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 2 });
    await house.rows(`
      create function unlucky() returns trigger language plpgsql as $$ begin
        if random() < 0.3 then raise exception 'could not serialize access' using errcode = '40001'; end if;
        return new;
      end $$`);
    await house.rows('create trigger unlucky before update on gates for each row execute function unlucky()');
  });
  afterAll(() => house.close());

  it('F27: no buyer and no merchant hears of it, and everything is done once', async () => {
    const sale = await openTees(house, 60, { holdSeconds: 2 });
    const tickets = (await buyMany(house.edge, sale, 'b', 80)).filter((ticket) => ticket !== null);
    expect(tickets).toHaveLength(60);
    await atRest(house, sale, 20_000);
    const [paying, leaving] = [tickets.slice(0, 20), tickets.slice(20, 40)];
    for (const ticket of paying) await tell(house.edge, ticket, 'confirm');
    for (const ticket of leaving) await tell(house.edge, ticket, 'cancel');
    const request = { key: `restock ${sale}`, fingerprint: 'ten' };
    expect(await house.desk.restock(sale, 'tee', 10, request)).toMatchObject({ kind: 'done' });
    expect(await house.desk.move(sale, 'pause', null)).toMatchObject({ kind: 'done' });
    expect(await house.desk.move(sale, 'resume', null)).toMatchObject({ kind: 'done' });
    const lapsed = () =>
      house.rows(`select 1 from reservations where sale_id = $1 and status = 'expired'`, [sale]);
    await until('the others to lapse', async () => (await lapsed()).length === 20, 20_000);
    expect(await expectConservation(house, sale)).toEqual({
      tee: { confirmed: 20, cancelled: 20, expired: 20 },
    });
    await expectLawful(house, sale);
    for (const ticket of paying) expect((await read(house.edge, ticket)).status).toBe('confirmed');
  }, 60_000);
});

describe('stock that changes while stores and workers fail', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 2 });
  });
  afterAll(() => house.close());

  it('F49: every restock and withdrawal that was answered counts once, and no unit is sold twice or lost', async () => {
    const sale = await openTees(house, 20);
    let isOver = false;
    const crowd = Array.from({ length: 4 }, async (_, person) => {
      for (let turn = 0; !isOver; turn += 1) {
        const ticket = await buy(house.edge, sale, `b${person}.${turn}`);
        if (ticket !== null && turn % 3 !== 0) await tell(house.edge, ticket, 'cancel');
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    /** A press of the button, repeated with its key until it is answered. */
    async function press(key: string, verb: 'restock' | 'withdraw', quantity: number): Promise<boolean> {
      for (;;) {
        const answer = await house.desk[verb](sale, 'tee', quantity, { key, fingerprint: key }).catch(
          () => null,
        );
        if (answer?.kind === 'done' || answer?.kind === 'repeated') return true;
        if (answer?.kind === 'refused' && answer.code === 'not_enough_available') return false;
      }
    }
    let stock = 20;
    let withdrawn = 0;
    for (let turn = 0; turn < 6; turn += 1) {
      const restocking = press(`restock ${turn}`, 'restock', 5);
      const withdrawing = press(`withdraw ${turn}`, 'withdraw', 2);
      if (turn === 1 || turn === 4) await emptyRedis(house);
      if (turn === 2) await house.workers[0]?.close();
      if (turn === 3)
        await house.rows(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()`,
        );
      await restocking;
      stock += 5;
      if (await withdrawing) withdrawn += 2;
    }
    isOver = true;
    await Promise.all(crowd);
    await expectConservation(house, sale);
    await expectLawful(house, sale);
    const at = await house.ledger.readSale(sale);
    expect(at?.items.get('tee')?.stock).toBe(stock);
    expect(at?.withdrawn.get('tee')).toBe(withdrawn);
    const rest = stock - withdrawn;
    await buyMany(house.edge, sale, 'last', rest + 10);
    const units = await expectConservation(house, sale);
    expect((units['tee']?.['held'] ?? 0) + (units['tee']?.['confirmed'] ?? 0), 'all of it can be had').toBe(
      stock,
    );
  }, 90_000);
});
