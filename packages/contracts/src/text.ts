import { z } from 'zod';

/** Longest body that is read. */
export const bodyLimitBytes = 16 * 1024;

const printableAscii = /^[\x20-\x7e]+$/;
const control = /\p{Cc}/u;

/**
 * Text of 1 to `longest` characters (code points, as in JSON Schema) that every store keeps as it is: no control
 * characters, and no half of a surrogate pair, which UTF-8 would replace so that two names became one.
 */
export function plainText(longest: number) {
  return z
    .string()
    .refine((text) => isPlainText(text, longest), {
      error: `must be 1 to ${longest} characters, without control characters`,
    })
    .meta({ minLength: 1, maxLength: longest });
}

export function isPlainText(text: string, longest: number): boolean {
  const units = text.length;
  if (units <= longest && printableAscii.test(text)) return true;
  if (units === 0 || units > 2 * longest) return false;
  if (control.test(text) || !text.isWellFormed()) return false;
  return units <= longest || [...text].length <= longest;
}

const isoCache = { time: Number.NaN, text: '' };

/** ISO 8601 in UTC of epoch milliseconds. Remembers the last one: the answers of one batch share their time. */
export function isoTime(time: number): string {
  if (time !== isoCache.time) {
    isoCache.text = new Date(time).toISOString();
    isoCache.time = time;
  }
  return isoCache.text;
}

export function isoTimeOrNull(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
