import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectLawful } from '../support/audit.ts';
import { expectConservation } from '../support/conservation.ts';
import { withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { rushUnderWatch } from '../support/rush-under-watch.ts';
import { buy, buyMany, openTees, until } from '../support/sales.ts';

const gateKey = (saleId: string) => `{s0}:sale:${saleId}`;

/** A counter of the gate becomes another, by no script of ours. */
function plantAtGate(house: House, saleId: string, field: string, by: number): Promise<number> {
  return withRedis(house, (redis) => redis.hincrby(gateKey(saleId), field, by));
}

async function availableOf(house: House, saleId: string): Promise<number> {
  const view = await house.edge.readSale(saleId);
  return view.kind === 'sale' ? (view.sale.items[0]?.available ?? -1) : -1;
}

async function repairsOf(house: House, saleId: string): Promise<unknown[]> {
  const journal = await house.ledger.journal(saleId, 0, 10_000);
  return journal
    .filter(
      ({ type, data }) =>
        type === 'repaired' || (type === 'gate_rebuilt' && data.why?.includes('more than there')),
    )
    .map(({ type, data }) => (type === 'repaired' ? [data.repair, data.sku, data.delta] : data.why));
}

describe('the repair', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 2 });
  });
  afterAll(() => house.close());

  it('F46: puts units back on sale that the gate gave to nobody', async () => {
    const sale = await openTees(house, 5);
    expect((await buyMany(house.edge, sale, 'b', 3)).filter(Boolean)).toHaveLength(3);
    await plantAtGate(house, sale, 'admitted:tee', 2);
    expect(await buy(house.edge, sale, 'too early'), 'sold out, although two units are nobody’s').toBeNull();
    await until('the units to be back', async () => (await availableOf(house, sale)) === 2);
    expect((await buyMany(house.edge, sale, 'c', 4)).filter(Boolean)).toHaveLength(2);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 5 } });
    await expectLawful(house, sale);
    expect(await repairsOf(house, sale)).toEqual([['leak', 'tee', 2]]);
    expect(house.repaired.filter(({ saleId }) => saleId === sale)).toEqual([
      { saleId: sale, sku: 'tee', kind: 'leak', units: 2 },
    ]);
  });

  it('F46: raises a ceiling that is lower than what the ledger has', async () => {
    const sale = await openTees(house, 5);
    await buy(house.edge, sale, 'ann');
    // Any settlement raises it; at rest there is none.
    await expectConservation(house, sale);
    await plantAtGate(house, sale, 'ceiling:tee', -4);
    expect(await buy(house.edge, sale, 'too early')).toBeNull();
    await until('the units to be back', async () => (await availableOf(house, sale)) === 4);
    expect((await buyMany(house.edge, sale, 'c', 6)).filter(Boolean)).toHaveLength(4);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 5 } });
    await expectLawful(house, sale);
    expect(await repairsOf(house, sale)).toEqual([['low_ceiling', 'tee', 4]]);
  });

  it('F46: puts units back on sale that the ledger counted and no row has', async () => {
    const sale = await openTees(house, 5);
    await buy(house.edge, sale, 'ann');
    await house.rows('update items set taken = taken + 2 where sale_id = $1', [sale]);
    await until('the counters to be mended', async () => (await repairsOf(house, sale)).length === 2);
    await until('the units to be back', async () => (await availableOf(house, sale)) === 4);
    expect((await buyMany(house.edge, sale, 'c', 6)).filter(Boolean)).toHaveLength(4);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 5 } });
    await expectLawful(house, sale);
    expect(await repairsOf(house, sale)).toEqual([
      'the gate had 2 units more than there are',
      ['taken_without_row', 'tee', 2],
    ]);
  });

  it('F47: a gate that offers a unit too many is closed and rebuilt, and nobody has a unit that there never was', async () => {
    const sale = await openTees(house, 5);
    await plantAtGate(house, sale, 'ceiling:tee', 1);
    const tickets = (await buyMany(house.edge, sale, 'b', 8)).filter((ticket) => ticket !== null);
    expect(tickets.length, 'the gate was wrong by one, or was found in time').toBeLessThanOrEqual(6);
    const rows = await expectConservation(house, sale);
    expect(rows['tee']?.['held']).toBe(5);
    for (const ticket of tickets.slice(5))
      expect(await house.edge.readTicket(ticket.id)).toMatchObject({
        ticket: { status: 'rejected', reason: 'sold_out' },
      });
    expect((await house.ledger.readSale(sale))?.cursor.epoch).toBe(2);
  });

  it('F47: a gate at rest that forgot a unit it gave is rebuilt before it can give it again', async () => {
    const sale = await openTees(house, 5);
    await buyMany(house.edge, sale, 'b', 3);
    await expectConservation(house, sale);
    await plantAtGate(house, sale, 'admitted:tee', -1);
    await until('the gate to be rebuilt', async () => (await repairsOf(house, sale)).length === 1);
    await until('the gate to be open', async () => (await availableOf(house, sale)) === 2);
    expect((await buyMany(house.edge, sale, 'c', 6)).filter(Boolean)).toHaveLength(2);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 5 } });
    await expectLawful(house, sale);
    expect(await repairsOf(house, sale)).toEqual(['the gate had 1 unit more than there is']);
  });
});

describe('the repair in the middle of a rush', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 0 });
  });
  afterAll(() => house.close());

  it(
    'F47, F42: has nothing to mend in two hundred looks, although runs die before settling',
    () => rushUnderWatch(house, 200),
    120_000,
  );
});
