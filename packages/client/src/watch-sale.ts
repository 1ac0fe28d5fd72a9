import { ask, type AskSettings, pause, refusalOf, salePath } from './ask.ts';
import { readEvents } from './events.ts';
import type { Sale } from './sale.ts';
import type { Refused } from './ticket.ts';
import {
  STREAM_SILENCE_MAX_MS,
  STREAM_FAILURES_MAX,
  STREAM_PAUSE_MS,
  type WatchSettings,
} from './watch-ticket.ts';

/**
 * Yields the sale, then every change that was seen, for as long as it is asked; a sale has no last state. By event
 * stream, and by polling where there is none. A refusal (an unknown sale) is yielded once, as the last. Throws
 * `HoldfastUnreachable` when the server stays away: what was yielded last is then the last that is known.
 */
export async function* watchSale(
  settings: AskSettings,
  saleId: string,
  { signal, by = 'stream' }: WatchSettings = {},
): AsyncGenerator<Sale | Refused> {
  const path = salePath(saleId);
  let failures = by === 'stream' ? 0 : STREAM_FAILURES_MAX;
  let lastFrame = '';
  for (;;) {
    if (failures < STREAM_FAILURES_MAX) {
      for await (const seen of stream(settings, `${path}/events`, signal)) {
        failures = 0;
        yield seen;
        if ('kind' in seen) return;
      }
      failures += 1;
      await pause(STREAM_PAUSE_MS * failures, signal);
      continue;
    }
    const response = await ask(settings, path, {}, signal);
    if (!response.ok) return yield await refusalOf(response);
    const frame = await response.text();
    if (frame !== lastFrame) yield JSON.parse(frame) as Sale;
    lastFrame = frame;
    await pause(POLL_MS * (1 + Math.random() / 2), signal);
  }
}

/** Ends quietly when the stream breaks: whoever called decides what then. */
async function* stream(
  settings: AskSettings,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Sale | Refused> {
  try {
    const headers = { Accept: 'text/event-stream' };
    const response = await ask({ ...settings, attempts: 1 }, path, { headers }, signal);
    if (response.status === 404) return yield await refusalOf(response);
    if (!response.ok || response.body === null) return;
    for await (const { event, data } of readEvents(response.body, STREAM_SILENCE_MAX_MS)) {
      if (event === 'sale') yield JSON.parse(data) as Sale;
    }
  } catch {
    signal?.throwIfAborted();
  }
}

/** A crowd polls; what is left is no more exact for being asked more often. */
const POLL_MS = 2_500;
