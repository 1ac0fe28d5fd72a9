import { ask, type AskSettings, pause, refusalOf, retryAfterMs, ticketPath } from './ask.ts';
import { readEvents } from './events.ts';
import { isFinal, type Refused, type Ticket } from './ticket.ts';

export interface WatchSettings {
  signal?: AbortSignal;
  /** `poll` never opens a stream: for proxies that hold streams back, or pages with many tickets. */
  by?: 'stream' | 'poll';
  /** Of the ticket, when it is known: so a ticket that the service lost is told from one that never was (`ticket_lost`). */
  receipt?: string | undefined;
}

/**
 * Yields the ticket, then every change of it that was seen, until a final state; never an older one after a newer.
 * By event stream; when that cannot be had, or breaks `STREAM_FAILURES_MAX` times in a row, by polling with ETag.
 * A refusal (an unknown ticket, or one that was lost) is yielded once, as the last. Throws `HoldfastUnreachable` when the server stays away.
 */
export async function* watchTicket(
  settings: AskSettings,
  ticketId: string,
  { signal, by = 'stream', receipt }: WatchSettings = {},
): AsyncGenerator<Ticket | Refused> {
  let last: Ticket | undefined;
  let failures = by === 'stream' ? 0 : STREAM_FAILURES_MAX;
  while (failures < STREAM_FAILURES_MAX) {
    for await (const seen of stream(settings, ticketId, last?.version, last?.receipt ?? receipt, signal)) {
      if ('kind' in seen) return yield seen;
      failures = 0;
      if (!isNews(seen, last)) continue;
      last = seen;
      yield seen;
      if (isFinal(seen.status)) return;
    }
    failures += 1;
    await pause(STREAM_PAUSE_MS * failures, signal);
  }
  yield* poll(settings, ticketId, last, receipt, signal);
}

/** Ends quietly when the stream breaks: whoever called decides what then. */
async function* stream(
  settings: AskSettings,
  ticketId: string,
  version: number | undefined,
  receipt: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Ticket | Refused> {
  const headers: Record<string, string> = { Accept: 'text/event-stream', ...receiptHeader(receipt) };
  if (version !== undefined) headers['Last-Event-ID'] = String(version);
  try {
    const once = { ...settings, attempts: 1 };
    const response = await ask(once, ticketPath(ticketId, '/events'), { headers }, signal);
    if (response.status === 404 || response.status === 410) return yield await refusalOf(response);
    if (!response.ok || response.body === null) return;
    for await (const { event, data } of readEvents(response.body, STREAM_SILENCE_MAX_MS)) {
      if (event === 'ticket') yield JSON.parse(data) as Ticket;
    }
  } catch {
    signal?.throwIfAborted();
  }
}

async function* poll(
  settings: AskSettings,
  ticketId: string,
  seen: Ticket | undefined,
  receipt: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Ticket | Refused> {
  let last = seen;
  let etag = '';
  for (;;) {
    const headers = receiptHeader(last?.receipt ?? receipt);
    if (etag !== '') headers['If-None-Match'] = etag;
    const response = await ask(settings, ticketPath(ticketId), { headers }, signal);
    if (response.status === 200) {
      etag = response.headers.get('etag') ?? '';
      const ticket = (await response.json()) as Ticket;
      if (isNews(ticket, last)) {
        last = ticket;
        yield ticket;
      }
      if (isFinal(ticket.status)) return;
    } else if (response.status !== 304) return yield await refusalOf(response);
    await pause(retryAfterMs(response) ?? POLL_MS, signal);
  }
}

export function receiptHeader(receipt: string | undefined): Record<string, string> {
  return receipt === undefined ? {} : { 'Ticket-Receipt': receipt };
}

/** The place in line counts down under one version; an older version is an answer that was overtaken. */
function isNews(ticket: Ticket, last: Ticket | undefined): boolean {
  if (last === undefined || ticket.version > last.version) return true;
  return ticket.version === last.version && ticket.ahead < last.ahead;
}

export const STREAM_FAILURES_MAX = 3;
export const STREAM_PAUSE_MS = 250;
/** Three of the server's comments. */
export const STREAM_SILENCE_MAX_MS = 45_000;
const POLL_MS = 1_000;
