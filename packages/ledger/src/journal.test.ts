import { createHash } from 'node:crypto';
import type { NewEvent } from '@holdfast/core';
import { describe, expect, it } from 'vitest';
import { chain, hashOf, type JournalRow, journalStart } from './journal.ts';

const events: NewEvent[] = [
  { type: 'held', ticketId: 'a', commandId: null, data: { lines: [['tee', 1, 4_900]], seq: 1 }, at: 1_000 },
  { type: 'confirmed', ticketId: 'a', commandId: 'confirm.1', data: { paymentRef: 'pay' }, at: 1_001 },
  { type: 'sale_moved', ticketId: null, commandId: null, data: { status: 'closed' }, at: 1_002 },
];

/** The head that follows from the rows alone, as one who verifies an export computes it. */
const headOf = (saleId: string, rows: readonly JournalRow[]) =>
  rows.reduce((previous, row) => {
    const text = JSON.stringify([
      previous,
      saleId,
      row.position,
      row.type,
      row.ticketId,
      row.commandId,
      row.at,
      row.data,
    ]);
    return createHash('sha256').update(text).digest('hex');
  }, journalStart);

describe('the journal', () => {
  it('gives every event the next place, without a gap, and keeps what happened as it was', () => {
    const rows = chain('s', 41, journalStart, events);
    expect(rows.map(({ position }) => position)).toEqual([42, 43, 44]);
    const told = rows.map(({ type, ticketId, commandId, data, at }) => ({
      type,
      ticketId,
      commandId,
      data: JSON.parse(data),
      at,
    }));
    expect(told).toEqual(events);
  });

  it('can be verified by anybody from the events alone', () => {
    const rows = chain('s', 0, journalStart, events);
    expect(rows.at(-1)?.hash).toBe(headOf('s', rows));
    expect(rows[0]?.hash).toBe(hashOf('s', journalStart, rows[0] as JournalRow));
  });

  it('is one chain, in whatever batches it was written', () => {
    const whole = chain('s', 0, journalStart, events);
    const first = chain('s', 0, journalStart, events.slice(0, 1));
    const rest = chain('s', 1, first[0]?.hash as string, events.slice(1));
    expect([...first, ...rest]).toEqual(whole);
    expect(chain('s', 3, 'head', [])).toEqual([]);
  });

  const rows = chain('s', 0, journalStart, events);
  const second = rows[1] as JournalRow;
  const tampered: [what: string, rows: JournalRow[]][] = [
    ['a place', [rows[0] as JournalRow, { ...second, position: 9 }, rows[2] as JournalRow]],
    ['a type', [rows[0] as JournalRow, { ...second, type: 'cancelled' }, rows[2] as JournalRow]],
    ['a ticket', [rows[0] as JournalRow, { ...second, ticketId: 'b' }, rows[2] as JournalRow]],
    ['a command', [rows[0] as JournalRow, { ...second, commandId: null }, rows[2] as JournalRow]],
    ['a time', [rows[0] as JournalRow, { ...second, at: 1_000 }, rows[2] as JournalRow]],
    [
      'a fact',
      [rows[0] as JournalRow, { ...second, data: second.data.replace('pay', 'PAY') }, rows[2] as JournalRow],
    ],
    ['the order', [rows[0] as JournalRow, rows[2] as JournalRow, second]],
    ['an event left out', [rows[0] as JournalRow, rows[2] as JournalRow]],
    ['the last event cut off', rows.slice(0, 2)],
  ];

  it.each(tampered)('shows that it was changed: %s', (_, changed) => {
    expect(headOf('s', changed)).not.toBe(rows.at(-1)?.hash);
  });

  it('of another sale has another chain', () => {
    expect(chain('other', 0, journalStart, events)[0]?.hash).not.toBe(rows[0]?.hash);
  });

  it('has no two events with the same text', () => {
    const one = { position: 1, type: 'refused', ticketId: 'a', commandId: null, at: 1, data: '{}' };
    expect(hashOf('s', journalStart, { ...one, ticketId: null, commandId: 'a' })).not.toBe(
      hashOf('s', journalStart, one),
    );
    expect(hashOf('s', journalStart, { ...one, ticketId: 'a",null' })).not.toBe(
      hashOf('s', journalStart, one),
    );
  });
});
