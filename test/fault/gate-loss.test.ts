import { closeSync, openSync, readdirSync, renameSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { rememberGate } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, buy, buyMany, openTees, until } from '../support/sales.ts';

describe('when Redis loses its memory', () => {
  let house: House;

  beforeEach(async () => {
    house = await openHouse();
  });
  afterEach(async () => {
    await house.close();
  });

  const sells = (saleId: string, buyer: string) =>
    until(`the gate to sell to ${buyer}`, () => buy(house.edge, saleId, buyer));

  it('F12: emptied in the middle of a sale, it is rebuilt from the ledger and sells exactly what is left', async () => {
    const sale = await openTees(house, 20, { perBuyerLimit: 1 });
    const before = await buyMany(house.edge, sale, 'b', 12);
    await atRest(house, sale);
    const client = new Redis(house.redis.url);
    await client.flushall();
    client.disconnect();
    await sells(sale, 'b12');
    const after = await buyMany(house.edge, sale, 'c', 30);
    expect(after.filter((ticket) => ticket !== null)).toHaveLength(7);
    expect(await buy(house.edge, sale, 'b0'), 'the limit is remembered').toBeNull();
    expect(await house.edge.readTicket(before[3]?.id ?? '')).toMatchObject({
      ticket: { status: 'held', seq: 4 },
    });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 20 } });
    expect(rebuilds(house, sale).length).toBeGreaterThan(1);
  });

  it('F12: while it is being rebuilt a ticket is not unknown, and nothing is sold', async () => {
    const sale = await openTees(house, 5);
    const ticket = await buy(house.edge, sale, 'ann');
    await atRest(house, sale);
    const client = new Redis(house.redis.url);
    await client.flushall();
    const [read, answer] = await Promise.all([
      house.edge.readTicket(ticket?.id ?? ''),
      house.edge.reserve({ saleId: sale, buyerId: 'bob', lines: null, idempotencyKey: null }),
    ]);
    client.disconnect();
    for (const seen of [read, answer]) {
      if (seen.kind === 'refused') expect(seen.code).toBe('gate_unavailable');
    }
    await sells(sale, 'cem');
    const units = await expectConservation(house, sale);
    expect(units['tee']?.['held']).toBeLessThanOrEqual(5);
  });

  it.each([true, false])(
    'F11: a key that the gate forgot still has one reservation, and the other ticket that it gave is rejected (waitlist: %s)',
    async (waitlist) => {
      const sale = await openTees(house, 5, { waitlist });
      const request = { saleId: sale, buyerId: 'ann', lines: null, idempotencyKey: 'once' };
      const restore = await rememberGate(house);
      const first = await house.edge.reserve(request);
      await atRest(house, sale);
      house.freeze(sale);
      await restore();
      const again = await house.edge.reserve(request);
      const [had, got] = [first, again].map((answer) => (answer.kind === 'admitted' ? answer.ticket.id : ''));
      expect(got, 'the gate does not know the key any more').not.toBe(had);
      house.thaw(sale);
      await atRest(house, sale);
      const rows = await house.ledger.readReservations(sale, [had ?? '', got ?? '']);
      expect(Object.fromEntries(rows.map((row) => [row.ticketId, [row.status, row.reason]]))).toEqual({
        [had ?? '']: ['held', null],
        [got ?? '']: ['rejected', 'already_exists'],
      });
      expect(await house.edge.readTicket(got ?? '')).toMatchObject({ ticket: { status: 'rejected' } });
      expect(await house.edge.reserve(request)).toMatchObject({ replayed: true, ticket: { id: had } });
      expect(await expectConservation(house, sale)).toMatchObject({ tee: { held: 1 } });
    },
  );

  it('F11: restarted without the tail of its file, it is noticed by its chain, and nothing is sold twice', async () => {
    const sale = await openTees(house, 30);
    for (let buyer = 0; buyer < 10; buyer++) await buy(house.edge, sale, `b${buyer}`);
    await atRest(house, sale);
    const size = aofSize(house.redis.dir);
    for (let buyer = 10; buyer < 20; buyer++) await buy(house.edge, sale, `b${buyer}`);
    await atRest(house, sale);
    await house.redis.kill();
    truncateSync(aofFile(house.redis.dir), size);
    await house.redis.restart();
    await until('the gate to be rebuilt', async () => rebuilds(house, sale).length > 1);
    await sells(sale, 'c');
    const after = await buyMany(house.edge, sale, 'c', 15);
    expect(after.filter((ticket) => ticket !== null)).toHaveLength(9);
    const units = await expectConservation(house, sale);
    expect(units['tee']?.['held']).toBe(30);
  }, 30_000);

  it('F56: its file damaged in the middle, it says what to do; started empty, the sale goes on', async () => {
    const sale = await openTees(house, 30);
    const before = await buyMany(house.edge, sale, 'b', 20);
    await atRest(house, sale);
    await house.redis.kill();
    const file = openSync(aofFile(house.redis.dir), 'r+');
    // Longer than any value in it: what lies within one only would be no damage to Redis.
    const damage = Buffer.alloc(4_096, 'x');
    writeSync(file, damage, 0, damage.length, Math.floor(aofSize(house.redis.dir) / 2));
    closeSync(file);
    const folder = join(house.redis.dir, 'appendonlydir');
    await expect(house.redis.restart()).rejects.toThrow(`is damaged. Move it away`);
    expect(await house.edge.readTicket(before[0]?.id ?? '')).toMatchObject({ code: 'gate_unavailable' });
    renameSync(folder, `${folder}.damaged`);
    await house.redis.restart();
    await sells(sale, 'c');
    const after = await buyMany(house.edge, sale, 'd', 15);
    expect(after.filter((ticket) => ticket !== null)).toHaveLength(9);
    expect(await house.edge.readTicket(before[0]?.id ?? '')).toMatchObject({ ticket: { status: 'held' } });
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 30 } });
  }, 60_000);

  it('killed and started again with all of its file, the sale goes on and every ticket stands', async () => {
    const sale = await openTees(house, 40);
    const buying = Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, index * 10));
        return until(`buyer ${index} to get an answer`, async () => {
          const answer = await house.edge.reserve({
            saleId: sale,
            buyerId: `b${index}`,
            lines: null,
            idempotencyKey: 'k',
          });
          return answer.kind === 'refused' && answer.code === 'gate_unavailable' ? null : answer;
        });
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    await house.redis.kill();
    await house.redis.restart();
    const answers = await buying;
    const tickets = answers.flatMap((answer) => (answer.kind === 'admitted' ? [answer.ticket.id] : []));
    expect(new Set(tickets).size).toBe(40);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 40 } });
    const rows = await house.ledger.readReservations(sale, tickets);
    expect(rows).toHaveLength(40);
  }, 30_000);
});

/** The first is the one that gave the new sale its gate. */
function rebuilds(house: House, saleId: string): string[] {
  return house.logged.filter(
    (line) => line.startsWith('rebuilt ') && line.includes(`"${saleId}"`) && line.includes('"rebuilt"'),
  );
}

function aofFile(dir: string): string {
  const folder = join(dir, 'appendonlydir');
  const name = readdirSync(folder)
    .filter((file) => file.endsWith('.incr.aof'))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error('Redis has no append-only file');
  return join(folder, name);
}

function aofSize(dir: string): number {
  return statSync(aofFile(dir)).size;
}
