import { reservationStatuses } from '@holdfast/core';
import { z } from 'zod';
import { isPlainText } from '../text.ts';

export const maxPage = 1_000;
const defaultPage = 100;

const cursor = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,200}$/, { error: 'must be a nextCursor of the page before' });
const limit = z.coerce.number().pipe(z.int().min(1).max(maxPage)).default(defaultPage);

/** The query of a list that nothing filters. */
export const pageQuery = z.object({ cursor: cursor.optional(), limit });

const buyer = z.string().refine((text) => isPlainText(text, 128), { error: 'must be 1 to 128 characters' });

/** The query of `GET /v1/sales/{id}/reservations`; the buyer goes by either name. */
export const reservationsQuery = z.object({
  status: z.enum(reservationStatuses, { error: 'must be a status of a ticket' }).optional(),
  buyer: buyer.optional(),
  buyerId: buyer.optional(),
  /** For links, which cannot ask with `Accept`. */
  format: z.enum(['csv', 'ndjson'], { error: 'must be csv or ndjson' }).optional(),
  cursor: cursor.optional(),
  limit,
});

/** An opaque cursor: where the page ended. */
export function makeCursor(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** The parts of a cursor when they are a whole number and `second`, else null: cursors come back from outside. */
export function readCursor<Second extends 'number' | 'string'>(
  text: string,
  second: Second,
): [number, Second extends 'number' ? number : string] | null {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 2) return null;
    const fits = isCount(parts[0]) && (second === 'number' ? isCount(parts[1]) : isName(parts[1]));
    return fits ? (parts as [number, never]) : null;
  } catch {
    return null;
  }
}

function isCount(part: unknown): boolean {
  return Number.isSafeInteger(part) && (part as number) >= 0;
}

function isName(part: unknown): boolean {
  return typeof part === 'string' && isPlainText(part, 128);
}
