import { hash } from 'node:crypto';

/** One event of an export. `data` is what its text says; `at` is epoch milliseconds. */
export interface Fact {
  saleId: string;
  position: number;
  type: string;
  ticketId: string | null;
  data: Record<string, unknown>;
  /** SHA-256 over this event and the hash before it, computed here. */
  hash: string;
  /** The same as the export has it. */
  claimed: string;
}

export interface End {
  saleId: string;
  count: number;
  head: string;
}

/** The hash before the first event. */
export const start = '0'.repeat(64);

/**
 * Reads one line, behind the hash `previous`; null when it is not written as an export writes it, byte by byte: what is
 * not part of a hash must not be free to change either.
 */
export function readLine(line: string, previous: string): Fact | End | null {
  const found = objectOf(line);
  if (found === null) return null;
  const { saleId, position, type, ticketId, commandId, at, hash: claimed, count, head } = found;
  if (position === undefined)
    return typeof saleId === 'string' &&
      isCount(count) &&
      isHash(head) &&
      line === JSON.stringify({ saleId, count, head })
      ? { saleId, count, head }
      : null;
  const data = objectOf(dataText(line));
  const time = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  if (data === null || Number.isNaN(time) || typeof saleId !== 'string' || typeof type !== 'string')
    return null;
  if (!isCount(position) || !isTextOrNull(ticketId) || !isTextOrNull(commandId) || !isHash(claimed))
    return null;
  const text = dataText(line);
  const fields = JSON.stringify({
    saleId,
    position,
    type,
    ticketId,
    commandId,
    at: new Date(time).toISOString(),
  });
  if (line !== `${fields.slice(0, -1)},"data":${text},"hash":"${claimed}"}`) return null;
  const hashed = JSON.stringify([previous, saleId, position, type, ticketId, commandId, time, text]);
  return { saleId, position, type, ticketId, data, hash: hash('sha256', hashed), claimed };
}

/** As it stands in the line: that is what was hashed. */
function dataText(line: string): string {
  return line.slice(line.indexOf(',"data":') + ',"data":'.length, line.lastIndexOf(',"hash":"'));
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}
