/** One buyer's way: look, ask, watch, and then pay, give back, take more time, pay too late, or walk away. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation } from '../history.ts';
import type { Random } from '../random.ts';
import type { Ask } from './ask.ts';
import type { Follow } from './follow.ts';
import { chooseLines, type Good } from './goods.ts';

export interface Visit {
  /** Resolves when the buyer has gone home. */
  come(good: Good, number: number, random: Random): Promise<void>;
  /** Buys one unit and pays it at once; says whether it was bought. */
  buyOne(good: Good, sku: string, buyerId: string): Promise<'bought' | 'sold_out' | 'not'>;
}

const decideMs = 40_000;
const waitlistPatienceMs = 15_000;
const lastWaitMs = 8_000;
const settled = [
  'held',
  'confirmed',
  'cancelled',
  'expired',
  'rejected',
  'returned',
  'refund_due',
  'refunded',
];
const over = settled.filter((status) => status !== 'held');

export function createVisit(edges: readonly string[], ask: Ask, follow: Follow): Visit {
  return { come, buyOne };

  async function come(good: Good, number: number, random: Random): Promise<void> {
    const { saleId, kind } = good;
    if (random.chance(0.15))
      await ask.once(
        random.pick(edges),
        { op: 'sale', saleId },
        { method: 'GET', path: `/v1/sales/${saleId}` },
      );
    const buyerId = `${saleId}-${random.whole(1, good.people)}`;
    const key = random.chance(0.7) ? `visit-${number}` : null;
    const ticket = await reserve(good, buyerId, chooseLines(good, random), key, random);
    if (ticket === null) return;
    let seen = await follow.until(
      saleId,
      ticket,
      kind === 'waitlist' ? [...settled, 'waitlisted'] : settled,
      decideMs,
    );
    if (seen?.status === 'waitlisted') {
      if (random.chance(0.1)) {
        await command('cancel', saleId, ticket, key, null);
        return;
      }
      seen = await follow.until(saleId, ticket, settled, waitlistPatienceMs);
      // Who has waited enough mostly says so; the others are called when they are gone.
      if (seen === null && random.chance(0.8)) await command('cancel', saleId, ticket, key, null);
    }
    if (seen?.status === 'held') await act(good, ticket, key, random);
  }

  async function act(good: Good, ticket: string, key: string | null, random: Random): Promise<void> {
    const { saleId, holdSeconds } = good;
    const hold = holdSeconds * 1_000;
    const what = random.next();
    const paymentRef = random.chance(0.5) ? `pay-${ticket}` : null;
    if (what < 0.45) {
      await sleep(random.between(0, hold * 0.7));
      await command('confirm', saleId, ticket, key, paymentRef);
    } else if (what < 0.55) {
      await sleep(random.between(0, hold * 0.7));
      await command('cancel', saleId, ticket, key, null);
    } else if (what < 0.65) {
      await command('extend', saleId, ticket, key, null);
      await sleep(random.between(0, hold));
      if (random.chance(0.6)) await command('confirm', saleId, ticket, null, paymentRef);
    } else if (what < 0.75) {
      await follow.until(saleId, ticket, over, hold + decideMs);
      await command('confirm', saleId, ticket, key, `late-${ticket}`);
      await follow.until(saleId, ticket, ['confirmed', 'refund_due'], hold + 5_000);
    } else if (what < 0.82) {
      // At the deadline itself, and both at once.
      await sleep(random.between(hold * 0.9, hold * 1.1));
      await Promise.all([
        command('confirm', saleId, ticket, null, paymentRef),
        command('cancel', saleId, ticket, null, null),
      ]);
    }
  }

  async function buyOne(good: Good, sku: string, buyerId: string): Promise<'bought' | 'sold_out' | 'not'> {
    const { saleId } = good;
    const lines: [string, number][] = [[sku, 1]];
    const question = { op: 'reserve', saleId, buyerId, key: buyerId, lines } as const;
    const answer = await ask.patiently(edges, question, reservation(saleId, buyerId, lines));
    if (answer.status === 409) return codeOf(answer) === 'sold_out' ? 'sold_out' : 'not';
    const ticket = ticketOf(answer);
    if (ticket === null) return 'not';
    const seen = await follow.until(saleId, ticket, settled, lastWaitMs);
    if (seen?.status !== 'held') {
      if (seen === null) await command('cancel', saleId, ticket, null, null);
      return 'not';
    }
    const paid = await command('confirm', saleId, ticket, buyerId, null);
    return paid.status === 200 ? 'bought' : 'not';
  }

  async function reserve(
    good: Good,
    buyerId: string,
    lines: [string, number][],
    key: string | null,
    random: Random,
  ): Promise<string | null> {
    const { saleId } = good;
    const question = { op: 'reserve', saleId, buyerId, key, lines } as const;
    const request = reservation(saleId, buyerId, lines);
    // Without a key a repeat would be a second reservation: who has no answer then has to let it go.
    const answer =
      key === null
        ? await ask.once(random.pick(edges), question, request)
        : await ask.patiently(edges, question, request);
    return ticketOf(answer);
  }

  function command(
    op: 'confirm' | 'cancel' | 'extend',
    saleId: string,
    ticketId: string,
    visitKey: string | null,
    paymentRef: string | null,
  ): Promise<Operation> {
    const key = visitKey === null ? null : `${visitKey}-${op}`;
    const body = paymentRef === null ? {} : { paymentRef };
    return ask.patiently(
      edges,
      { op, saleId, ticketId, key, paymentRef },
      { method: 'POST', path: `/v1/tickets/${ticketId}/${op}`, body },
    );
  }
}

function reservation(saleId: string, buyerId: string, lines: readonly [string, number][]) {
  const body = { buyerId, lines: lines.map(([sku, quantity]) => ({ sku, quantity })) };
  return { method: 'POST', path: `/v1/sales/${saleId}/reservations`, body } as const;
}

function ticketOf({ status, body }: Operation): string | null {
  if (status === null || status >= 300 || body === null || !('id' in body)) return null;
  return String(body.id);
}

function codeOf({ body }: Operation): string | null {
  return body !== null && 'code' in body ? String(body.code) : null;
}
