import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { journalEndLine, journalLine } from './journal-line.ts';

describe('the journal export', () => {
  const event = {
    position: 7,
    type: 'held',
    ticketId: '0-tees-x',
    commandId: null,
    data: '{"lines":[["tee",1,4900]],"seq":3}',
    at: Date.UTC(2026, 10, 21, 4, 5, 6, 789),
  };

  it('can be verified from the line alone', () => {
    const before = 'a'.repeat(64);
    const stored = hash(
      'sha256',
      JSON.stringify([before, 'tees', 7, 'held', '0-tees-x', null, event.at, event.data]),
    );
    const line = JSON.parse(journalLine('tees', { ...event, hash: stored }));
    const again = JSON.stringify([
      before,
      line.saleId,
      line.position,
      line.type,
      line.ticketId,
      line.commandId,
      Date.parse(line.at),
      JSON.stringify(line.data),
    ]);
    expect(hash('sha256', again)).toBe(line.hash);
  });

  it('is one line per event, and ends with count and head', () => {
    expect(journalLine('tees', { ...event, hash: 'h' }).match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(journalEndLine('tees', 7, 'h'))).toEqual({ saleId: 'tees', count: 7, head: 'h' });
  });
});
