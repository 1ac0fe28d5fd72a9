import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../clock.ts';
import type { History } from '../history.ts';
import type { Random } from '../random.ts';
import type { Ask } from './ask.ts';

export interface TicketSeen {
  id: string;
  status: string;
  expiresAt: string | null;
}

export interface Follow {
  /** Watches a ticket until it is in one of the states; null when it never was in that time, or is no more. */
  until(
    saleId: string,
    ticketId: string,
    wanted: readonly string[],
    withinMs: number,
  ): Promise<TicketSeen | null>;
}

const pollMs = 300;
let streams = 0;

/** Half of the buyers watch a stream, and poll when it breaks; the others poll. */
export function createFollow(edges: readonly string[], history: History, ask: Ask, random: Random): Follow {
  return {
    async until(saleId, ticketId, wanted, withinMs) {
      const giveUpAt = performance.now() + withinMs;
      const isWanted = (ticket: TicketSeen) => wanted.includes(ticket.status);
      if (random.chance(0.5)) {
        const seen = await watch(random.pick(edges), saleId, ticketId, isWanted, withinMs);
        if (seen !== null) return seen;
      }
      while (performance.now() < giveUpAt) {
        const answer = await ask.once(
          random.pick(edges),
          { op: 'read', saleId, ticketId },
          { method: 'GET', path: `/v1/tickets/${ticketId}` },
        );
        if (answer.status === 404) return null;
        if (answer.status === 200 && answer.body !== null && isWanted(answer.body as TicketSeen))
          return answer.body as TicketSeen;
        await sleep(pollMs);
      }
      return null;
    },
  };

  async function watch(
    edge: string,
    saleId: string,
    ticketId: string,
    isWanted: (ticket: TicketSeen) => boolean,
    withinMs: number,
  ): Promise<TicketSeen | null> {
    streams += 1;
    const stream = String(streams);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), withinMs);
    try {
      const response = await fetch(new URL(`/v1/tickets/${ticketId}/events`, edge), { signal: stop.signal });
      if (response.status !== 200 || response.body === null) {
        await response.body?.cancel();
        return null;
      }
      let rest = '';
      const decoder = new TextDecoder();
      for await (const piece of response.body) {
        rest += decoder.decode(piece as Uint8Array, { stream: true });
        const blocks = rest.split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const ticket = ticketOf(block);
          if (ticket === null) continue;
          const at = now();
          history.note({ ...empty, saleId, ticketId, sentAt: at, answeredAt: at, body: ticket, stream });
          if (isWanted(ticket)) return ticket;
        }
      }
    } catch {
      // The edge died, or the line: the buyer polls.
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
    return null;
  }
}

const empty = { op: 'frame', buyerId: null, key: null, lines: null, paymentRef: null, status: 200 } as const;

function ticketOf(block: string): TicketSeen | null {
  const data = block
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trimStart())
    .join('\n');
  if (data === '') return null;
  return JSON.parse(data) as TicketSeen;
}
