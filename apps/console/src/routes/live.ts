import { eventFrame, glanceRecord, type LiveFrame, liveHistory, verdictRecord } from '@holdfast/contracts';
import { refuse } from '@holdfast/core';
import { type ConsoleContext, refused, streamed } from '../answers.ts';
import { faultCode } from '../faults.ts';
import type { ConsoleParts } from '../parts.ts';
import { pause } from '../pause.ts';
import type { Route } from '../routes.ts';
import { saleIdOf } from './sales.ts';

export function liveRoutes(parts: ConsoleParts): Route[] {
  return [{ method: 'GET', path: '/v1/sales/:saleId/live', scope: 'read', handle: (c) => live(c, parts) }];
}

const everyMs = 1_000;

async function live(c: ConsoleContext, parts: ConsoleParts): Promise<Response> {
  const saleId = saleIdOf(c);
  if (saleId === null || (await parts.sales.glance(saleId)) === null)
    return refused(c, refuse('unknown_sale'));
  const gone = AbortSignal.any([c.req.raw.signal, parts.stopping]);
  return streamed(frames(parts, saleId, gone, c.get('stillAllowed')), 'text/event-stream', {
    'X-Accel-Buffering': 'no',
  });
}

/**
 * The whole picture first, with the last quarter of an hour, and then what changed, once a second. While a store is away
 * a `fault` says which; the first frame after it is as whole as the first of all.
 */
async function* frames(
  { sales, pulses, log }: ConsoleParts,
  saleId: string,
  gone: AbortSignal,
  stillAllowed: () => Promise<boolean>,
): AsyncGenerator<string> {
  let whole = true;
  for (let id = 1; !gone.aborted && (await stillAllowed()); id++) {
    try {
      const glance = await sales.glance(saleId);
      if (glance === null) return;
      const samples = pulses.samplesOf(saleId);
      const verdict = sales.verdict(saleId);
      const frame: LiveFrame = {
        at: new Date().toISOString(),
        sale: glanceRecord(glance),
        sample: samples.at(-1) ?? null,
        audit: verdict && verdictRecord(verdict),
        ...(whole && { history: liveHistory(samples) }),
      };
      yield eventFrame(whole ? 'snapshot' : 'now', id, JSON.stringify(frame));
      whole = false;
    } catch (error) {
      log.warn({ saleId, err: error }, 'a sale could not be looked at');
      yield eventFrame('fault', id, JSON.stringify({ code: faultCode(error) }));
      whole = true;
    }
    await pause(everyMs, gone);
  }
}
