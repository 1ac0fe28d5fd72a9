import type { Draw, Item, Sale, SaleChallenge } from '@holdfast/core';
import { newcomerRefusals } from '@holdfast/core';

/** The part of a sale that its gate stores as one text, because no script looks into it. */
interface Document {
  name: string;
  holdSeconds: number;
  items: Item[];
  challenge?: SaleChallenge;
  draw?: Draw;
}

/** Fields of the gate's hash that follow from the terms; the version comes first, since a script compares it. */
export function termFields(sale: Sale): [string, string][] {
  const { name, holdSeconds, items, challenge, draw } = sale;
  const document: Document = {
    name,
    holdSeconds,
    items,
    ...(challenge != null && { challenge }),
    ...(draw !== undefined && { draw }),
  };
  return [
    ['terms', String(sale.termsVersion)],
    ['status', sale.status],
    // A scheduled sale is judged by its times alone.
    ['newcomers', sale.status === 'scheduled' ? '' : (newcomerRefusals[sale.status] ?? '')],
    ['opensAt', textOf(sale.opensAt)],
    ['closesAt', textOf(sale.closesAt)],
    ['limit', textOf(sale.perBuyerLimit)],
    ['waitlist', sale.waitlist ? '1' : '0'],
    ['currency', sale.currency],
    ['extension', `${sale.extension.times} ${sale.extension.totalSeconds}`],
    ['doc', JSON.stringify(document)],
    ...(draw === undefined ? [] : [['members', membersOf(draw)] satisfies [string, string]]),
  ];
}

/** How many must have their place in line before the first newcomer; more than any number while nobody knows. */
function membersOf({ result }: Draw): string {
  return result === null ? 'gathering' : String(result.members);
}

export function documentOf(text: string): Document {
  return JSON.parse(text) as Document;
}

export function numberOf(text: string | undefined): number | null {
  return text === undefined || text === '' ? null : Number(text);
}

export function textOf(value: number | null): string {
  return value === null ? '' : String(value);
}

/** Field, value, field, value as Redis gives a hash. */
export function hashFields(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let index = 0; index + 1 < flat.length; index += 2)
    fields[flat[index] as string] = flat[index + 1] as string;
  return fields;
}
