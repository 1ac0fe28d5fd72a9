import { refusalCodes, type SaleView, type Ticket } from '@holdfast/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { saleJson, saleSchema } from './sale.ts';
import { pollAfterSeconds, ticketETag, ticketJson, ticketSchema, ticketStatuses } from './ticket.ts';

const time = fc.integer({ min: 0, max: 4_102_444_800_000 });
const anyTicket: fc.Arbitrary<Ticket> = fc.record({
  id: fc.string(),
  saleId: fc.string(),
  status: fc.constantFrom(...ticketStatuses),
  version: fc.integer({ min: 1 }),
  seq: fc.nat(),
  ahead: fc.nat(),
  buyerId: fc.string(),
  lines: fc.array(
    fc.record({
      sku: fc.string(),
      quantity: fc.integer({ min: 1, max: 1000 }),
      unitPriceMinor: fc.nat({ max: 1_000_000 }),
    }),
  ),
  currency: fc.constant('EUR'),
  reservedAt: time,
  expiresAt: fc.option(time),
  extensions: fc.option(fc.record({ left: fc.nat(9), seconds: fc.nat(9_000) })),
  reason: fc.option(fc.constantFrom(...refusalCodes)),
  receipt: fc.tuple(fc.nat(), fc.nat()).map(([epoch, seq]) => `${epoch}.${seq}.tip`),
  outcomes: fc.constant({}),
});

test('every ticket is answered in the shape that the contract promises', () => {
  fc.assert(
    fc.property(anyTicket, (ticket) => {
      const json = ticketSchema.parse(JSON.parse(JSON.stringify(ticketJson(ticket))));
      expect(json.totalMinor).toBe(
        ticket.lines.reduce((sum, line) => sum + line.quantity * line.unitPriceMinor, 0),
      );
      expect(Date.parse(json.reservedAt)).toBe(ticket.reservedAt);
      expect(json.expiresAt === null ? null : Date.parse(json.expiresAt)).toBe(ticket.expiresAt);
      expect(json).not.toHaveProperty('outcomes');
    }),
  );
});

test('the ETag of a ticket changes with its version, its place in line, a rebuilt gate and the extensions left, and not otherwise', () => {
  const [ticket] = fc.sample(anyTicket, 1) as [Ticket];
  const etag = ticketETag(ticket);
  expect(ticketETag({ ...ticket })).toBe(etag);
  expect(ticketETag({ ...ticket, version: ticket.version + 1 })).not.toBe(etag);
  expect(ticketETag({ ...ticket, ahead: ticket.ahead + 1 })).not.toBe(etag);
  expect(ticketETag({ ...ticket, receipt: `9${ticket.receipt}` })).not.toBe(etag);
  expect(ticketETag({ ...ticket, extensions: { left: 10, seconds: 1 } })).not.toBe(etag);
});

test('who polls is told to come back exactly while the ticket may change', () => {
  const waiting = ticketStatuses.filter((status) => pollAfterSeconds(status) !== null);
  expect(waiting).toEqual(['lobby', 'queued', 'waitlisted', 'held']);
});

test('a sale is answered in the shape that the contract promises', () => {
  const sale: SaleView = {
    id: 's',
    name: 'Sale',
    status: 'open',
    opensAt: null,
    closesAt: Date.UTC(2026, 11, 1),
    holdSeconds: 300,
    perBuyerLimit: null,
    currency: 'EUR',
    waitlist: false,
    soldOut: false,
    challenge: null,
    draw: null,
    journal: { count: 3, head: 'f00d' },
    now: Date.UTC(2026, 10, 21),
    items: [
      { sku: 'a', name: 'A', description: null, imageUrl: null, priceMinor: 100, available: 3, stock: 5 },
    ],
  };
  expect(saleSchema.parse(saleJson(sale))).toMatchObject({
    closesAt: '2026-12-01T00:00:00.000Z',
    serverTime: '2026-11-21T00:00:00.000Z',
    items: [{ available: 3, stock: 5 }],
  });
});
