import { z } from 'zod';
import { isPlainText, plainText } from './text.ts';

/** Longest `buyerId` and `sku`, in characters. */
const maxNameLength = 128;
/** Most lines of one reservation: bounds what one entry of the intake may weigh. */
export const maxLines = 100;

const reservationLine = z.strictObject({
  sku: plainText(maxNameLength),
  quantity: z.int().min(1),
});

/** The body of `POST /v1/sales/{saleId}/reservations`. Without `lines`: one unit of the sale's only item. */
export const reservationBody = z.strictObject({
  buyerId: plainText(maxNameLength),
  lines: z
    .array(reservationLine)
    .min(1)
    .max(maxLines)
    .superRefine((lines, context) => {
      if (lines.length < 2) return;
      const seen = new Set<string>();
      for (const [index, line] of lines.entries()) {
        if (seen.has(line.sku))
          context.addIssue({
            code: 'custom',
            path: [index, 'sku'],
            message: 'stands in an earlier line already',
          });
        seen.add(line.sku);
      }
    })
    .optional(),
});

/** The same where a token says who it is: a `buyerId` beside it is refused. */
export const reservationBodyByToken = reservationBody.omit({ buyerId: true });

/** Whether a text may be the id of a buyer. */
export function isBuyerId(text: string): boolean {
  return isPlainText(text, maxNameLength);
}

export type ReservationBody = z.infer<typeof reservationBody>;

/**
 * Whether parsed JSON is a reservation body: the same as the schema, by hand, for the one route that a crowd hits
 * (1.5 us of 40 in the profile of a sold-out answer). What it refuses goes to the schema, which says what is wrong.
 */
export function isReservationBody(value: unknown): value is ReservationBody {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const field in value) if (field !== 'buyerId' && field !== 'lines') return false;
  const { buyerId, lines } = value as Record<string, unknown>;
  if (typeof buyerId !== 'string' || !isBuyerId(buyerId)) return false;
  return lines === undefined || (Array.isArray(lines) && areLines(lines));
}

function areLines(lines: readonly unknown[]): boolean {
  if (lines.length === 0 || lines.length > maxLines || !lines.every(isLine)) return false;
  return lines.length === 1 || new Set(lines.map(skuOf)).size === lines.length;
}

function isLine(line: unknown): boolean {
  if (typeof line !== 'object' || line === null || Array.isArray(line)) return false;
  for (const field in line) if (field !== 'sku' && field !== 'quantity') return false;
  const { sku, quantity } = line as Record<string, unknown>;
  return (
    typeof sku === 'string' &&
    isPlainText(sku, maxNameLength) &&
    Number.isSafeInteger(quantity) &&
    (quantity as number) >= 1
  );
}

function skuOf(line: unknown): unknown {
  return (line as { sku: unknown }).sku;
}
