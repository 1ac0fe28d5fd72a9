import { setTimeout as wait } from 'node:timers/promises';
import { type LedgerSale, type NewEvent, type Refusal, refuse, type Sale } from '@holdfast/core';
import { type DeskAnswer, type DeskParts, type DeskRequest, pauseMs, retryPauseMs } from './parts.ts';

/** How long the desk tries to get its turn among the runs of a busy sale. */
const changeWithinMs = 5_000;
/** How long the gate may take to follow before the answer is a fault; the change stands, and the sweep settles it. */
const effectiveWithinMs = 5_000;

export type Decision =
  | { sale: Sale; event: NewEvent; restocked?: ReadonlyMap<string, number>; seed?: string }
  | Refusal;

/** Reads, decides and writes under the comparison; again as long as a commit run came between, for a bounded time. */
export async function step(
  parts: DeskParts,
  saleId: string,
  request: DeskRequest | null,
  decide: (read: LedgerSale) => Decision | Promise<Decision>,
): Promise<DeskAnswer> {
  const { ledger } = parts;
  const deadline = Date.now() + changeWithinMs;
  do {
    const read = await ledger.readSale(saleId);
    if (read === null) return refuse('unknown_sale');
    // A repeat before a refusal: what was done once is not refused for having been done.
    const before = request === null ? null : await ledger.readRequest(request.key);
    if (before !== null) return repeated(parts, saleId, before, request);
    const decision = await decide(read);
    if ('kind' in decision) return decision;
    const answer = await ledger.changeSale(read.cursor, {
      sale: { ...decision.sale, termsVersion: read.sale.termsVersion + 1 },
      event: decision.event,
      restocked: decision.restocked ?? new Map(),
      seed: decision.seed,
      request,
    });
    if (answer === 'changed') return effective(parts, saleId, 'done');
    if (answer !== 'repeated') await wait(Math.random() * retryPauseMs);
  } while (Date.now() < deadline);
  parts.log.warn({ saleId }, 'a change of a sale did not get its turn');
  return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
}

export function repeated(
  parts: DeskParts,
  saleId: string,
  before: { fingerprint: string },
  request: DeskRequest | null,
): Promise<DeskAnswer> | Refusal {
  return before.fingerprint === request?.fingerprint
    ? effective(parts, saleId, 'repeated')
    : refuse('idempotency_mismatch');
}

/**
 * Answers once the gate has applied the journal as far as it reached when this was called. The run that is started for
 * it ends only with the intake, which in a rush is seconds later than that, so the gate is asked meanwhile.
 */
export async function effective(
  parts: DeskParts,
  saleId: string,
  kind: 'done' | 'repeated',
): Promise<DeskAnswer> {
  const { ledger, gate, committer, log } = parts;
  const deadline = Date.now() + effectiveWithinMs;
  const read = await ledger.readSale(saleId);
  if (read === null) return refuse('unknown_sale');
  const { position } = read.cursor;
  let cause: unknown;
  let running: Promise<void> | null = null;
  do {
    running ??= committer.commitSale(saleId).then(
      () => {
        running = null;
      },
      (error: unknown) => {
        running = null;
        cause = error;
      },
    );
    await Promise.race([running, wait(pauseMs)]);
    try {
      const state = (await gate.peek([saleId])).get(saleId) ?? null;
      const follows = state !== null && state.rebuilding === null && state.journalPosition >= position;
      // A gate may be back while its shard is still closed for the others.
      if (follows && (await gate.isBooted(read.sale.shard))) return { kind, saleId };
    } catch (error) {
      cause = error;
    }
    await wait(pauseMs);
  } while (Date.now() < deadline);
  log.warn({ saleId, position, err: cause }, 'the gate did not follow a change of the sale');
  return refuse('gate_unavailable', { retryAfterSeconds: 1 });
}
