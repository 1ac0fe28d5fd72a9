/** The checker on the real thing: true evidence is accepted, and one row, one event or one answer changed is not. */
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { invariantNames } from './findings.ts';
import { checkFolder } from './folder.ts';
import { type RealEvidence, recordRealSales } from './real-sale.ts';

let evidence: RealEvidence;
let limited: string;
let waited: string;
let folder: string;

beforeAll(async () => {
  evidence = await recordRealSales();
  [limited = '', waited = ''] = evidence.sales.map(({ saleId }) => saleId);
  folder = mkdtempSync(join(tmpdir(), 'holdfast-evidence-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the evidence of real sales', () => {
  it('is accepted, and every invariant but that of repairs has seen something', () => {
    const { ok, invariants } = check(evidence);
    expect(invariants.flatMap(({ violations }) => violations)).toEqual([]);
    expect(ok).toBe(true);
    const unseen = invariants.filter(({ state }) => state === 'nothing seen').map(({ name }) => name);
    expect(unseen).toEqual(['I12']);
  });

  it('is not accepted with one row changed', () => {
    const rows = (evidence.rows[limited] ?? []).map((row, index) =>
      index === 0 ? { ...row, status: 'returned', expiresAt: null } : row,
    );
    expect(check({ ...evidence, rows: { ...evidence.rows, [limited]: rows } }).broken).toContain('I1');
  });

  it('is not accepted with one row less', () => {
    const rows = (evidence.rows[waited] ?? []).slice(1);
    expect(check({ ...evidence, rows: { ...evidence.rows, [waited]: rows } }).broken).toEqual(
      expect.arrayContaining(['I1', 'I2']),
    );
  });

  it('is not accepted with one event changed', () => {
    const journal = (evidence.journals[limited] ?? []).map((line) => line.replace('"held"', '"waitlisted"'));
    expect(check({ ...evidence, journals: { ...evidence.journals, [limited]: journal } }).broken).toContain(
      'I11',
    );
  });

  it('is not accepted with one event less, even when all that follows is chained anew', () => {
    const journal = withoutEvent(limited, evidence.journals[limited] ?? [], 'expired');
    const broken = check({ ...evidence, journals: { ...evidence.journals, [limited]: journal } }).broken;
    expect(broken).toContain('I1');
    expect(broken).not.toContain('I11');
  });

  it('is not accepted with one answer changed', () => {
    const index = evidence.history.findIndex(
      ({ op, body }) => op === 'read' && (body as { status?: string }).status === 'held',
    );
    const history = evidence.history.with(index, {
      ...(evidence.history[index] as RealEvidence['history'][number]),
      body: { ...evidence.history[index]?.body, status: 'expired', expiresAt: null },
    });
    expect(check({ ...evidence, history }).broken).toContain('I7');
  });

  it('is not accepted with one unit more at the gate', () => {
    const gate = structuredClone(evidence.gates[waited]) as RealEvidence['gates'][string];
    for (const item of Object.values(gate.items)) item.admitted -= 1;
    expect(check({ ...evidence, gates: { ...evidence.gates, [waited]: gate } }).broken).toContain('I5');
  });
});

describe('a folder of evidence', () => {
  const run = (path: string) =>
    spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), path], { encoding: 'utf8' });

  it('has the verdict that the same evidence has in memory', async () => {
    const path = written('same', evidence);
    expect(await checkFolder(path)).toEqual(check(evidence));
  });

  it('is told on a line for each invariant, and 0 when all hold', () => {
    const { status, stdout } = run(written('holds', evidence));
    expect(stdout.match(/^I\d+ +(ok|broken|nothing seen)/gm)).toHaveLength(invariantNames.length);
    expect(stdout).toMatch(/^I12 nothing seen/m);
    expect(status).toBe(0);
  });

  it('is told with the first sentences of what is broken, and 1', () => {
    const rows = { ...evidence.rows, [waited]: (evidence.rows[waited] ?? []).slice(1) };
    const { status, stdout } = run(written('broken', { ...evidence, rows }));
    expect(stdout).toMatch(
      /^I1 +broken .*\n {6}ticket \S+ has no row, and the journal has it from position \d+ on\.$/m,
    );
    expect(status).toBe(1);
  });

  it.each([
    ['is missing', undefined],
    ['is no JSON', '{"op":\n'],
  ])('has no verdict, and 2, when a file %s', (what, text) => {
    const path = written(what.replace(/ /g, '-'), evidence);
    if (text === undefined) rmSync(join(path, 'history.ndjson'));
    else writeFileSync(join(path, 'history.ndjson'), text);
    const { status, stdout, stderr } = run(path);
    expect(stderr).toContain('history.ndjson');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

function written(name: string, { sales, history, journals, rows, gates }: RealEvidence): string {
  const path = join(folder, name);
  mkdirSync(path);
  const put = (file: string, text: string) => writeFileSync(join(path, file), text);
  const lines = (records: readonly object[]) =>
    records.map((record) => `${JSON.stringify(record)}\n`).join('');
  put('sales.json', JSON.stringify(sales));
  put('history.ndjson', lines(history));
  for (const { saleId } of sales) {
    put(`journal-${saleId}.ndjson`, (journals[saleId] ?? []).join('\n'));
    put(`rows-${saleId}.ndjson`, lines(rows[saleId] ?? []));
    put(`gate-${saleId}.json`, JSON.stringify(gates[saleId]));
  }
  return path;
}

/** The journal without its last event of this type, as if it had never been. */
function withoutEvent(saleId: string, lines: readonly string[], type: string): string[] {
  const events = lines.filter((line) => line.includes('"position"'));
  const last = events.findLastIndex((line) => line.includes(`"type":"${type}"`));
  let head = '0'.repeat(64);
  const kept = events.toSpliced(last, 1).map((line, index) => {
    const { ticketId, commandId, at, type: kind } = JSON.parse(line) as Record<string, string | null>;
    const data = line.slice(line.indexOf(',"data":') + 8, line.lastIndexOf(',"hash":'));
    const text = [head, saleId, index + 1, kind, ticketId, commandId, Date.parse(String(at)), data];
    head = hash('sha256', JSON.stringify(text));
    const begins = JSON.stringify({ saleId, position: index + 1, type: kind, ticketId, commandId, at });
    return `${begins.slice(0, -1)},"data":${data},"hash":"${head}"}`;
  });
  return [...kept, JSON.stringify({ saleId, count: kept.length, head })];
}
