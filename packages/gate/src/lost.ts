import type { KnownSale } from './sale-reader.ts';

/** After a rebuild the edges have so long to bring back what they acknowledged. */
const graceMs = 10_000;
const receiptPattern = /^(\d{1,15})\.\d{1,15}\.[0-9a-f]{40}$/;

/**
 * What became of a ticket that a whole gate does not have, by the receipt that its buyer brings. `lost`: an older gate gave
 * it, and neither a log nor an edge brought it back. A receipt proves nothing, since anybody can write one: it gets an
 * answer, and no place.
 */
export function isLost({ epoch, rebuilt, view }: KnownSale, receipt: string): 'lost' | 'not_yet' | 'unknown' {
  const given = receiptPattern.exec(receipt)?.[1];
  if (given === undefined || rebuilt === null || Number(given) >= Number(epoch)) return 'unknown';
  if (view.now < rebuilt.at + graceMs) return 'not_yet';
  return view.now < rebuilt.tellsUntil ? 'lost' : 'unknown';
}
