import type { History } from '../history.ts';
import type { Ask } from './ask.ts';

/** At the end every buyer looks once more at a ticket that may have changed: nobody is left with silence. */
export interface LastLook {
  look(): Promise<void>;
}

const lookersAtOnce = 12;
/** What a buyer saw last, and what nothing but a merchant changes any more. */
const ended = new Set(['confirmed', 'cancelled', 'rejected', 'returned', 'refunded']);

export function createLastLook(edges: readonly string[], history: History, ask: Ask): LastLook {
  const last = new Map<string, { saleId: string; status: string }>();
  history.onNote(({ saleId, status, body }) => {
    if (status === null || status >= 300 || body === null || !('id' in body) || !('receipt' in body)) return;
    last.set(String(body.id), { saleId, status: String((body as { status?: unknown }).status) });
  });
  return {
    async look() {
      const open = [...last].filter(([, { status }]) => !ended.has(status));
      const lookers = Array.from({ length: lookersAtOnce }, async () => {
        for (let next = open.pop(); next !== undefined; next = open.pop()) {
          const [ticketId, { saleId }] = next;
          const question = { op: 'read', saleId, ticketId } as const;
          await ask.patiently(edges, question, { method: 'GET', path: `/v1/tickets/${ticketId}` });
        }
      });
      await Promise.all(lookers);
    },
  };
}
