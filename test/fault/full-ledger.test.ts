import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buyMany, openTees, ticketOf, until } from '../support/sales.ts';
import { freshPostgres, type PrivateStore, smallDisk } from '../support/stores.ts';

describe('F25: when the disk of Postgres is full (needs root)', () => {
  const disk = smallDisk(220);
  let house: House;
  let postgres: PrivateStore;

  beforeAll(async () => {
    if (disk === null) return;
    postgres = await freshPostgres({ max_wal_size: '32MB', min_wal_size: '32MB' }, `${disk.dir}/postgres`);
    house = await openHouse({ postgres, workers: 2 });
  }, 60_000);
  afterAll(async () => {
    await house?.close();
    await postgres?.stop();
  });

  it.skipIf(disk === null)(
    'admissions go on, nothing acknowledged is lost, and all of it is committed when there is room',
    async () => {
      if (disk === null) return;
      const sale = await openTees(house, 1_000_000);
      const kept = await buyMany(house.edge, sale, 'a', 100);
      await atRest(house, sale);
      disk.fill(50_000);
      const committed = async () =>
        (await house.ledger.readSale(sale).catch(() => null))?.cursor.committedSeq;
      let reached: number | undefined;
      let stood = 0;
      for (let round = 0; stood < 20; round++) {
        const tickets = await buyMany(house.edge, sale, `r${round}-`, 200);
        expect(tickets.every((ticket) => ticket !== null)).toBe(true);
        kept.push(...tickets);
        const now = await committed();
        stood = now === reached ? stood + 1 : 0;
        reached = now;
      }
      expect(reached, 'Postgres stands still').toBeLessThan(kept.length);
      disk.empty();
      if (postgres.pid === null) await postgres.restart();
      await until('the first commit', async () => ((await committed()) ?? 0) > (reached ?? 0), 20_000);
      const units = await expectConservation(house, sale);
      expect(units).toEqual({ tee: { held: kept.length } });
      const ids = kept.map((ticket) => ticket?.id ?? '');
      expect(await house.ledger.readReservations(sale, ids)).toHaveLength(ids.length);
      expect(ticketOf(await ask(house.edge, sale, 'after'))).not.toBeNull();
    },
    120_000,
  );
});
