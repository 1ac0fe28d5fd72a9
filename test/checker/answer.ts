/** What an operation's answer says, and what it leaves open. */
import type { Operation, SaleFacts, Wish } from './evidence.ts';
import type { Faults } from './faults.ts';
import type { Findings } from './findings.ts';
import type { Ledger } from './ledger.ts';

/** What every look at the clients' history needs. */
export interface Context {
  sale: SaleFacts;
  ledger: Ledger;
  faults: Faults;
  findings: Findings;
}

/** How far the clients' clock and the gate's may be apart; they are of one machine. */
export const clockToleranceMs = 250;

/** The ticket of an answer. */
export interface Shown {
  id: string;
  saleId: string;
  status: string;
  version: number;
  buyerId: string;
  lines: Wish;
  deadline: number | null;
  receipt: string;
}

export function ticketIn({ body }: Operation): Shown | null {
  if (body === null || !('id' in body) || !('version' in body)) return null;
  const { id, saleId, status, version, buyerId, lines, expiresAt, receipt } = body as Record<string, unknown>;
  return {
    id: String(id),
    saleId: String(saleId),
    status: String(status),
    version: Number(version),
    buyerId: String(buyerId),
    lines: Array.isArray(lines)
      ? lines.map((line: { sku: string; quantity: number }) => [line.sku, line.quantity] as const)
      : [],
    deadline: typeof expiresAt === 'string' ? Date.parse(expiresAt) : null,
    receipt: String(receipt),
  };
}

/** A refusal's code; null of any other answer. */
export function codeIn({ body }: Operation): string | null {
  return body !== null && 'code' in body ? String(body.code) : null;
}

/** It was taken: the answer promises that it will be decided. */
export function isTaken({ status }: Operation): boolean {
  return status === 200 || status === 201 || status === 202;
}

/** Nobody knows whether it was done: no answer, or one that says so. */
export function isUnknown({ status }: Operation): boolean {
  return status === null || status >= 500 || status === 408;
}

/** What was asked for; without lines it is one of the only item. */
export function wishOf(sale: SaleFacts, lines: Wish | null): Wish {
  if (lines !== null) return lines;
  const [item] = sale.items;
  return item === undefined ? [] : [[item.sku, 1]];
}
