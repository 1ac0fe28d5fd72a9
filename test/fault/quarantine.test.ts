import { createQuarantine, createCommitter } from '@holdfast/pipeline';
import { makeTicketId, newerPatienceMs } from '@holdfast/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read, tell } from '../support/commands.ts';
import { expectLawful } from '../support/audit.ts';
import { expectConservation } from '../support/conservation.ts';
import { plantEntry, withRedis } from '../support/damage.ts';
import { type House, openHouse } from '../support/house.ts';
import { buy, buyMany, openTees, until } from '../support/sales.ts';

const secret = 'PoisonPoisonPoisonPois';

async function quarantinesOf(house: House, saleId: string) {
  const journal = await house.ledger.journal(saleId, 0, 10_000);
  return journal.filter(({ type }) => type === 'quarantined').map(({ data }) => data);
}

describe('an entry that cannot be committed', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 2 });
  });
  afterAll(() => house.close());

  it('F23: in no known form and with nothing to read is taken out of the line, and the repair finds its units', async () => {
    const sale = await openTees(house, 5);
    await buy(house.edge, sale, 'ann');
    const seq = await plantEntry(house, sale, 'this is no entry', 2);
    const behind = await buyMany(house.edge, sale, 'b', 2);
    await until('those behind it to be served', async () => {
      const answer = await house.edge.readTicket(behind[1]?.id ?? '');
      return answer.kind === 'ticket' && answer.ticket.status === 'held';
    });
    expect(await quarantinesOf(house, sale)).toEqual([
      { seq, epoch: 1, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    await until('its units to be back', async () => (await buyMany(house.edge, sale, 'c', 1))[0]);
    await until('the other as well', async () => (await buyMany(house.edge, sale, 'd', 1))[0]);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 5 } });
    await expectLawful(house, sale);
    expect(house.logged.join('\n')).toContain('quarantined');
  });

  it('F23: in no known form, but with ticket and units to be read: the units are back at once, and the ticket is told', async () => {
    const sale = await openTees(house, 5);
    const ticketId = makeTicketId('0', sale, secret);
    const text = (_: number, at: number) =>
      `2\nzoe\n\n\nconjure\n${ticketId}\n[["tee",2,4900]]\nf\n1\n${at}\n1`;
    const seq = await plantEntry(house, sale, text, 2);
    await withRedis(house, (redis) =>
      redis.set(
        `{s0}:ticket:${ticketId}`,
        `1\n\nqueued\n\n\n${seq}\n1\n1\n1\n${'0'.repeat(40)}\nzoe\n[["tee",2,4900]]\n`,
      ),
    );
    await until('the ticket to be told', async () => {
      const answer = await house.edge.readTicket(ticketId);
      return answer.kind === 'ticket' && answer.ticket.status === 'rejected';
    });
    expect(await house.edge.readTicket(ticketId)).toMatchObject({ ticket: { reason: 'quarantined' } });
    expect((await buyMany(house.edge, sale, 'b', 7)).filter(Boolean)).toHaveLength(5);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 5, rejected: 2 } });
    await expectLawful(house, sale);
    expect(await quarantinesOf(house, sale)).toMatchObject([{ seq, lines: [['tee', 2, 4900]] }]);
    expect(house.repaired.filter(({ saleId }) => saleId === sale)).toEqual([]);
  });

  it('F23: that the ledger cannot store is found among forty others, which are served in their order', async () => {
    const sale = await openTees(house, 50);
    house.freeze(sale);
    const before = await buyMany(house.edge, sale, 'a', 20);
    const poison = await buy(house.edge, sale, 'nul \u0000 in the name');
    const behind = await buyMany(house.edge, sale, 'b', 20);
    house.thaw(sale);
    expect(poison).not.toBeNull();
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 40, rejected: 1 } });
    await expectLawful(house, sale);
    const answer = await house.edge.readTicket(poison?.id ?? '');
    expect(answer).toMatchObject({ ticket: { status: 'rejected', reason: 'quarantined' } });
    const held = (await house.ledger.journal(sale, 0, 1_000)).filter(({ type }) => type === 'held');
    expect(held.map(({ ticketId }) => ticketId)).toEqual([...before, ...behind].map((ticket) => ticket?.id));
    expect(await quarantinesOf(house, sale)).toMatchObject([{ seq: 21, lines: [['tee', 1, 4900]] }]);
  });

  it('F23: a command that the ledger cannot store is refused, and the hold stays what it was', async () => {
    const sale = await openTees(house, 2);
    const ticket = await buy(house.edge, sale, 'ann');
    if (ticket === null) throw new Error('There were two');
    await expectConservation(house, sale);
    await tell(house.edge, ticket, 'confirm', { paymentRef: 'nul \u0000', idempotencyKey: 'k' });
    const told = await until('the command to be answered', async () => {
      const { outcomes } = await read(house.edge, ticket);
      return Object.values(outcomes).length > 0 && outcomes;
    });
    expect(Object.values(told)).toEqual(['quarantined']);
    await tell(house.edge, ticket, 'confirm', { paymentRef: 'pi_1', idempotencyKey: 'k2' });
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 1 } });
    await expectLawful(house, sale);
  });

  it('F23: is not taken for poison while the ledger is in trouble of its own', async () => {
    const sale = await openTees(house, 5);
    // A sequence goes on although its transaction is rolled back.
    await house.rows('create sequence tries');
    await house.rows(`
      create function away() returns trigger language plpgsql as $$ begin
        perform nextval('tries');
        raise exception 'no room on the disk' using errcode = '53100';
      end $$`);
    await house.rows(
      `create trigger away before insert on reservations for each row when (new.sale_id = '${sale}') execute function away()`,
    );
    const ticket = await buy(house.edge, sale, 'ann');
    if (ticket === null) throw new Error('There were five');
    await until('more tries than any poison has', async () => {
      const [tries] = await house.rows<{ last_value: string }>('select last_value from tries');
      return Number(tries?.last_value) >= 12;
    });
    expect((await read(house.edge, ticket)).status).toBe('queued');
    await house.rows('drop trigger away on reservations');
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 1 } });
    await expectLawful(house, sale);
    expect(await quarantinesOf(house, sale)).toEqual([]);
  });
});

describe('while old and new programs run beside each other', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ workers: 1 });
  });
  afterAll(() => house.close());

  it('F50: an entry of the version before is read as what it is', async () => {
    const sale = await openTees(house, 5);
    const ticketId = makeTicketId('0', sale, secret);
    house.freeze(sale);
    await plantEntry(
      house,
      sale,
      (_, at) => `1\nreserve\n\n${ticketId}\nzoe\n[["tee",2,4900]]\nkey\nprint\n1\n${at}\n1`,
      2,
    );
    await plantEntry(
      house,
      sale,
      (_, at) => `1\nconfirm\nc1\n${ticketId}\n\n{"paymentRef":"pi_1"}\n\n\n0\n${at + 1}\n1`,
    );
    const next = await buy(house.edge, sale, 'ann');
    house.thaw(sale);
    expect(next).not.toBeNull();
    expect(await expectConservation(house, sale)).toEqual({ tee: { confirmed: 2, held: 1 } });
    await expectLawful(house, sale);
    const [row] = await house.ledger.readReservations(sale, [ticketId]);
    expect(row).toMatchObject({
      buyerId: 'zoe',
      idempotencyKey: 'key',
      paymentRef: 'pi_1',
      outcomes: { c1: 'ok' },
    });
    expect(await quarantinesOf(house, sale)).toEqual([]);
  });

  it('F50: an entry of a newer version waits for whoever can read it, and after ten minutes no longer', async () => {
    const sale = await openTees(house, 5);
    const ticketId = makeTicketId('0', sale, secret);
    const text = (_: number, at: number) =>
      `3\nwhat\ncomes\n${ticketId}\n[["tee",1,4900]]\nnext\n1\n${at}\n1`;
    await plantEntry(house, sale, text, 1);
    await until('it to be met five times', async () => {
      const met = house.logged.filter((line) => line.startsWith('poison') && line.includes(sale));
      return met.length >= 5 && met.every((line) => line.includes('"newer":true'));
    });
    expect(await quarantinesOf(house, sale)).toEqual([]);
    expect((await house.ledger.readSale(sale))?.cursor.epoch, 'nor is its gate rebuilt').toBe(1);
    // A worker that has waited for long enough.
    const impatient = createCommitter({
      ledger: house.ledger,
      gate: house.gate,
      quarantine: createQuarantine({ patienceMs: 0 }),
    });
    for (let run = 0; run < 3; run += 1) await impatient.commitSale(sale);
    expect(await quarantinesOf(house, sale)).toMatchObject([{ lines: [['tee', 1, 4900]] }]);
    expect((await buyMany(house.edge, sale, 'b', 6)).filter(Boolean)).toHaveLength(5);
    expect(await expectConservation(house, sale)).toEqual({ tee: { held: 5, rejected: 1 } });
    await expectLawful(house, sale);
    expect(newerPatienceMs).toBe(600_000);
  });
});
