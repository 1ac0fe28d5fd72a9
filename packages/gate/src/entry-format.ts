import { hash } from 'node:crypto';
import {
  type IntakeEntry,
  isReserve,
  type Line,
  type PackedLine,
  parseTicketId,
  type UnreadableEntry,
} from '@holdfast/core';

/**
 * How an entry stands in the intake: eleven fields, one a line. First version, buyer, idempotency key or payment
 * reference, and id (empty when it is the ticket's; a command's is made of its key or payment): who it is, which the
 * chain does not cover. Then the chained part: kind, ticket, lines or seconds, fingerprint or reason, and what the gate
 * appends, so that a script never takes an entry apart: had units, gate time, reservations in line so far. None of them
 * may hold a line break.
 */
const version = '2';
/** Before the chain left the person out: an intake may still hold such entries when the programs are replaced. */
const firstVersion = '1';
const personFields = 4;

/** The part of the chained text that is known before the gate is asked. */
export function headOf(
  kind: IntakeEntry['kind'],
  ticketId: string,
  detail: string,
  fingerprint: string,
): string {
  return `${kind}\n${ticketId}\n${detail}\n${fingerprint}`;
}

/** What stands before the chained part of an entry that is carried over; the scripts write it of what they are given. */
export function personOf(entry: IntakeEntry): string {
  const buyer = isReserve(entry) || entry.kind === 'place' ? entry.buyerId : '';
  const brought = isReserve(entry)
    ? (entry.idempotencyKey ?? '')
    : packPayment(entry.kind === 'place' ? null : entry.paymentRef);
  return `${version}\n${buyer}\n${brought}\n${entry.id === entry.ticketId ? '' : entry.id}`;
}

export function packPayment(paymentRef: string | null): string {
  return paymentRef === null ? '' : JSON.stringify(paymentRef);
}

/**
 * The chain: what the gate's scripts compute with `redis.sha1hex`. Tips are in the journal and in receipts, so one that
 * covered the buyer would tell whoever guesses a name that the guess is right; the ticket's id is all that a place needs.
 */
export function tipAfter(previousTip: string, packed: string): string {
  return hash('sha1', `${previousTip}\n${chainedPart(packed)}`);
}

/** All of it where there is no such part: what is in no known form is chained as it stands, and so was version 1. */
function chainedPart(packed: string): string {
  if (packed.startsWith(`${firstVersion}\n`)) return packed;
  let end = -1;
  for (let field = 0; field < personFields; field++) {
    end = packed.indexOf('\n', end + 1);
    if (end < 0) return packed;
  }
  return packed.slice(end + 1);
}

export function packLines(lines: readonly Line[]): string {
  return JSON.stringify(lines.map((line): PackedLine => [line.sku, line.quantity, line.unitPriceMinor]));
}

export function unpackLines(packed: string): Line[] {
  return (JSON.parse(packed) as PackedLine[]).map(([sku, quantity, unitPriceMinor]) => ({
    sku,
    quantity,
    unitPriceMinor,
  }));
}

/** Null for an entry that is not in a form this program knows: poison, for which the line must not stand still. */
export function parseEntry(seq: number, packed: string, tip: string): IntakeEntry | null {
  const fields = inPresentOrder(packed.split('\n'));
  const [format, buyerId, brought, id, kind, ticketId, detail, mark, had, at] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (format !== version || fields.length !== 11) return null;
  const base = { seq, id: id === '' ? ticketId : id, ticketId, admitted: had === '1', at: Number(at), tip };
  try {
    switch (kind) {
      case 'reserve':
      case 'withdraw':
      case 'join':
        return {
          ...base,
          kind,
          buyerId,
          lines: unpackLines(detail),
          idempotencyKey: brought === '' ? null : brought,
          fingerprint: mark === '' ? null : mark,
        };
      case 'place':
        return {
          ...base,
          kind,
          buyerId,
          lines: unpackLines(detail),
          number: Number(id.slice('draw.'.length)),
        };
      case 'confirm':
      case 'cancel':
      case 'extend':
      case 'grant':
      case 'deny':
      case 'return':
      case 'refunded':
        return {
          ...base,
          kind,
          paymentRef: brought === '' ? null : textIn(brought),
          seconds: detail === '' ? null : numberIn(detail),
          reason: mark === '' ? null : mark,
        };
      default:
        return null;
    }
  } catch {
    return null;
  }
}

/** The fields of version 1 where version 2 has them; the payment and the seconds of a command were one text. */
function inPresentOrder(fields: string[]): string[] {
  if (fields[0] !== firstVersion || fields.length !== 11) return fields;
  const [, kind, id, ticketId, buyerId, detail, key, mark, ...rest] = fields as [
    ...[string, string, string, string, string, string, string, string],
    ...string[],
  ];
  const isCommand = !['reserve', 'withdraw', 'join', 'place'].includes(kind);
  const { brought, told } = isCommand ? inTwo(detail) : { brought: key, told: detail };
  return [version, buyerId, brought, id, kind, ticketId, told, mark, ...rest];
}

/** A detail that is no JSON makes the entry unreadable. */
function inTwo(detail: string): { brought: string; told: string } {
  try {
    const { paymentRef, seconds } = (detail === '' ? {} : JSON.parse(detail)) as {
      paymentRef?: string;
      seconds?: number;
    };
    return { brought: packPayment(paymentRef ?? null), told: packSeconds(seconds ?? null) };
  } catch {
    return { brought: detail, told: detail };
  }
}

/** Whether a program newer than this one wrote the entry: only its like can read it, and say how it is chained. */
export function isNewer(packed: string): boolean {
  const written = /^(\d{1,9})\n/.exec(packed)?.[1];
  return written !== undefined && Number(written) > Number(version);
}

/** SHA-256 of an entry's text. Like the chain it leaves the person out: the journal shows it. */
export function digestOf(packed: string): string {
  return hash('sha256', chainedPart(packed));
}

/**
 * What can be told of an entry in no known form: what every version has had so far, a ticket's id and packed lines each on
 * a line of its own, and at the end whether the gate took units, and when.
 */
export function salvage(saleId: string, seq: number, packed: string, tip: string): UnreadableEntry {
  const fields = packed.split('\n');
  const [had, at] = fields.slice(-3);
  const isTail = (had === '0' || had === '1') && at !== undefined && /^\d{1,15}$/.test(at);
  const ticketId = fields.find((field) => parseTicketId(field)?.saleId === saleId) ?? null;
  const lines = had === '1' && isTail ? fields.map(linesIn).find((found) => found !== null) : null;
  return {
    seq,
    tip,
    newer: isNewer(packed),
    digest: digestOf(packed),
    at: isTail ? Number(at) : null,
    ticketId,
    lines: lines ?? [],
  };
}

function linesIn(field: string): Line[] | null {
  if (!field.startsWith('[[')) return null;
  try {
    const lines = unpackLines(field);
    const fits = lines.every(
      ({ sku, quantity }) => typeof sku === 'string' && Number.isSafeInteger(quantity) && quantity > 0,
    );
    return fits ? lines : null;
  } catch {
    return null;
  }
}

function textIn(packed: string): string {
  const text: unknown = JSON.parse(packed);
  if (typeof text !== 'string') throw new Error('no text');
  return text;
}

function numberIn(detail: string): number {
  const number: unknown = JSON.parse(detail);
  if (!Number.isSafeInteger(number)) throw new Error('no number');
  return number as number;
}

/** The head of an entry that is carried over to a new epoch: as it was. */
export function headAgain(entry: IntakeEntry): string {
  if (isReserve(entry))
    return headOf(entry.kind, entry.ticketId, packLines(entry.lines), entry.fingerprint ?? '');
  if (entry.kind === 'place') return headOf(entry.kind, entry.ticketId, packLines(entry.lines), '');
  return headOf(entry.kind, entry.ticketId, packSeconds(entry.seconds), entry.reason ?? '');
}

export function packSeconds(seconds: number | null): string {
  return seconds === null ? '' : String(seconds);
}
