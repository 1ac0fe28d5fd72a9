import { headerOf } from './answer-reader.ts';
import type { Buyer } from './buyer.ts';
import type { Edges } from './edges.ts';
import { createFrameReader } from './frames.ts';
import { codeOf, parsed, pause, type Questions } from './questions.ts';
import type { Tally } from './tally.ts';
import type { Wire } from './wire.ts';

/** The two ways to see what became of a ticket; both resolve to its status once decided, undefined after an error. */
export function createWatch(
  { askPatiently, failed, get }: Questions,
  edges: Edges,
  tally: Tally,
  stockUnits: number,
) {
  return { poll, watchStream };

  /** Once every unit is paid for, nobody waits for one any longer. */
  function isInVain(status: string): boolean {
    return status === 'waitlisted' && tally.progress.confirmedUnits >= stockUnits;
  }

  /** Polls with ETag, soon at first and then ever more seldom. */
  async function poll(buyer: Buyer, ticketId: string): Promise<string | undefined> {
    const giveUpAtMs = performance.now() + DECISION_MAX_MS;
    let etag = '';
    let status = 'queued';
    for (let waitMs = POLL_FIRST_MS; ; waitMs = Math.min(waitMs * 2, POLL_LAST_MS)) {
      await pause(waitMs * (0.75 + 0.5 * Math.random()));
      const match = etag === '' ? '' : `If-None-Match: ${etag}\r\n`;
      const answer = await askPatiently('poll', buyer.number, (edge) =>
        get(edge, `/v1/tickets/${ticketId}`, match),
      );
      if (answer === undefined) return undefined;
      if (answer.status === 200) {
        const ticket = parsed(answer.body);
        if (ticket?.['id'] !== ticketId) return failed('poll: not the ticket');
        status = String(ticket['status']);
        if (isDecided(status)) return status;
        etag = headerOf(answer.head, 'etag') ?? '';
      } else if (answer.status !== 304 || match === '')
        return failed(`poll answered ${answer.status} ${codeOf(answer) ?? ''}`);
      if (performance.now() > giveUpAtMs || isInVain(status)) return tiredOf(status);
    }
  }

  /** Watches the event stream, and opens it again when it breaks. */
  async function watchStream(buyer: Buyer, ticketId: string): Promise<string | undefined> {
    const giveUpAtMs = performance.now() + DECISION_MAX_MS;
    let status = 'queued';
    for (let round = 0; ; round += 1) {
      const seen = await streamOnce((buyer.number + round) % edges.count, ticketId, giveUpAtMs, status);
      if (seen.kind === 'decided') return seen.status;
      if (seen.kind === 'wrong') return failed(`stream: ${seen.why}`);
      ({ status } = seen);
      if (performance.now() > giveUpAtMs || isInVain(status)) return tiredOf(status);
      await pause(STREAM_AGAIN_MS * (1 + Math.random()));
    }
  }

  async function streamOnce(
    edge: number,
    ticketId: string,
    giveUpAtMs: number,
    before: string,
  ): Promise<Streamed> {
    let seen: Streamed = { kind: 'open', status: before };
    let wire: Wire | undefined;
    let patience: NodeJS.Timeout | undefined;
    try {
      wire = await edges.dedicate(edge);
      const { close } = wire;
      patience = setInterval(() => {
        if (performance.now() > giveUpAtMs || (seen.kind === 'open' && isInVain(seen.status))) close();
      }, LOOK_UP_MS);
      const reader = createFrameReader(({ event, data }) => {
        if (event !== 'ticket') return;
        const ticket = parsed(data);
        const status = String(ticket?.['status']);
        if (ticket?.['id'] !== ticketId) seen = { kind: 'wrong', why: 'not the ticket' };
        else seen = { kind: isDecided(status) ? 'decided' : 'open', status };
        if (seen.kind !== 'open') close();
      });
      const request = get(edge, `/v1/tickets/${ticketId}/events`, 'Accept: text/event-stream\r\n');
      let opened = false;
      const answer = await wire.ask(request, (text) => {
        if (!opened) tally.answer('stream', 200, undefined, 0);
        opened = true;
        reader.feed(text);
      });
      if (answer.status === 200) return seen;
      tally.answer('stream', answer.status, codeOf(answer), 0);
      if (answer.status < 500)
        seen = { kind: 'wrong', why: `answered ${answer.status} ${codeOf(answer) ?? ''}` };
      return seen;
    } catch {
      return seen;
    } finally {
      clearInterval(patience);
      wire?.close();
    }
  }

  /** A place on the waitlist may take for ever, and is left without an error; any other ticket must be decided. */
  function tiredOf(status: string): string | undefined {
    return status === 'waitlisted' ? status : failed('a ticket undecided for too long');
  }
}

/** `open`: the stream ended, or never began, before anything was decided. */
type Streamed = { kind: 'decided' | 'open'; status: string } | { kind: 'wrong'; why: string };

/** How long a ticket may stay undecided: longer than any outage that the stack has to survive. */
const DECISION_MAX_MS = 60_000;
const POLL_FIRST_MS = 20;
const POLL_LAST_MS = 1_000;
const STREAM_AGAIN_MS = 100;
/** How often one who watches a stream thinks of leaving. */
const LOOK_UP_MS = 250;

function isDecided(status: string): boolean {
  return status !== 'queued' && status !== 'waitlisted';
}
