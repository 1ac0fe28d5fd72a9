import { type PaymentNotice, type PaymentOrder, type PaymentProvider, refuse } from '@holdfast/core';
import Stripe from 'stripe';
import { createCircuit } from './circuit.ts';

export interface StripeOptions {
  secretKey: string;
  /** Of the endpoint that Stripe sends its events to; begins with `whsec_`. */
  webhookSecret: string;
  /** Another address than Stripe's own, as for a test double. */
  apiUrl?: string;
  patience?: Partial<Patience>;
  /** Told why a payment could not be begun. Never has a key in it. */
  onError?(error: Error): void;
}

export interface Patience {
  /** One call, and all calls that one buyer waits for, milliseconds. */
  callMs: number;
  beginMs: number;
  /** How often a call without an answer is made again. */
  retries: number;
}

const usualPatience: Patience = { callMs: 3_500, beginMs: 9_000, retries: 1 };
const retryAfterSeconds = 2;
/** Older events are refused: somebody may have recorded them. Stripe signs anew whenever it sends again. */
const toleranceSeconds = 300;

/**
 * Stripe keeps the first answer to an idempotency key for a day, a 500 too. A payment that only met such an answer is
 * begun again under the next key: nobody was ever given the secret of the first, so nobody can pay it.
 */
const tries = ['', '.2', '.3'];

/** A ticket has one PaymentIntent, found by its idempotency key; what it costs never changes. */
export function createStripe(options: StripeOptions): PaymentProvider {
  const { secretKey, webhookSecret, apiUrl = 'https://api.stripe.com', onError = () => undefined } = options;
  const { callMs, beginMs, retries } = { ...usualPatience, ...options.patience };
  const api = new URL(apiUrl);
  const stripe = new Stripe(secretKey, {
    protocol: api.protocol === 'http:' ? 'http' : 'https',
    host: api.hostname,
    port: api.port === '' ? (api.protocol === 'http:' ? 80 : 443) : Number(api.port),
    timeout: callMs,
    maxNetworkRetries: retries,
    telemetry: false,
  });
  const circuit = createCircuit();

  async function intentOf(order: PaymentOrder): Promise<Stripe.PaymentIntent> {
    const { ticketId, saleId, totalMinor, currency } = order;
    const params: Stripe.PaymentIntentCreateParams = {
      amount: toStripe(totalMinor, currency),
      currency: currency.toLowerCase(),
      automatic_payment_methods: { enabled: true },
      metadata: { ticketId, saleId },
    };
    let fault: unknown;
    for (const suffix of tries) {
      try {
        const made = await stripe.paymentIntents.create(params, { idempotencyKey: `${ticketId}${suffix}` });
        // What was remembered is how the payment began; how it stands now has to be asked.
        return isRemembered(made.lastResponse.headers) ? await stripe.paymentIntents.retrieve(made.id) : made;
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeAPIError) || !isRemembered(error.headers)) throw error;
        fault = error;
      }
    }
    throw fault;
  }

  return {
    name: 'stripe',
    signatureHeader: 'stripe-signature',

    async begin(order) {
      if (!circuit.mayCall()) return refuse('payment_unavailable', { retryAfterSeconds });
      try {
        const intent = await inTime(beginMs, intentOf(order));
        circuit.ended(true);
        return {
          kind: 'payment',
          payment: { clientSecret: intent.client_secret ?? '', status: statusOf(intent), payUrl: null },
          notice: endOf(intent),
        };
      } catch (error) {
        circuit.ended(isAnswer(error));
        onError(new Error(describe(error)));
        return refuse('payment_unavailable', { retryAfterSeconds });
      }
    },

    readNotice(body, signature) {
      let event: Stripe.Event;
      try {
        event = Stripe.webhooks.constructEvent(body, signature ?? '', webhookSecret, toleranceSeconds);
      } catch {
        return { kind: 'unsigned' };
      }
      switch (event.type) {
        case 'payment_intent.succeeded':
          return { kind: 'notice', notice: noticeOf('succeeded', event.data.object) };
        case 'payment_intent.payment_failed':
          return { kind: 'notice', notice: noticeOf('failed', event.data.object) };
        case 'payment_intent.canceled':
          return { kind: 'notice', notice: noticeOf('cancelled', event.data.object) };
        default:
          return { kind: 'other' };
      }
    },
  };
}

function statusOf({ status }: Stripe.PaymentIntent): 'open' | 'processing' | 'succeeded' | 'cancelled' {
  switch (status) {
    case 'succeeded':
      return 'succeeded';
    case 'canceled':
      return 'cancelled';
    case 'processing':
    case 'requires_capture':
      return 'processing';
    default:
      return 'open';
  }
}

function endOf(intent: Stripe.PaymentIntent): PaymentNotice | null {
  const status = statusOf(intent);
  return status === 'succeeded' || status === 'cancelled' ? noticeOf(status, intent) : null;
}

function noticeOf(kind: PaymentNotice['kind'], intent: Stripe.PaymentIntent): PaymentNotice {
  const currency = intent.currency.toUpperCase();
  return {
    kind,
    paymentRef: intent.id,
    // Others may take money with the same account: then there is no ticket, or no metadata at all.
    ticketId: intent.metadata?.['ticketId'] ?? null,
    amountMinor: kind === 'succeeded' ? intent.amount_received / factorOf(currency) : 0,
    currency,
  };
}

/** Without minor units, but counted in hundredths by Stripe all the same (docs.stripe.com/currencies, "special cases"). */
const hundredfold: ReadonlySet<string> = new Set(['ISK', 'UGX']);

function factorOf(currency: string): number {
  return hundredfold.has(currency) ? 100 : 1;
}

function toStripe(amountMinor: number, currency: string): number {
  return amountMinor * factorOf(currency);
}

function isRemembered(headers: Record<string, string> | undefined): boolean {
  return headers?.['idempotent-replayed'] === 'true';
}

/** An answer that says no is no outage: the next buyer need not wait for it. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof Stripe.errors.StripeError)) return false;
  const status = error.statusCode ?? 500;
  return status < 500 && status !== 429;
}

/** What went wrong, without what was sent: neither the key nor the ticket, which is a key too. */
function describe(error: unknown): string {
  if (!(error instanceof Stripe.errors.StripeError)) return (error as Error).message;
  const { type, statusCode, code, param, requestId } = error;
  const parts = [type, statusCode, code, param, requestId].filter(
    (part) => part !== undefined && part !== null,
  );
  return `Stripe did not begin a payment: ${parts.join(' ')}`;
}

/** Stripe may ask its library to wait for up to a minute (`Retry-After`); no buyer does. What was sent may still happen. */
async function inTime<Answer>(withinMs: number, work: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        const late = () => reject(new Error(`Stripe did not begin a payment within ${withinMs} ms`));
        timer = setTimeout(late, withinMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
