import {
  type EventData,
  type EventType,
  totalMinor,
  type WebhookEvent,
  webhookMessageId,
} from '@holdfast/core';
import { isoTime } from './text.ts';

/**
 * What a merchant's own systems are told. `reservation.*` has a ticket, with its buyer and lines; `sale.withdrawn` too,
 * which is a reservation of the house.
 */
export const webhookTypes = [
  'reservation.joined',
  'reservation.held',
  'reservation.waitlisted',
  'reservation.rejected',
  'reservation.extended',
  'reservation.confirmed',
  'reservation.cancelled',
  'reservation.expired',
  'reservation.paid_late',
  'reservation.refund_due',
  'reservation.refunded',
  'reservation.returned',
  'sale.created',
  'sale.changed',
  'sale.moved',
  'sale.drawn',
  'sale.restocked',
  'sale.withdrawn',
] as const;
export type WebhookType = (typeof webhookTypes)[number];

/** Sent when somebody asks for it, to see whether it arrives; no endpoint can leave it out. */
export const webhookTestType = 'webhook.test';

/** Every kind of event, and what it is called outside; null is nobody's business outside. */
const publicNames: Record<EventType, WebhookType | null> = {
  joined: 'reservation.joined',
  held: 'reservation.held',
  waitlisted: 'reservation.waitlisted',
  rejected: 'reservation.rejected',
  extended: 'reservation.extended',
  prolonged: 'reservation.extended',
  confirmed: 'reservation.confirmed',
  cancelled: 'reservation.cancelled',
  expired: 'reservation.expired',
  paid_late: 'reservation.paid_late',
  refund_due: 'reservation.refund_due',
  refunded: 'reservation.refunded',
  returned: 'reservation.returned',
  sale_created: 'sale.created',
  sale_changed: 'sale.changed',
  sale_moved: 'sale.moved',
  drawn: 'sale.drawn',
  restocked: 'sale.restocked',
  withdrawn: 'sale.withdrawn',
  refused: null,
  handed_back: null,
  erased: null,
  gate_rebuilt: null,
  repaired: null,
  quarantined: null,
};

/** The kinds of events behind these names; null is every kind that has a name. */
export function eventKindsOf(types: readonly string[] | null): EventType[] {
  return (Object.keys(publicNames) as EventType[]).filter((kind) => {
    const name = publicNames[kind];
    return name !== null && (types === null || types.includes(name));
  });
}

export interface OutgoingMessage {
  id: string;
  type: string;
  body: string;
}

/** `{type, timestamp, data}`; `timestamp` is when it happened. The same event is the same text each time. */
export function webhookMessage(event: WebhookEvent): OutgoingMessage {
  const type = publicNames[event.type];
  if (type === null) throw new Error(`An event of kind ${event.type} has no name outside`);
  const { saleId, position, ticketId, buyerId, lines, currency, at } = event;
  const ticket = { ticketId, buyerId, lines, totalMinor: totalMinor(lines), currency };
  const data = { saleId, position, ...(ticketId !== null && ticket), ...factsOf(event.data) };
  return messageOf(webhookMessageId(saleId, position), type, at, data);
}

/** `at` in epoch milliseconds. */
export function webhookTestMessage(id: string, endpointId: string, at: number): OutgoingMessage {
  return messageOf(id, webhookTestType, at, { endpointId });
}

function messageOf(id: string, type: string, at: number, data: object): OutgoingMessage {
  return { id, type, body: JSON.stringify({ type, timestamp: isoTime(at), data }) };
}

/** The facts of an event that are not for the house alone. Which are there follows from its type. */
function factsOf(data: EventData): Record<string, unknown> {
  const { expiresAt, seconds, paymentRef, reason, sku, delta, status, seq, epoch, tip, place, terms } = data;
  const { commitment, beacon, seed, members, listHash } = data;
  const facts = {
    seconds,
    paymentRef,
    reason,
    sku,
    delta,
    status,
    place,
    commitment,
    beacon,
    seed,
    members,
    listHash,
  };
  return {
    ...facts,
    ...(expiresAt !== undefined && { expiresAt: isoTime(expiresAt) }),
    ...(tip !== undefined && { receipt: `${epoch}.${seq}.${tip}` }),
    ...(terms !== undefined && { terms: withTimes(terms) }),
  };
}

/** Terms stand in the journal with times in epoch milliseconds. */
function withTimes(terms: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(terms).map(([name, value]) =>
      name.endsWith('At') && typeof value === 'number' ? [name, isoTime(value)] : [name, value],
    ),
  );
}
