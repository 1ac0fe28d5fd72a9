/** What is no accusation: a fault, a machine that stood still, an operation whose outcome nobody knows. And where that ends. */
import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import type { Fault, Operation } from './evidence.ts';
import { createHonestShop, saleId, type ShopEvidence } from './honest-shop.ts';

/** A hold that ends more than two seconds late, since no worker looked. */
function lateStory(): { evidence: ShopEvidence; deadline: number } {
  const shop = createHonestShop({ stock: { tee: 1 }, holdSeconds: 5, perBuyerLimit: null, waitlist: false });
  const ticket = shop.reserve('ann', [['tee', 1]]) as string;
  shop.commit();
  const deadline = shop.now() + 5_000;
  shop.standStill(9_000);
  shop.read(ticket);
  return { evidence: shop.evidence(), deadline };
}

const broken = (evidence: ShopEvidence, ...faults: Fault[]) => check({ ...evidence, faults }).broken;
const fault = (at: number, target: string, more: Partial<Fault> = {}): Fault => ({
  at,
  until: null,
  kind: 'test',
  target,
  ...more,
});

describe('a hold that ends late', () => {
  it('is late, when nothing was in its way', () => {
    expect(broken(lateStory().evidence)).toEqual(['I9']);
  });

  it.each(['worker 1', 'postgres', 'redis', 'worker 1 > redis', 'console'])(
    'is excused by a fault of %s',
    (target) => {
      const { evidence, deadline } = lateStory();
      expect(broken(evidence, fault(deadline, target))).toEqual([]);
    },
  );

  it('is not excused by a fault of an edge, nor by one that was over long before', () => {
    const { evidence, deadline } = lateStory();
    expect(broken(evidence, fault(deadline, 'edge 1'))).toEqual(['I9']);
    expect(broken(evidence, fault(deadline - 10_100, 'worker 1'))).toEqual(['I9']);
    expect(broken(evidence, fault(deadline - 20_000, 'worker 1', { until: deadline - 9_900 }))).toEqual([]);
  });

  it('is excused by a machine that answered nobody in time', () => {
    const { evidence, deadline } = lateStory();
    const slow = readsFrom(evidence, deadline, 900);
    expect(broken({ ...evidence, history: [...evidence.history, ...slow] })).toEqual([]);
    const quick = readsFrom(evidence, deadline, 20);
    expect(broken({ ...evidence, history: [...evidence.history, ...quick] })).toEqual(['I9']);
  });
});

function readsFrom(evidence: ShopEvidence, from: number, takesMs: number): Operation[] {
  const read = evidence.history.find(({ op }) => op === 'read') as Operation;
  return Array.from({ length: 8 }, (_, index) => {
    const sentAt = from + 400 * index;
    return { ...read, sentAt, answeredAt: sentAt + takesMs, status: 304, body: null };
  });
}

describe('a store that may have lost what it acknowledged', () => {
  const lostId = `0-${saleId}-${'L'.repeat(22)}`;
  function lostStory(): { evidence: ShopEvidence; lost: Operation; told: Operation } {
    const shop = createHonestShop({
      stock: { tee: 3 },
      holdSeconds: 900,
      perBuyerLimit: null,
      waitlist: false,
    });
    const ticket = shop.reserve('ann', [['tee', 1]]) as string;
    shop.commit();
    shop.read(ticket);
    const evidence = shop.evidence();
    const [first] = evidence.history as [Operation];
    const sentAt = shop.now() + 10;
    const body = { ...first.body, id: lostId, receipt: '1.9.x' };
    const lost = { ...first, sentAt, answeredAt: sentAt + 1, body };
    const asked = {
      ...first,
      op: 'read' as const,
      ticketId: lostId,
      sentAt: sentAt + 50,
      answeredAt: sentAt + 51,
    };
    return { evidence, lost, told: { ...asked, status: 404, body: { code: 'unknown_ticket' } } };
  }
  const flushed = (at: number) => fault(at, 'redis', { losesAcknowledged: true });
  const including = (evidence: ShopEvidence, ...more: Operation[]) => ({
    ...evidence,
    history: [...evidence.history, ...more],
  });

  it('excuses that a ticket is gone, if its buyer was told', () => {
    const { evidence, lost, told } = lostStory();
    expect(broken(including(evidence, lost, told), flushed(lost.sentAt + 5))).toEqual([]);
    expect(broken(including(evidence, lost), flushed(lost.sentAt + 5))).toEqual(['I2']);
    expect(broken(including(evidence, lost, told))).toEqual(['I2']);
  });

  it('excuses nothing that was asked for after it', () => {
    const { evidence, lost, told } = lostStory();
    expect(broken(including(evidence, lost, told), flushed(lost.sentAt - 5))).toEqual(['I2']);
  });

  it('excuses that a ticket came back with another place, if it was lost in between', () => {
    const { evidence } = lostStory();
    const [first, ...others] = evidence.history as [Operation];
    const moved = [{ ...first, body: { ...first.body, receipt: `1.7.${'0'.repeat(40)}` } }, ...others];
    const told = first.answeredAt ?? 0;
    expect(broken({ ...evidence, history: moved })).toEqual(['I8']);
    expect(broken({ ...evidence, history: moved }, flushed(told + 1))).toEqual([]);
    expect(broken({ ...evidence, history: moved }, flushed(told - 20_000))).toEqual(['I8']);
    expect(broken({ ...evidence, history: moved }, flushed(told + 20_000))).toEqual(['I8']);
  });

  it('excuses no state that the ledger must have, and a gate that shows an older one for a while', () => {
    const { evidence } = lostStory();
    const read = evidence.history.find(({ op }) => op === 'read') as Operation;
    const sentAt = (read.answeredAt ?? 0) + 20;
    const older = {
      ...read,
      sentAt,
      answeredAt: sentAt + 1,
      body: { ...read.body, version: 1, status: 'queued', expiresAt: null },
    };
    expect(broken(including(evidence, older))).toEqual(['I7']);
    expect(broken(including(evidence, older), flushed(sentAt - 5))).toEqual([]);
    const invented = { ...older, body: { ...read.body, version: 3, status: 'confirmed', expiresAt: null } };
    expect(broken(including(evidence, invented), flushed(sentAt - 5))).toEqual(['I7', 'I10']);
  });
});

describe('an operation whose outcome nobody knows', () => {
  it('explains one row that nobody was promised, and not two', () => {
    const shop = createHonestShop({
      stock: { tee: 3 },
      holdSeconds: 900,
      perBuyerLimit: null,
      waitlist: false,
    });
    shop.reserve('ann', [['tee', 1]], null, true);
    shop.reserve('ann', [['tee', 1]], null, true);
    shop.reserve('bob', [['tee', 1]], 'k', true);
    const evidence = shop.evidence();
    expect(broken(evidence)).toEqual([]);
    expect(broken({ ...evidence, history: evidence.history.slice(1) })).toEqual(['I3']);
  });

  it('may have taken two extensions or one, when it is not recorded how long they were asked for', () => {
    const shop = createHonestShop({
      stock: { tee: 1 },
      holdSeconds: 900,
      perBuyerLimit: null,
      waitlist: false,
    });
    const ticket = shop.reserve('ann', [['tee', 1]]) as string;
    shop.tell('extend', ticket);
    shop.tell('extend', ticket);
    const evidence = shop.evidence();
    const unrecorded = evidence.history.map(({ ...operation }) => {
      delete operation.seconds;
      return operation;
    });
    expect(broken({ ...evidence, history: unrecorded })).toEqual([]);
    const named = unrecorded.map((operation, index) => ({ ...operation, key: `key-${index}` }));
    expect(broken({ ...evidence, history: named })).toContain('I2');
  });
});
