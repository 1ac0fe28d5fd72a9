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
import { read, reserve, statuses, tell } from '../support/commands.ts';
import { type House, openHouse } from '../support/house.ts';
import { joinMany, lobbyOf } from '../support/lobby.ts';
import { until } from '../support/sales.ts';

interface Export {
  lines: string[];
  published: { count: number; head: string };
  receipts: string[];
}

let house: House;
const folder = mkdtempSync(joinPath(tmpdir(), 'holdfast-verify-'));

beforeAll(async () => {
  house = await openHouse({ workers: 0 });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await house.close();
});

/** Drawn, with one who gave up before, and then a hold that is paid, one that is given back, a restock, a withdrawal. */
async function drawnSale(): Promise<Export> {
  const { edge, desk } = house;
  const saleId = await lobbyOf(house, 12, { waitlist: true });
  const { members, held } = await draw(saleId, 15);
  const late = await reserve(edge, saleId, 'late', 2);
  await tell(edge, held[0] as Ticket, 'confirm', { paymentRef: 'paid' });
  await tell(edge, held[1] as Ticket, 'cancel');
  await desk.restock(saleId, 'tee', 4, null);
  await house.commit(saleId);
  await desk.withdraw(saleId, 'tee', 1, null);
  return exportOf(saleId, [...members, late]);
}

/** Drawn as well, with returns, refunds, more time, payments that came too late, and cancelled in the end. */
async function cancelledSale(): Promise<Export> {
  const { edge, desk } = house;
  const saleId = await lobbyOf(house, 6);
  const { members, held } = await draw(saleId, 8);
  const [returned, extended, lucky, unlucky, given, kept] = held as [
    Ticket,
    Ticket,
    Ticket,
    Ticket,
    Ticket,
    Ticket,
  ];
  await tell(edge, returned, 'confirm', { paymentRef: 'p1' });
  await tell(edge, extended, 'extend', { seconds: 60 });
  await tell(edge, given, 'cancel');
  await house.commit(saleId);
  await desk.extendHolds(saleId, 30, null);
  await desk.command(returned.id, 'return');
  await lapse(saleId, lucky, unlucky);
  await tell(edge, lucky, 'confirm', { paymentRef: 'p2' });
  await house.commit(saleId);
  // Everything that is left goes to others, so that the second late payment finds nothing.
  const shown = await edge.readSale(saleId);
  const left = shown.kind === 'sale' ? (shown.sale.items[0]?.available ?? 0) : 0;
  const greedy = await reserve(edge, saleId, 'greedy', left);
  await tell(edge, unlucky, 'confirm', { paymentRef: 'p3' });
  await house.commit(saleId);
  await desk.command(unlucky.id, 'refunded');
  await tell(edge, given, 'confirm', { paymentRef: 'p4' });
  await house.commit(saleId);
  await desk.move(saleId, 'cancel', null);
  expect(await statuses(edge, returned, extended, lucky, unlucky, given, kept, greedy)).toEqual([
    'returned',
    'cancelled',
    'refund_due',
    'refunded',
    'refund_due',
    'cancelled',
    'cancelled',
  ]);
  return exportOf(saleId, [...members, greedy]);
}

/** `held` is who got a unit, in the drawn order; the third who joined gives up before. */
async function draw(saleId: string, joining: number): Promise<{ members: Ticket[]; held: Ticket[] }> {
  const { edge, desk } = house;
  const joined = await joinMany(edge, saleId, joining);
  await house.commit(saleId);
  await tell(edge, joined[2] as Ticket, 'cancel');
  await house.commit(saleId);
  await desk.move(saleId, 'open', null, 'a public value');
  await house.commit(saleId);
  const now = await Promise.all(joined.map((ticket) => read(edge, ticket)));
  const held = now.filter(({ status }) => status === 'held').sort((a, b) => a.seq - b.seq);
  return { members: joined.filter((_, index) => index !== 2), held };
}

/** Moves deadlines behind the gate's clock, as time would. */
async function lapse(saleId: string, ...tickets: Ticket[]): Promise<void> {
  const gateNow = async () => (await house.gate.peek([saleId])).get(saleId)?.now ?? 0;
  const now = await gateNow();
  await house.rows(
    'update reservations set expires_at = to_timestamp($2::float8 / 1000.0) where ticket_id = any($1::text[])',
    [tickets.map(({ id }) => id), now],
  );
  await until('the deadlines to pass', async () => (await gateNow()) > now + 1);
  await house.commit(saleId);
}

async function exportOf(saleId: string, tickets: Ticket[]): Promise<Export> {
  const receipts = await Promise.all(tickets.map(async (ticket) => (await read(house.edge, ticket)).receipt));
  const shown = await house.edge.readSale(saleId);
  if (shown.kind === 'refused') throw new Error(shown.code);
  return { lines: await exported(saleId), published: shown.sale.journal, receipts };
}

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

const indexOf = (lines: readonly string[], test: (event: Json) => boolean) => {
  const index = lines.findIndex((line) => line !== '' && test(JSON.parse(line) as Json));
  if (index < 0) throw new Error('the export has no such event');
  return index;
};
const placeOf = (event: Json) => (event['data'] as Json | undefined)?.['place'];
const ofType = (wanted: string) => (event: Json) => event['type'] === wanted;

function replaced(lines: readonly string[], index: number, change: (line: string) => string): string[] {
  return lines.map((line, at) => (at === index ? change(line) : line));
}

function without(lines: readonly string[], test: (event: Json) => boolean): string[] {
  return lines.toSpliced(indexOf(lines, test), 1);
}

type Forge = (lines: readonly string[]) => string[];

/** `fits`: with a chain computed anew nothing but the published head tells it from a true one. */
const forgeries: [name: string, forge: Forge, fits?: true][] = [
  [
    'two swapped places',
    (lines) => {
      const [first, second] = [1, 4].map((number) => indexOf(lines, (event) => placeOf(event) === number));
      const ids = [first, second].map((index) =>
        String((JSON.parse(lines[index ?? 0] ?? '') as Json)['ticketId']),
      );
      return lines.map((line, at) => {
        if (at === first) return line.replace(ids[0] ?? '', ids[1] ?? '');
        return at === second ? line.replace(ids[1] ?? '', ids[0] ?? '') : line;
      });
    },
  ],
  ['a dropped entry', (lines) => without(lines, (event) => placeOf(event) === 4)],
  ['a dropped member of the lobby', (lines) => without(lines, ofType('joined'))],
  [
    'a changed quantity',
    (lines) =>
      replaced(lines, indexOf(lines, ofType('joined')), (line) => line.replace('["tee",1,', '["tee",2,')),
    true,
  ],
  [
    'another seed',
    (lines) =>
      replaced(lines, indexOf(lines, ofType('drawn')), (line) =>
        line.replace(/"seed":"[0-9a-f]{64}"/, `"seed":"${'5'.repeat(64)}"`),
      ),
  ],
  [
    'another beacon',
    (lines) =>
      replaced(lines, indexOf(lines, ofType('drawn')), (line) =>
        line.replace('a public value', 'a better value'),
      ),
  ],
  ['a cut tail', (lines) => [...lines.slice(0, -5), ...lines.slice(-2)], true],
  [
    'another payment',
    (lines) =>
      replaced(
        lines,
        indexOf(lines, (event) => (event['data'] as Json | undefined)?.['payment'] !== undefined),
        (line) => line.replace(/"payment":"[^"]*"/, '"payment":"mine"'),
      ),
    true,
  ],
  [
    'another buyer',
    (lines) =>
      replaced(lines, indexOf(lines, ofType('joined')), (line) =>
        line.replace(/"buyer":"[^"]*"/, '"buyer":"me"'),
      ),
    true,
  ],
];

const forgeriesOfEndings: typeof forgeries = [
  ['a return that never was', (lines) => without(lines, ofType('confirmed'))],
  ['a return of somebody else', (lines) => ofAnother(lines, 'returned', 'extended')],
  ['a dropped return', (lines) => without(lines, ofType('returned')), true],
  ['a late payment without an expiry', (lines) => without(lines, ofType('expired'))],
  ['a late payer who is granted without having paid', (lines) => without(lines, ofType('paid_late'))],
  ['a refund that was not due', (lines) => without(lines, ofType('refund_due'))],
  ['a refund to somebody else', (lines) => ofAnother(lines, 'refunded', 'returned')],
  ['a refund turned into a return', (lines) => lines.map((line) => line.replace('"refunded"', '"returned"'))],
  [
    'a buyer left out of the cancelled sale',
    (lines) =>
      lines.toSpliced(
        lines.findLastIndex((line) => line.includes('"type":"refund_due"')),
        1,
      ),
    true,
  ],
];

/** The first event of a type, said of the ticket of another event. */
function ofAnother(lines: readonly string[], type: string, other: string): string[] {
  const idAt = (index: number) => String((JSON.parse(lines[index] ?? '') as Json)['ticketId']);
  const [from, to] = [indexOf(lines, ofType(type)), indexOf(lines, ofType(other))];
  return replaced(lines, from, (line) => line.replace(idAt(from), idAt(to)));
}

describe.each([
  ['a drawn sale', drawnSale, forgeries],
  [
    'a drawn sale with returns, late payments and refunds that was cancelled',
    cancelledSale,
    [...forgeries, ...forgeriesOfEndings],
  ],
] as const)('verify, of %s,', (_, play, forged) => {
  let lines: string[];
  let published: Export['published'];
  let receipts: string[];

  beforeAll(async () => {
    ({ lines, published, receipts } = await play());
  });

  test('accepts the export, its published head and the receipts of its buyers', async () => {
    expect(await checkExport(lines)).toMatchObject({ kind: 'true' });
    expect(published.count).toBe(lines.length - 2);
    expect(await checkExport(lines, { head: published.head, receipts })).toMatchObject({ kind: 'true' });
    expect(receipts.length).toBeGreaterThan(7);
    const joined = JSON.parse(lines[indexOf(lines, ofType('joined'))] ?? '') as Json;
    expect(await judge(lines, { head: String(joined['hash']) }), 'a head from before').toBe('true');
  });

  test.each(forged)('rejects %s', async (_name, forge) => {
    const changed = forge(lines);
    expect(changed).not.toEqual(lines);
    expect(await checkExport(changed)).toMatchObject({
      kind: 'false',
      why: expect.stringMatching(/^Line \d+: /),
    });
    expect(await judge(changed, { head: published.head })).toBe('false');
  });

  test.each(forged)(
    'rejects %s with a chain computed anew, held against the published head',
    async (_name, forge, fits) => {
      const anew = chainedAnew(forge(lines));
      expect(await judge(anew, { head: published.head })).toBe('false');
      if (fits !== true) expect(await judge(anew), 'even without the head').toBe('false');
    },
  );

  test('rejects a chain that was computed anew over another word, and a head or receipt of another journal', async () => {
    expect(chainedAnew(lines)).toEqual(lines);
    const renamed = replaced(lines, 0, (line) => line.replace('"Tees"', '"Fees"'));
    expect(await judge(chainedAnew(renamed))).toBe('true');
    expect(await judge(chainedAnew(renamed), { head: published.head })).toBe('false');
    expect(await judge(lines, { receipts: [...receipts, `1.3.${'0'.repeat(40)}`] })).toBe('false');
  });

  test('rejects more units than there are, even with a chain computed anew', async () => {
    const fewer = replaced(lines, 0, (line) => line.replace(/"stock":\d+/, '"stock":3'));
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
