import { isoTime } from '../text.ts';

/** An event as it is stored; `data` is the very text that was hashed. `at` in epoch milliseconds. */
export interface StoredEvent {
  position: number;
  type: string;
  ticketId: string | null;
  commandId: string | null;
  data: string;
  at: number;
  hash: string;
}

/**
 * One line of the journal's export. `hash` is SHA-256 over the JSON array
 * `[hash before, saleId, position, type, ticketId, commandId, at in epoch milliseconds, data as text]`;
 * `data` stands in the line exactly as it was hashed, and the hash before the first event is 64 zeros.
 */
export function journalLine(saleId: string, event: StoredEvent): string {
  const { position, type, ticketId, commandId, data, at, hash } = event;
  const head = JSON.stringify({ saleId, position, type, ticketId, commandId, at: isoTime(at) });
  return `${head.slice(0, -1)},"data":${data},"hash":"${hash}"}\n`;
}

/** The last line: how many events there are, and the hash of the last one. */
export function journalEndLine(saleId: string, count: number, head: string): string {
  return `${JSON.stringify({ saleId, count, head })}\n`;
}
