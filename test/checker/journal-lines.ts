/**
 * The journal's export, line by line: its form, its positions and its chain of hashes. Written from what README.md and
 * ARCHITECTURE.md promise, and not from what makes it.
 */
import { hash } from 'node:crypto';
import { Unreadable } from './evidence.ts';
import type { Findings } from './findings.ts';

export interface JournalEvent {
  position: number;
  type: string;
  ticketId: string | null;
  commandId: string | null;
  /** Epoch milliseconds. */
  at: number;
  data: Record<string, unknown>;
}

export interface JournalReader {
  /** The event of the next line; null for the last line, and for one that cannot be read. */
  read(line: string): JournalEvent | null;
  end(): void;
  events(): number;
}

const dataMark = ',"data":';
const hashMark = ',"hash":"';

export function createJournalReader(saleId: string, findings: Findings): JournalReader {
  let previous = '0'.repeat(64);
  let events = 0;
  let ended = false;
  const wrong = (why: string) => findings.broken('I11', `${saleId}, after position ${events}: ${why}.`);

  return {
    read(line) {
      if (line === '') return null;
      if (ended) {
        wrong('something follows the last line');
        return null;
      }
      const found = parsed(line);
      if (found === null) {
        if (events === 0) throw new Unreadable(`The journal of ${saleId} is no export of a journal.`);
        wrong('a line is no JSON');
        return null;
      }
      if (found['position'] === undefined) {
        ended = true;
        findings.looked('I11');
        if (found['count'] !== events)
          wrong(`the last line says ${String(found['count'])} events, there are ${events}`);
        if (found['head'] !== previous) wrong('the last line has another head than the last event');
        if (found['saleId'] !== saleId) wrong(`the last line is of sale ${String(found['saleId'])}`);
        return null;
      }
      events += 1;
      findings.looked('I11');
      const { position, type, ticketId, commandId, at, data } = found;
      if (position !== events) {
        wrong(`position ${String(position)} stands where ${events} should`);
        // Told once, not for every line that follows.
        if (Number.isSafeInteger(position)) events = position as number;
      }
      if (found['saleId'] !== saleId) wrong(`position ${events} is of sale ${String(found['saleId'])}`);
      const time = Date.parse(String(at));
      const text = line.slice(line.indexOf(dataMark) + dataMark.length, line.lastIndexOf(hashMark));
      const hashed = JSON.stringify([previous, saleId, position, type, ticketId, commandId, time, text]);
      const mine = hash('sha256', hashed);
      if (mine !== found['hash'])
        wrong(`the hash at position ${events} does not follow from its text and the hash before`);
      // The chain is followed as it is claimed, so that one wrong line is told once.
      previous = typeof found['hash'] === 'string' ? found['hash'] : mine;
      if (typeof type !== 'string' || Number.isNaN(time) || typeof data !== 'object' || data === null) {
        wrong(`position ${events} is not written as an event`);
        return null;
      }
      return {
        position: events,
        type,
        ticketId: typeof ticketId === 'string' ? ticketId : null,
        commandId: typeof commandId === 'string' ? commandId : null,
        at: time,
        data: data as Record<string, unknown>,
      };
    },
    end() {
      if (!ended) wrong('the last line, with count and head, is missing');
    },
    events: () => events,
  };
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
