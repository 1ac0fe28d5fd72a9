import { describe, expect, it } from 'vitest';
import { addAcknowledged, addConfirmed, type Evidence } from './evidence.ts';
import type { Row } from './merchant.ts';
import { isBroken, laws } from './proof.ts';
import { judge, type Verdict } from './verdict.ts';

describe('the proof', () => {
  it('finds nothing where every unit is sold once, in order, and every promise is in a row', async () => {
    const verdict = await judgeThat([row('t1', 1), row('t2', 2, 'held'), row('t3', 3, 'expired')], {
      available: 0,
    });
    expect(laws(proofOf(verdict))).toEqual({
      oversold: 0,
      leaked: 0,
      lost: 0,
      'out of order': 0,
      doubled: 0,
      'offered twice': 0,
      overtaken: null,
    });
    expect(isBroken(proofOf(verdict))).toBe(false);
    expect(verdict.rows).toEqual({ confirmed: 1, held: 1, expired: 1 });
  });

  it('sees a unit sold twice, counted in units and not in tickets', async () => {
    const two = { lines: [{ sku: 'tee', quantity: 2 }] };
    const verdict = await judgeThat([row('t1', 1), { ...row('t2', 2), ...two }, row('t3', 3, 'expired')], {
      available: 0,
    });
    expect(verdict.oversold).toBe(1);
    expect(isBroken(proofOf(verdict))).toBe(true);
  });

  it('does not let one item make up for another', async () => {
    const rows = [row('t1', 1), row('t2', 2), row('t3', 3)];
    const cap = { sku: 'cap', stock: 5, available: 5 };
    const verdict = await judge(
      promises(),
      { id: 's', holdSeconds: 3, items: [{ sku: 'tee', stock: 2, available: 0 }, cap] },
      rows,
      'included',
    );
    expect(verdict.oversold).toBe(1);
  });

  it('sees a buyer with more than the sale allows one, over all tickets that count', async () => {
    const ofAnn = (ticketId: string, seq: number, status: string) => ({
      ...row(ticketId, seq, status),
      buyerId: 'ann',
    });
    const rows = [ofAnn('t1', 1, 'held'), ofAnn('t2', 2, 'confirmed'), ofAnn('t3', 3, 'expired')];
    const judged = (perBuyerLimit: number | null) =>
      judge(
        promises(),
        { id: 's', holdSeconds: 3, perBuyerLimit, items: [{ sku: 'tee', stock: 5, available: 3 }] },
        rows,
        'included',
      );
    expect([await judged(1), await judged(2), await judged(null)].map(({ overLimit }) => overLimit)).toEqual([
      1,
      0,
      null,
    ]);
    expect(isBroken(proofOf(await judged(1)))).toBe(true);
  });

  it('sees a unit that nobody can buy, and one that is offered although it is sold', async () => {
    expect(
      await judgeThat([row('t1', 1), row('t2', 2, 'expired'), row('t3', 3, 'expired')], { available: 0 }),
    ).toMatchObject({
      leaked: 1,
      offeredTwice: 0,
    });
    expect(
      await judgeThat([row('t1', 1), row('t2', 2), row('t3', 3, 'expired')], { available: 1 }),
    ).toMatchObject({
      leaked: 0,
      offeredTwice: 1,
    });
  });

  it('sees an acknowledged ticket without a row, and a paid one whose row says otherwise', async () => {
    expect((await judgeThat([row('t1', 1), row('t2', 2)], { available: 0 })).lost).toBe(1);
    expect(
      (await judgeThat([row('t1', 1, 'expired'), row('t2', 2), row('t3', 3)], { available: 0 })).lost,
    ).toBe(1);
    expect(
      (await judgeThat([row('t1', 1, 'returned'), row('t2', 2), row('t3', 3)], { available: 0 })).lost,
    ).toBe(0);
  });

  it('sees a later buyer before an earlier one, by the rows and not by what the edge said', async () => {
    expect((await judgeThat([row('t1', 3), row('t2', 2), row('t3', 1)], { available: 0 })).outOfOrder).toBe(
      3,
    );
    const newEpoch = [
      { ...row('t1', 9), epoch: 1 },
      { ...row('t2', 2), epoch: 2 },
      { ...row('t3', 3), epoch: 2 },
    ];
    expect((await judgeThat(newEpoch, { available: 0 })).outOfOrder).toBe(0);
  });

  it('sees a ticket with two rows, and tells rows of other people', async () => {
    const verdict = await judgeThat(
      [row('t1', 1), row('t1', 1), row('t2', 2), row('t3', 3), row('x', 4, 'expired')],
      { available: 0 },
    );
    expect(verdict).toMatchObject({ doubled: 1, unheard: 1 });
  });

  it("is broken by the console's own audit, and by a journal that does not hold", async () => {
    const verdict = await judgeThat([row('t1', 1), row('t2', 2), row('t3', 3, 'expired')], { available: 0 });
    const whole = {
      ...proofOf(verdict),
      audit: { ok: true, checks: [] },
      journal: { events: 3, oversoldAtWorst: 0, overtaken: 0, fault: null },
    };
    expect(isBroken(whole)).toBe(false);
    expect(isBroken({ ...whole, audit: { ok: false, checks: [] } })).toBe(true);
    expect(isBroken({ ...whole, journal: { ...whole.journal, oversoldAtWorst: 1 } })).toBe(true);
    expect(isBroken({ ...whole, journal: { ...whole.journal, overtaken: 1 } })).toBe(true);
    expect(
      isBroken({ ...whole, journal: { ...whole.journal, fault: 'the hash at position 2 is wrong' } }),
    ).toBe(true);
  });

  it('claims no leak where it cannot see everybody', async () => {
    const sale = { id: 's', holdSeconds: 3, items: [{ sku: 'tee', stock: 9, available: 0 }] };
    const verdict = await judge(promises(), sale, [row('t1', 1), row('t2', 2), row('t3', 3)], 'unseen');
    expect(verdict).toMatchObject({ leaked: null, offeredTwice: null });
    expect(isBroken(proofOf(verdict))).toBe(false);
  });
});

function proofOf(verdict: Verdict) {
  return { verdict, audit: undefined, journal: undefined, atRest: true };
}

/** Three tickets, each asked for after the one before was answered; the first is confirmed. */
function promises(): Evidence {
  const evidence: Evidence = new Map();
  addAcknowledged(evidence, {
    ticketIds: ['t1', 't2', 't3'],
    receipts: ['1.1.a', '1.2.b', '1.3.c'],
    seqs: [1, 2, 3],
    sentAtMs: [0, 10, 20],
    receivedAtMs: [5, 15, 25],
  });
  addConfirmed(evidence, ['t1']);
  return evidence;
}

function judgeThat(rows: Row[], { available }: { available: number }) {
  return judge(
    promises(),
    { id: 's', holdSeconds: 3, items: [{ sku: 'tee', stock: 2, available }] },
    rows,
    'included',
  );
}

function row(ticketId: string, seq: number, status = 'confirmed'): Row {
  return { ticketId, buyerId: 'ada', status, seq, epoch: 1, lines: [{ sku: 'tee', quantity: 1 }] };
}
