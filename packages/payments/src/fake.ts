import { createHash, createHmac } from 'node:crypto';
import { type PaymentNotice, type PaymentOrder, type PaymentProvider, parseTicketId } from '@holdfast/core';
import { isSigned, sign } from './signature.ts';

/** What the buyer of a demo does with a payment. */
export const fakeActs = ['pay', 'fail', 'cancel'] as const;
export type FakeAct = (typeof fakeActs)[number];

/** A provider that takes no money. It remembers nothing: what it has to know stands in the client secret. */
export interface FakeProvider extends PaymentProvider {
  /** The event that a provider would send now that the buyer has acted; null for a secret that is not from here. */
  act(clientSecret: string, act: FakeAct): { body: Buffer; signature: string } | null;
  /** What is to be paid; null for a secret that is not from here. */
  orderOf(clientSecret: string): PaymentOrder | null;
}

/** Every edge must know it, and there is nothing to steal: anybody may press "pay". */
const publicSecret = 'holdfast takes no money here';
const toleranceSeconds = 300;
const kindOf = { pay: 'succeeded', fail: 'failed', cancel: 'cancelled' } as const;

export function createFake(): FakeProvider {
  return {
    name: 'fake',
    signatureHeader: 'fake-signature',
    async begin(order) {
      const clientSecret = secretOf(order);
      const payUrl = `/v1/payments/fake/${clientSecret}`;
      return { kind: 'payment', payment: { clientSecret, status: 'open', payUrl }, notice: null };
    },
    readNotice(body, signature) {
      if (!isSigned(body, signature, publicSecret, toleranceSeconds)) return { kind: 'unsigned' };
      const notice = noticeIn(body);
      return notice === null ? { kind: 'other' } : { kind: 'notice', notice };
    },
    act(clientSecret, act) {
      const order = orderOf(clientSecret);
      if (order === null) return null;
      const notice: PaymentNotice = {
        kind: kindOf[act],
        paymentRef: `fake_${createHash('sha256').update(order.ticketId).digest('hex').slice(0, 24)}`,
        ticketId: order.ticketId,
        amountMinor: act === 'pay' ? order.totalMinor : 0,
        currency: order.currency,
      };
      const body = Buffer.from(JSON.stringify(notice));
      return { body, signature: sign(body, publicSecret, Math.floor(Date.now() / 1_000)) };
    },
    orderOf,
  };
}

export function isFake(provider: PaymentProvider): provider is FakeProvider {
  return 'act' in provider;
}

/** Whoever reads this file can sign and seal whatever they like, so shapes are not taken on trust. */
function noticeIn(body: Buffer): PaymentNotice | null {
  const event = (parsed(body) ?? {}) as Record<string, unknown>;
  const { kind, paymentRef, ticketId, amountMinor, currency } = event;
  const known = Object.values(kindOf).find((one) => one === kind);
  if (known === undefined || typeof paymentRef !== 'string' || !/^fake_[0-9a-f]{24}$/.test(paymentRef))
    return null;
  if (ticketId !== null && typeof ticketId !== 'string') return null;
  if (typeof amountMinor !== 'number' || typeof currency !== 'string') return null;
  return { kind: known, paymentRef, ticketId, amountMinor, currency };
}

function secretOf({ ticketId, saleId, totalMinor, currency }: PaymentOrder): string {
  const order = Buffer.from(JSON.stringify([ticketId, saleId, totalMinor, currency])).toString('base64url');
  return `${order}.${sealOf(order)}`;
}

function orderOf(clientSecret: string): PaymentOrder | null {
  const [order = '', seal] = clientSecret.split('.');
  if (seal !== sealOf(order)) return null;
  const fields = parsed(Buffer.from(order, 'base64url'));
  if (!Array.isArray(fields)) return null;
  const [ticketId, saleId, totalMinor, currency] = fields as unknown[];
  if (typeof ticketId !== 'string' || parseTicketId(ticketId) === null || typeof saleId !== 'string')
    return null;
  if (!Number.isSafeInteger(totalMinor) || typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency))
    return null;
  return { ticketId, saleId, totalMinor: totalMinor as number, currency };
}

function parsed(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString());
  } catch {
    return null;
  }
}

function sealOf(order: string): string {
  return createHmac('sha256', publicSecret).update(order).digest('base64url').slice(0, 22);
}
