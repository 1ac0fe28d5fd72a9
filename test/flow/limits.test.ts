import type { EdgeGate } from '@holdfast/core';
import { createEdgeGate, type EdgeGateOptions } from '@holdfast/gate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, read, reserve, statuses, tell } from '../support/commands.ts';
import { expectConservation } from '../support/conservation.ts';
import { withRedis } from '../support/damage.ts';
import { openFaultyLine } from '../support/faulty-line.ts';
import { type House, openHouse } from '../support/house.ts';
import { openTees, until } from '../support/sales.ts';

const item = (sku: string, stock: number) => ({
  sku,
  name: sku,
  description: null,
  imageUrl: null,
  priceMinor: 100,
  stock,
});

describe('an edge that cannot let everybody in', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  async function withEdge(
    options: Partial<EdgeGateOptions>,
    work: (edge: EdgeGate) => Promise<void>,
  ): Promise<void> {
    const edge = await createEdgeGate({ redisUrl: house.redis.url, ring: () => undefined, ...options });
    try {
      await work(edge);
    } finally {
      await edge.close();
    }
  }

  it('refuses newcomers while the ledger is too far behind, and still lets those pay who have a ticket', async () => {
    const sale = await openTees(house, 50);
    await withEdge({ intakeLimit: 5 }, async (edge) => {
      const tickets = await Promise.all(
        Array.from({ length: 5 }, (_, index) => reserve(edge, sale, `b${index}`)),
      );
      expect(await ask(edge, sale, 'late')).toMatchObject({
        code: 'ledger_unavailable',
        retryAfterSeconds: 2,
      });
      const first = tickets[0] ?? (await reserve(edge, sale, 'never'));
      expect(await tell(edge, first, 'confirm')).toMatchObject({ kind: 'appended' });
      expect(await tell(edge, first, 'extend'), 'their room has an end as well').toMatchObject({
        code: 'ledger_unavailable',
      });
      expect(await tell(edge, first, 'confirm'), 'a repeat needs no room').toMatchObject({
        kind: 'appended',
      });
      await house.commit(sale);
      expect(await statuses(edge, first)).toEqual(['confirmed']);
      await reserve(edge, sale, 'late');
      await house.commit(sale);
    });
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, held: 5 } });
  });

  it('lets one ticket ask only so much, and no other suffers from it', async () => {
    const sale = await openTees(house, 5);
    const [ann, bob] = [await reserve(house.edge, sale, 'ann'), await reserve(house.edge, sale, 'bob')];
    const codes: string[] = [];
    for (let turn = 0; turn < 80; turn++) {
      const answer = await tell(house.edge, ann, 'extend', { idempotencyKey: `key ${turn}` });
      codes.push(answer.kind === 'refused' ? answer.code : answer.kind);
    }
    expect(codes.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 'appended'));
    expect(codes.slice(70)).toEqual(Array.from({ length: 10 }, () => 'rate_limited'));
    expect(
      await tell(house.edge, ann, 'extend', { idempotencyKey: 'key 0' }),
      'what was asked before is answered',
    ).toMatchObject({ kind: 'appended' });
    expect(await tell(house.edge, bob, 'confirm')).toMatchObject({ kind: 'appended' });
    await house.commit(sale);
    expect(await statuses(house.edge, ann, bob)).toEqual(['held', 'confirmed']);
    const outcomes = Object.values((await read(house.edge, ann)).outcomes);
    expect(
      outcomes.filter((outcome) => outcome === 'ok'),
      'the rule of the sale allows one extension',
    ).toHaveLength(1);
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1, held: 1 } });
  });

  it('refuses at once what would have to wait too long, and answers everybody else', async () => {
    const sale = await openTees(house, 100);
    const codes = new Map<string, number>();
    // Time for all who wait, on a machine that does much else.
    await withEdge({ deadlineMs: 60_000 }, async (edge) => {
      await edge.readSale(sale);
      const answers = await Promise.all(
        Array.from({ length: 20_200 }, (_, index) => ask(edge, sale, `b${index}`)),
      );
      for (const answer of answers) {
        const code = answer.kind === 'refused' ? answer.code : answer.kind;
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    });
    expect(Object.fromEntries(codes)).toEqual({ admitted: 100, sold_out: 19_900, gate_unavailable: 200 });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 100 } });
  });

  it('says what is unknown: the sale, the item, the ticket', async () => {
    const sale = await openTees(house, 5);
    const ann = await reserve(house.edge, sale, 'ann');
    expect(await ask(house.edge, 'no-such-sale', 'ann')).toMatchObject({ code: 'unknown_sale' });
    expect(await house.edge.readSale('no-such-sale')).toMatchObject({ code: 'unknown_sale' });
    const lines = [{ sku: 'hat', quantity: 1 }];
    expect(
      await house.edge.reserve({ saleId: sale, buyerId: 'ann', lines, idempotencyKey: null }),
    ).toMatchObject({ code: 'unknown_item' });
    const secret = 'A'.repeat(22);
    for (const ticketId of ['nonsense', `0-${sale}-${secret}`, `0-no-such-sale-${secret}`]) {
      expect(await house.edge.readTicket(ticketId), ticketId).toMatchObject({ code: 'unknown_ticket' });
      expect(await tell(house.edge, { ...ann, id: ticketId }, 'confirm'), ticketId).toMatchObject({
        code: 'unknown_ticket',
      });
    }
    expect(() => house.edge.watchTicket('nonsense', () => undefined)()).not.toThrow();
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
  });

  it('takes all lines of a party or none, and says which one is missing', async () => {
    const sale = await openTees(house, 0, { items: [item('tee', 5), item('hat', 2)] });
    const party = (buyerId: string, hats: number) =>
      house.edge.reserve({
        saleId: sale,
        buyerId,
        lines: [
          { sku: 'tee', quantity: 2 },
          { sku: 'hat', quantity: hats },
        ],
        idempotencyKey: null,
      });
    expect(await party('ann', 3)).toMatchObject({ code: 'sold_out', sku: 'hat' });
    expect(await party('bob', 3), 'and remembers it').toMatchObject({ code: 'sold_out', sku: 'hat' });
    expect(await party('cem', 2), 'a smaller party is asked for').toMatchObject({ kind: 'admitted' });
    expect(
      await house.edge.reserve({ saleId: sale, buyerId: 'dee', lines: null, idempotencyKey: null }),
    ).toMatchObject({ code: 'invalid_body' });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 }, hat: { held: 2 } });
  });

  it('opens and closes by the clock of the gate, and says when it opens', async () => {
    const now = Date.now();
    const later = await openTees(house, 5, { opensAt: now + 3_600_000 });
    const over = await openTees(house, 5, { closesAt: now - 1_000 });
    const draft = await openTees(house, 5, { status: 'draft' });
    expect(await ask(house.edge, later, 'ann')).toMatchObject({ code: 'not_open', opensAt: now + 3_600_000 });
    expect(await ask(house.edge, over, 'ann')).toMatchObject({ code: 'closed' });
    const unopened = await ask(house.edge, draft, 'ann');
    expect(unopened).toMatchObject({ code: 'not_open' });
    expect(unopened, 'nobody knows when').toHaveProperty('opensAt', undefined);
    const listed = await house.edge.listSales();
    const ids = listed.kind === 'sales' ? listed.sales.map((sale) => sale.id) : [];
    expect(ids).toEqual(expect.arrayContaining([later, over]));
    expect(ids, 'drafts are nobody else’s business').not.toContain(draft);
    await house.commit(over);
    expect((await house.ledger.readSale(over))?.sale.status, 'the ledger follows by itself').toBe('closed');
    expect(await house.desk.move(over, 'open', null), 'who opens means now').toMatchObject({ kind: 'done' });
    await reserve(house.edge, over, 'ann');
    await house.commit(over);
    expect(await expectConservation(house, over)).toEqual({ tee: { held: 1 } });
  });

  it('sells by the terms of the moment, though they change under its buyers', async () => {
    const sale = await openTees(house, 400);
    await withEdge({ maxBatch: 16, maxInFlight: 1 }, async (edge) => {
      const buying = Promise.all(
        Array.from({ length: 300 }, async (_, index) => {
          if (index % 20 === 0) await edge.readSale(sale);
          return until(`buyer ${index} to be let in`, async () => {
            const answer = await ask(edge, sale, `b${index}`, 1, 'once');
            return answer.kind === 'admitted' ? answer.ticket.id : null;
          });
        }),
      );
      for (let turn = 0; turn < 10; turn++) {
        expect(await house.desk.change(sale, { name: `Tees ${turn}` }, null)).toMatchObject({ kind: 'done' });
      }
      expect(new Set(await buying).size).toBe(300);
      expect(await edge.readSale(sale)).toMatchObject({
        sale: { name: 'Tees 9', items: [{ available: 100 }] },
      });
      expect(await house.desk.change(sale, { perBuyerLimit: 1 }, null)).toMatchObject({ kind: 'done' });
      expect(await ask(edge, sale, 'b0'), 'the next buyer at any edge').toMatchObject({
        code: 'limit_reached',
      });
    });
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 300 } });
  });

  it('forgets that it was sold out as soon as something comes back', async () => {
    const sale = await openTees(house, 1);
    const ann = await reserve(house.edge, sale, 'ann');
    for (let turn = 0; turn < 3; turn++)
      expect(await ask(house.edge, sale, `b${turn}`)).toMatchObject({ code: 'sold_out' });
    let woken = 0;
    const unwatch = house.edge.watchSale(sale, () => void woken++);
    expect(await house.desk.restock(sale, 'tee', 1, null)).toMatchObject({ kind: 'done' });
    await until('the news to reach the edge', async () => woken > 0);
    expect(await ask(house.edge, sale, 'cem')).toMatchObject({ kind: 'admitted' });
    expect(await ask(house.edge, sale, 'dee')).toMatchObject({ code: 'sold_out' });
    unwatch();
    const ended = new Promise<void>((resolve) => {
      const stop = house.edge.watchTicket(ann.id, () => {
        stop();
        resolve();
      });
    });
    await tell(house.edge, ann, 'cancel');
    await house.commit(sale);
    await ended;
    expect(await statuses(house.edge, ann)).toEqual(['cancelled']);
    expect(await expectConservation(house, sale)).toEqual({ tee: { cancelled: 1, held: 1 } });
  });

  it('remembers for a second only that it was sold out, even when it hears no news', async () => {
    const sale = await openTees(house, 1);
    await reserve(house.edge, sale, 'ann');
    expect(await ask(house.edge, sale, 'bob')).toMatchObject({ code: 'sold_out' });
    await withRedis(house, (redis) => redis.hincrby(`{s0}:sale:${sale}`, 'ceiling:tee', 1));
    expect(await ask(house.edge, sale, 'bob'), 'the memory answers').toMatchObject({ code: 'sold_out' });
    await until(
      'the gate to be asked again',
      async () => (await ask(house.edge, sale, 'cem')).kind === 'admitted',
      3_000,
    );
    // The ledger's restock says what the gate was told by hand.
    expect(await house.desk.restock(sale, 'tee', 1, null)).toMatchObject({ kind: 'done' });
    await house.commit(sale);
    const units = await expectConservation(house, sale);
    expect(units['tee']?.['held']).toBeGreaterThan(0);
  });

  it('answers within its deadline while Redis is away, and goes on when it is back', async () => {
    const sale = await openTees(house, 5);
    const line = await openFaultyLine(Number(new URL(house.redis.url).port));
    const faults: Error[] = [];
    const options = {
      redisUrl: `redis://127.0.0.1:${line.port}`,
      deadlineMs: 150,
      onError: (error: Error) => void faults.push(error),
    };
    try {
      await withEdge(options, async (edge) => {
        const ann = await reserve(edge, sale, 'ann');
        let woken = 0;
        edge.watchTicket(ann.id, () => void woken++);
        edge.watchSale(sale, () => void woken++);
        line.cut();
        const answers = await Promise.all([
          ask(edge, sale, 'bob'),
          edge.readTicket(ann.id),
          edge.readSale(sale),
          edge.listSales(),
          tell(edge, ann, 'confirm'),
          ask(edge, 'another-sale', 'bob'),
        ]);
        for (const answer of answers)
          expect(answer).toMatchObject({ kind: 'refused', code: 'gate_unavailable', retryAfterSeconds: 1 });
        await expect(edge.ping()).rejects.toThrow();
        expect(faults.length).toBeGreaterThan(0);
        await house.commit(sale);
        const before = woken;
        line.heal();
        await until('everyone who watches to be woken after the break', async () => woken >= before + 2);
        await until('the edge to sell again', async () => (await ask(edge, sale, 'cem')).kind === 'admitted');
        expect(await statuses(edge, ann)).toEqual(['held']);
      });
    } finally {
      await line.close();
    }
    await house.commit(sale);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 2 } });
  });
});
