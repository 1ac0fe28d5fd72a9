/** Workers that deliver webhooks, put together in this process as the worker's main.ts puts them together. */
import { eventKindsOf, webhookMessage, webhookTestMessage } from '@holdfast/contracts';
import { createLedger } from '@holdfast/ledger';
import {
  createWebhookSweep,
  createWebhookWorker,
  type WebhookParts,
  type WebhookReport,
} from '@holdfast/pipeline';
import { type AddressRange, createWebhookSender, parseAddressRange } from '@holdfast/webhooks';
import type { House } from './house.ts';

export interface Courier {
  reports: WebhookReport[];
  /** What it could not work on. */
  faults: Error[];
  sweepOnce(): Promise<number>;
  close(): Promise<void>;
}

export function range(text: string): AddressRange {
  const parsed = parseAddressRange(text);
  if (parsed === null) throw new Error(`${text} is no range of addresses`);
  return parsed;
}

export const onThisMachine = ['127.0.0.0/8', '::1'].map(range);

/** Quick where production waits, and allowed to call this machine. */
export async function openCourier(
  house: Pick<House, 'databaseUrl' | 'redis'>,
  change: Partial<WebhookParts> & {
    withinMs?: number;
    concurrency?: number;
    ledgerOf?: (real: WebhookParts['ledger']) => WebhookParts['ledger'];
  } = {},
): Promise<Courier> {
  const { withinMs = 1_000, ledgerOf = (real) => real, ...parts } = change;
  const ledger = createLedger({ url: house.databaseUrl });
  const webhooks = ledgerOf(ledger.webhooks);
  const sender = createWebhookSender({ allowed: onThisMachine, withinMs });
  const reports: WebhookReport[] = [];
  const faults: Error[] = [];
  const redisUrl = house.redis.url;
  const worker = createWebhookWorker({
    redisUrl,
    ledger: webhooks,
    sender,
    messages: { kindsOf: eventKindsOf, ofEvent: webhookMessage, ofTest: webhookTestMessage },
    leaseMs: withinMs + 500,
    retryDelayMs: () => 50,
    onAttempt: (report) => void reports.push(report),
    onError: (error) => void faults.push(error),
    ...parts,
  });
  const onError = (error: Error) => void faults.push(error);
  const sweep = await createWebhookSweep({ redisUrl, ledger: webhooks, everyMs: 50, onError });
  return {
    reports,
    faults,
    sweepOnce: () => sweep.sweepOnce(),
    async close() {
      await sweep.close();
      await worker.close();
      await sender.close();
      await ledger.close();
    },
  };
}
