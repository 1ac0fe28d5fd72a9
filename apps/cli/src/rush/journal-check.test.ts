import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkJournal } from './journal-check.ts';

describe('the journal of a rush', () => {
  it('shows a unit that was held twice for a moment, although the rows end well', async () => {
    const journal = journalOf([
      ['held', 't1', { lines: [['tee', 1, 0]] }],
      ['held', 't2', { lines: [['tee', 1, 0]] }],
      ['expired', 't1', {}],
      ['confirmed', 't2', {}],
    ]);
    expect(await check(journal)).toEqual({ events: 4, oversoldAtWorst: 1, overtaken: 0, fault: null });
  });

  it('counts a unit once that is held and then paid, and again when it comes back and is sold', async () => {
    const journal = journalOf([
      ['held', 't1', { lines: [['tee', 1, 0]] }],
      ['confirmed', 't1', {}],
      ['returned', 't1', {}],
      ['rejected', 't2', { lines: [['tee', 1, 0]], reason: ',"hash":"x' }],
      ['held', 't3', { lines: [['tee', 1, 0]] }],
    ]);
    expect(await check(journal)).toEqual({ events: 5, oversoldAtWorst: 0, overtaken: 0, fault: null });
  });

  it('shows a newcomer who was served while somebody waited, and a later one who was served first', async () => {
    const one = { lines: [['tee', 1, 0]] };
    const pair = { lines: [['tee', 2, 0]] };
    const joined: [string, string, object][] = [
      ['held', 't1', one],
      ['waitlisted', 't2', one],
      ['waitlisted', 't3', pair],
      ['waitlisted', 't4', one],
      ['cancelled', 't1', {}],
    ];
    const overtaken = async (events: [string, string, object][]) =>
      (await check(journalOf([...joined, ...events]))).overtaken;
    expect(await overtaken([['held', 't2', {}]])).toBe(0);
    expect(await overtaken([['held', 't4', {}]]), 'behind one with the same wish').toBe(1);
    expect(await overtaken([['held', 't9', one]]), 'a newcomer').toBe(1);
    expect(
      await overtaken([
        ['cancelled', 't2', {}],
        ['held', 't4', {}],
      ]),
      'past a pair that did not fit',
    ).toBe(0);
    expect(
      await overtaken([
        ['cancelled', 't2', {}],
        ['rejected', 't3', {}],
        ['held', 't4', {}],
        ['held', 't9', one],
      ]),
      'nobody waits any more',
    ).toBe(0);
  });

  it('is not believed when a line was changed, left out, added or cut off', async () => {
    const journal = journalOf([
      ['held', 't1', { lines: [['tee', 1, 0]] }],
      ['confirmed', 't1', {}],
    ]);
    const [first = '', second = '', end = ''] = journal;
    expect((await check([first.replace('tee', 'cap'), second, end])).fault).toBe(
      'the hash at position 1 is wrong',
    );
    expect((await check([second, end])).fault).toBe('position 2 stands where 1 should');
    expect((await check([first, end])).fault).toBe('the last line says something else');
    expect((await check([first, second])).fault).toBe('the last line is missing');
    expect((await check([first, second, end, first])).fault).toBe('something follows the last line');
    expect((await check([first, '{', end])).fault).toBe('the line after position 1 is no JSON');
  });
});

async function check(lines: string[]) {
  async function* each() {
    yield* lines;
  }
  return checkJournal('s', each(), new Map([['tee', 1]]));
}

/** As the export's format says, written down a second time. */
function journalOf(events: [type: string, ticketId: string, data: object][]): string[] {
  let hash = '0'.repeat(64);
  const lines = events.map(([type, ticketId, data], index) => {
    const at = 1_700_000_000_000 + index;
    const text = JSON.stringify([hash, 's', index + 1, type, ticketId, null, at, JSON.stringify(data)]);
    hash = createHash('sha256').update(text).digest('hex');
    const head = {
      saleId: 's',
      position: index + 1,
      type,
      ticketId,
      commandId: null,
      at: new Date(at).toISOString(),
    };
    return JSON.stringify({ ...head, data, hash });
  });
  return [...lines, JSON.stringify({ saleId: 's', count: events.length, head: hash })];
}
