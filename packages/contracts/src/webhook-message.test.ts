import type { WebhookEvent } from '@holdfast/core';
import { describe, expect, it } from 'vitest';
import { eventKindsOf, webhookMessage, webhookTestMessage, webhookTypes } from './webhook-message.ts';

const at = Date.UTC(2026, 10, 26, 12);
const held: WebhookEvent = {
  saleId: 'drop.1',
  position: 7,
  type: 'held',
  ticketId: '0-drop.1-x',
  data: { lines: [['tee', 2, 4_900]], seq: 3, epoch: 1, tip: 'abc', expiresAt: at + 300_000 },
  at,
  buyerId: 'ada',
  lines: [{ sku: 'tee', quantity: 2, unitPriceMinor: 4_900 }],
  currency: 'EUR',
};

describe('a message to a webhook', () => {
  it('tells a hold with its buyer, lines, total, deadline and place in line', () => {
    const { id, type, body } = webhookMessage(held);
    expect({ id, type }).toEqual({ id: 'drop~1-7', type: 'reservation.held' });
    expect(JSON.parse(body)).toEqual({
      type: 'reservation.held',
      timestamp: '2026-11-26T12:00:00.000Z',
      data: {
        saleId: 'drop.1',
        position: 7,
        ticketId: '0-drop.1-x',
        buyerId: 'ada',
        lines: [{ sku: 'tee', quantity: 2, unitPriceMinor: 4_900 }],
        totalMinor: 9_800,
        currency: 'EUR',
        expiresAt: '2026-11-26T12:05:00.000Z',
        receipt: '1.3.abc',
      },
    });
  });

  it('tells of a sale without a ticket, with every time in ISO 8601', () => {
    const terms = { opensAt: at, closesAt: null, holdSeconds: 60 };
    const event = {
      ...held,
      type: 'sale_moved',
      ticketId: null,
      buyerId: null,
      lines: [],
      data: { status: 'open', terms },
    };
    expect(JSON.parse(webhookMessage(event as WebhookEvent).body)).toEqual({
      type: 'sale.moved',
      timestamp: '2026-11-26T12:00:00.000Z',
      data: {
        saleId: 'drop.1',
        position: 7,
        status: 'open',
        terms: { opensAt: '2026-11-26T12:00:00.000Z', closesAt: null, holdSeconds: 60 },
      },
    });
  });

  it('has a name for exactly the kinds of events that are told, and every name has a kind', () => {
    expect(eventKindsOf(['reservation.extended']).sort()).toEqual(['extended', 'prolonged']);
    expect(eventKindsOf([])).toEqual([]);
    const names = webhookTypes.map((type) => eventKindsOf([type]));
    expect(names.filter((kinds) => kinds.length === 0)).toEqual([]);
    expect(names.flat().sort()).toEqual(eventKindsOf(null).sort());
    for (const kind of ['refused', 'handed_back', 'gate_rebuilt', 'repaired', 'quarantined'] as const) {
      expect(eventKindsOf(null)).not.toContain(kind);
      expect(() => webhookMessage({ ...held, type: kind })).toThrow(kind);
    }
  });

  it('of a test says what it is', () => {
    expect(webhookTestMessage('test-1', 'e1', at)).toEqual({
      id: 'test-1',
      type: 'webhook.test',
      body: '{"type":"webhook.test","timestamp":"2026-11-26T12:00:00.000Z","data":{"endpointId":"e1"}}',
    });
  });
});
