/** An exported journal is judged from the export alone: the true one is accepted, and nothing else. */
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { journalEndLine, journalLine } from '@holdfast/contracts';
import type { Ticket } from '@holdfast/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Against, checkExport } from '../../apps/cli/src/verify/check-export.ts';
import { verify } from '../../apps/cli/src/verify.ts';
import { read, reserve, tell } from '../support/commands.ts';
import { type House, openHouse } from '../support/house.ts';
import { joinMany, lobbyOf } from '../support/lobby.ts';

let house: House;
let lines: string[];
let published: { count: number; head: string };
let receipts: string[];
const folder = mkdtempSync(joinPath(tmpdir(), 'holdfast-verify-'));

beforeAll(async () => {
  house = await openHouse({ workers: 0 });
  const { edge, desk } = house;
  const saleId = await lobbyOf(house, 12, { waitlist: true });
  const members = await joinMany(edge, saleId, 15);
  await house.commit(saleId);
  await tell(edge, members[2] as Ticket, 'cancel');
  await house.commit(saleId);
  await desk.move(saleId, 'open', null, 'a public value');
  await house.commit(saleId);
  const late = await reserve(edge, saleId, 'late', 2);
  const held: Ticket[] = [];
  for (const member of members) {
    const ticket = await read(edge, member);
    if (ticket.status === 'held') held.push(ticket);
  }
  await tell(edge, held[0] as Ticket, 'confirm', { paymentRef: 'paid' });
  await tell(edge, held[1] as Ticket, 'cancel');
  await desk.restock(saleId, 'tee', 4, null);
  await house.commit(saleId);
  await desk.withdraw(saleId, 'tee', 1, null);
  receipts = await Promise.all(
    [...members.filter((_, index) => index !== 2), late].map(
      async (ticket) => (await read(edge, ticket)).receipt,
    ),
  );
  lines = await exported(saleId);
  const shown = await edge.readSale(saleId);
  if (shown.kind === 'refused') throw new Error(shown.code);
  published = shown.sale.journal;
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await house.close();
});

/** As the console answers it, line by line. */
async function exported(saleId: string): Promise<string[]> {
  const cursor = (await house.ledger.readSale(saleId))?.cursor ?? { position: 0, head: '' };
  let text = '';
  for await (const rows of house.ledger.journalRows(saleId, cursor.position))
    text += rows.map((row) => journalLine(saleId, row)).join('');
  return `${text}${journalEndLine(saleId, cursor.position, cursor.head)}`.split('\n');
}

async function judge(of: readonly string[], against: Against = {}): Promise<string> {
  return (await checkExport(of, against)).kind;
}

type Json = Record<string, unknown>;

/** The same journal with every position, hash and the end made anew: what a forger with the whole export could write. */
function chainedAnew(of: readonly string[]): string[] {
  let previous = '0'.repeat(64);
  const events = of.slice(0, -2).map((line, index) => {
    const { saleId, type, ticketId, commandId, at, data } = JSON.parse(line) as Json;
    const position = index + 1;
    const text = JSON.stringify(data);
    const time = Date.parse(String(at));
    previous = hash(
      'sha256',
      JSON.stringify([previous, saleId, position, type, ticketId, commandId, time, text]),
    );
    const head = JSON.stringify({ saleId, position, type, ticketId, commandId, at });
    return `${head.slice(0, -1)},"data":${text},"hash":"${previous}"}`;
  });
  const { saleId } = JSON.parse(of[0] ?? '') as Json;
  return [...events, JSON.stringify({ saleId, count: events.length, head: previous }), ''];
}

const indexOf = (test: (event: Json) => boolean) =>
  lines.findIndex((line) => line !== '' && test(JSON.parse(line) as Json));
const placeOf = (event: Json) => (event['data'] as Json | undefined)?.['place'];

function replaced(index: number, change: (line: string) => string): string[] {
  return lines.map((line, at) => (at === index ? change(line) : line));
}

const forgeries: [string, () => string[]][] = [
  [
    'two swapped places',
    () => {
      const [first, second] = [2, 3].map((number) => indexOf((event) => placeOf(event) === number));
      const ids = [first, second].map((index) =>
        String((JSON.parse(lines[index ?? 0] ?? '') as Json)['ticketId']),
      );
      return lines.map((line, at) => {
        if (at === first) return line.replace(ids[0] ?? '', ids[1] ?? '');
        return at === second ? line.replace(ids[1] ?? '', ids[0] ?? '') : line;
      });
    },
  ],
  [
    'a dropped entry',
    () =>
      lines.toSpliced(
        indexOf((event) => placeOf(event) === 4),
        1,
      ),
  ],
  [
    'a changed quantity',
    () =>
      replaced(
        indexOf(({ type }) => type === 'joined'),
        (line) => line.replace('["tee",1,', '["tee",2,'),
      ),
  ],
  [
    'another seed',
    () =>
      replaced(
        indexOf(({ type }) => type === 'drawn'),
        (line) => line.replace(/"seed":"[0-9a-f]{64}"/, `"seed":"${'5'.repeat(64)}"`),
      ),
  ],
  [
    'another beacon',
    () =>
      replaced(
        indexOf(({ type }) => type === 'drawn'),
        (line) => line.replace('a public value', 'a better value'),
      ),
  ],
  ['a cut tail', () => [...lines.slice(0, -5), ...lines.slice(-2)]],
];

describe('verify', () => {
  test('accepts the export of a drawn sale, its published head and the receipts of its buyers', async () => {
    expect(await checkExport(lines)).toMatchObject({ kind: 'true' });
    expect(published.count).toBe(lines.length - 2);
    expect(await checkExport(lines, { head: published.head, receipts })).toMatchObject({ kind: 'true' });
    expect(receipts.length).toBe(15);
    const joined = JSON.parse(lines[indexOf(({ type }) => type === 'joined')] ?? '') as Json;
    expect(await judge(lines, { head: String(joined['hash']) }), 'a head from before').toBe('true');
  });

  test.each(forgeries)('rejects %s, as it is and with a chain computed anew', async (_, forge) => {
    const forged = forge();
    expect(forged).not.toEqual(lines);
    expect(await checkExport(forged)).toMatchObject({
      kind: 'false',
      why: expect.stringMatching(/^Line \d+: /),
    });
    const anew = chainedAnew(forged);
    expect(await judge(anew, { head: published.head })).toBe('false');
  });

  test('rejects a chain that was computed anew over another word, and a head or receipt of another journal', async () => {
    expect(chainedAnew(lines)).toEqual(lines);
    const renamed = replaced(0, (line) => line.replace('"Tees"', '"Fees"'));
    expect(await judge(chainedAnew(renamed))).toBe('true');
    expect(await judge(chainedAnew(renamed), { head: published.head })).toBe('false');
    expect(await judge(lines, { receipts: [...receipts, `1.3.${'0'.repeat(40)}`] })).toBe('false');
  });

  test('sees a swap, a dropped place, another seed and too many units even where the chain was made to fit', async () => {
    for (const name of ['two swapped places', 'a dropped entry', 'another seed', 'another beacon']) {
      const forge = forgeries.find(([one]) => one === name)?.[1];
      expect(await judge(chainedAnew(forge?.() ?? [])), name).toBe('false');
    }
    const fewer = replaced(0, (line) => line.replace('"stock":12', '"stock":11'));
    expect(await judge(chainedAnew(fewer))).toBe('false');
  });

  test('rejects any single change of a byte or a line', async () => {
    const text = lines.join('\n');
    const byte = fc
      .tuple(fc.nat(text.length - 1), fc.integer({ min: 9, max: 126 }))
      .map(([at, code]) => text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1));
    const line = fc
      .tuple(fc.nat(lines.length - 2), fc.nat(lines.length - 2), fc.constantFrom('drop', 'swap', 'again'))
      .map(([a, b, act]) => {
        const [one = '', other = ''] = [lines[a], lines[b]];
        if (act === 'drop') return lines.toSpliced(a, 1).join('\n');
        if (act === 'again') return lines.toSpliced(b, 0, one).join('\n');
        return lines.map((kept, at) => (at === a ? other : at === b ? one : kept)).join('\n');
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(byte, line), async (changed) => {
        fc.pre(changed !== text);
        expect(await judge(changed.split('\n'), { head: published.head })).not.toBe('true');
      }),
      { numRuns: 400 },
    );
  });

  test('ends with 0 for true, 1 for false and 2 for what it cannot read', async () => {
    vi.spyOn(console, 'log').mockReturnValue();
    vi.spyOn(console, 'error').mockReturnValue();
    const write = (name: string, text: string) => {
      const path = joinPath(folder, name);
      writeFileSync(path, text);
      return path;
    };
    const good = write('good.ndjson', lines.join('\n'));
    expect(await verify([good, '--head', published.head, '--receipt', receipts[0] ?? ''])).toBe(0);
    expect(await verify([good, '--head', 'f'.repeat(64)])).toBe(1);
    expect(await verify([write('cut.ndjson', lines.slice(0, -3).join('\n'))])).toBe(1);
    expect(await verify([write('empty.ndjson', '')])).toBe(2);
    expect(await verify([write('other.json', '{"a":1}\n')])).toBe(2);
    expect(await verify([joinPath(folder, 'nowhere')])).toBe(2);
    expect(await verify([])).toBe(2);
    expect(await verify([good, '--heads', 'x'])).toBe(2);
  });
});
