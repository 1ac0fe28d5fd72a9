/**
 * How long a sale of a million tickets is closed when Redis crashes, or forgets everything. The figures are printed and not
 * judged: they belong to the machine. What is judged are the laws. TICKETS and ROUNDS make it smaller or longer.
 */
import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ticket } from '@holdfast/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectConservation } from '../support/conservation.ts';
import { emptyRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { atRest, openTees, until } from '../support/sales.ts';

const tickets = Number(process.env['TICKETS'] ?? 1_000_000);
const rounds = Number(process.env['ROUNDS'] ?? 5);
const smallSales = Number(process.env['SALES'] ?? 1_000);
/** Buyers who ask at the same time. */
const together = 2_000;
/** One of so many tickets is looked at again. */
const sampled = Math.max(1, Math.floor(tickets / 500));
const patience = 3_600_000;

describe('a gate with a million tickets', () => {
  let house: House;

  beforeEach(async () => {
    house = await openHouse({ workers: 2, sweepEveryMs: 650 });
  });
  afterEach(() => house.close());

  it(
    `is open again after a crash, and after losing everything, and every one of ${tickets} tickets stands`,
    async () => {
      const sale = await openTees(house, tickets + 10 * rounds, { perBuyerLimit: 1, holdSeconds: 7_200 });
      const sample = await sellMany(house, sale);
      await atRest(house, sale, patience);
      // As in a sale of some hours: most is paid or has lapsed, and one in twenty still holds.
      await settleMost(house, sale);
      const figures: Record<string, number[]> = {};
      const note = (what: string, value: number) => void (figures[what] ??= []).push(Math.round(value));

      for (let round = 0; round < rounds; round++) {
        note('append-only files, MB', (await filesOf(house)) / 1e6);
        const crashedAt = performance.now();
        await house.redis.kill();
        await house.redis.restart();
        note('crash: Redis answers after, ms', performance.now() - crashedAt);
        await sellsAgain(house, sale, `crash ${round}`);
        note('crash: sells again after, ms', performance.now() - crashedAt);
        await atRest(house, sale, patience);

        const emptiedAt = performance.now();
        await emptyRedis(house);
        await sellsAgain(house, sale, `emptied ${round}`);
        note('emptied: sells again after, ms', performance.now() - emptiedAt);
        for (const { ticket, buyer } of sample) {
          const read = await house.edge.readTicket(ticket.id);
          expect(read.kind === 'ticket' || read.code, ticket.id).not.toBe('unknown_ticket');
          const again = await reserve(house, sale, buyer);
          expect(again.kind === 'refused' ? again.code : again.ticket.id).toBeOneOf([
            ticket.id,
            'gate_unavailable',
          ]);
        }
        await atRest(house, sale, patience);
        note('emptied: all tickets are back after, ms', performance.now() - emptiedAt);
        for (const { ticket } of sample)
          expect(await house.edge.readTicket(ticket.id), ticket.id).toMatchObject({
            kind: 'ticket',
            ticket: { receipt: ticket.receipt },
          });
      }
      print(`${tickets} tickets, ${rounds} rounds`, figures);
      await expectConservation(house, sale);
    },
    patience,
  );

  it(
    `${smallSales} sales of one shard are all open again after losing everything`,
    async () => {
      const sales: string[] = [];
      for (let sale = 0; sale < smallSales; sale++) sales.push(await openTees(house, 5));
      await Promise.all(sales.map((sale) => reserve(house, sale, 'ann')));
      for (const sale of sales) await atRest(house, sale, patience);
      const figures: Record<string, number[]> = { 'emptied: every sale sells after, ms': [] };
      for (let round = 0; round < Math.min(rounds, 3); round++) {
        const emptiedAt = performance.now();
        await emptyRedis(house);
        await Promise.all(sales.map((sale) => sellsAgain(house, sale, `b${round}`)));
        figures['emptied: every sale sells after, ms']?.push(Math.round(performance.now() - emptiedAt));
      }
      print(`${smallSales} sales`, figures);
      for (const sale of sales) await expectConservation(house, sale);
    },
    patience,
  );
});

interface Sampled {
  ticket: Ticket;
  buyer: string;
}

async function sellMany(house: House, saleId: string): Promise<Sampled[]> {
  const sample: Sampled[] = [];
  for (let first = 0; first < tickets; first += together) {
    const count = Math.min(together, tickets - first);
    const buying = Array.from({ length: count }, async (_, index) => {
      const buyer = `buyer-${(first + index).toString(36).padStart(8, '0')}`;
      const ticket = await until(
        `${buyer} to get a ticket`,
        async () => {
          const answer = await reserve(house, saleId, buyer);
          return answer.kind === 'admitted' ? answer.ticket : null;
        },
        patience,
      );
      if ((first + index) % sampled === 0) sample.push({ ticket, buyer });
    });
    await Promise.all(buying);
  }
  return sample;
}

/** Written by hand into the ledger, which is what a rebuild reads, and heard by the gate by that same rebuild. */
async function settleMost(house: House, saleId: string): Promise<void> {
  await house.rows(
    `update reservations set status = 'confirmed', confirmed_at = now(), expires_at = null, version = version + 1
      where sale_id = $1 and seq % 20 <> 0`,
    [saleId],
  );
}

function reserve(house: House, saleId: string, buyerId: string) {
  return house.edge.reserve({ saleId, buyerId, lines: null, idempotencyKey: `the key of ${buyerId}` });
}

async function sellsAgain(house: House, saleId: string, buyerId: string): Promise<void> {
  await until(
    `sale ${saleId} to sell again`,
    async () => (await reserve(house, saleId, buyerId)).kind === 'admitted',
    patience,
  );
}

async function filesOf(house: House): Promise<number> {
  const folder = join(house.redis.dir, 'appendonlydir');
  const sizes = (await readdir(folder)).map((name) => statSync(join(folder, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

function print(title: string, figures: Record<string, number[]>): void {
  console.log(title);
  for (const [what, values] of Object.entries(figures)) console.log(`  ${what}: ${values.join(', ')}`);
}
