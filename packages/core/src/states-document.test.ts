import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CommandKind } from './entry.ts';
import {
  countsForBuyer,
  holdsUnits,
  isFinal,
  type ReservationStatus,
  reservationStatuses,
  waits,
} from './reservation.ts';
import { moveSale, newcomerRefusals, type SaleStatus, type SaleVerb } from './sale.ts';
import { type Transition, transitions } from './transitions.ts';

const root = new URL('../../../', import.meta.url);
const text = readFileSync(new URL('STATES.md', root), 'utf8');

/** The rows of the table whose header begins with these cells, without their backticks; the header comes first. */
function tableOf(...header: string[]): string[][] {
  const rows = text.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const start = rows.findIndex((cells) => header.every((name, index) => cells[index] === name));
  if (start < 0) throw new Error(`STATES.md has no table that begins with ${header.join(', ')}`);
  const end = rows.findIndex((cells, index) => index > start && cells.length === 0);
  const table = rows
    .slice(start, end < 0 ? undefined : end)
    .filter((cells) => !cells.every((cell) => /^-+$/.test(cell)));
  return table.map((cells) => cells.map((cell) => cell.replace(/^`([a-z_]+)`$/, '$1')));
}

/** The arrows of the diagram that follows a heading: `from to` pairs, sorted, each once. */
function arrowsOf(heading: string): string[] {
  const diagram = text.slice(text.indexOf(`\n## ${heading}\n`)).match(/```mermaid\n([\s\S]*?)```/)?.[1] ?? '';
  const pairs = [...diagram.matchAll(/^ {2}(\S+) --> (\S+?)(?::.*)?$/gm)].map(
    ([, from, to]) => `${from} ${to}`,
  );
  return [...new Set(pairs)].sort();
}

const cellOf = (transition: Transition) => ('to' in transition ? `→ ${transition.to}` : transition.refuse);

describe('STATES.md, about a reservation', () => {
  const [header = [], ...rows] = tableOf('state', 'confirm');
  const commands = header.slice(1) as CommandKind[];

  it('says of every command in every state what the code does', () => {
    expect(rows.map(([state]) => state)).toEqual(reservationStatuses);
    expect(commands).toEqual(Object.keys(transitions.held));
    for (const [state, ...cells] of rows) {
      const said = Object.fromEntries(commands.map((command, index) => [command, cells[index]]));
      const done = transitions[state as ReservationStatus];
      expect(said, state).toEqual(
        Object.fromEntries(commands.map((command) => [command, cellOf(done[command])])),
      );
    }
  });

  it('draws every way that the code has, and the ways of the commit run, and no others', () => {
    const commanded = reservationStatuses.flatMap((from) =>
      Object.values(transitions[from]).flatMap((transition) =>
        'to' in transition ? [`${from} ${transition.to}`] : [],
      ),
    );
    const decided = ['held', 'waitlisted', 'rejected', 'confirmed'].map((to) => `queued ${to}`);
    const drawn = ['lobby queued'];
    const beginnings = ['[*] queued', '[*] lobby'];
    const ends = reservationStatuses.filter(isFinal).map((from) => `${from} [*]`);
    expect(arrowsOf('A reservation')).toEqual(
      [...new Set([...commanded, ...decided, ...drawn, ...beginnings, ...ends])].sort(),
    );
  });

  it('says which states take units, count against the limit and wait', () => {
    const said = tableOf('state', 'what it means to the buyer').slice(1);
    const word = (is: boolean) => (is ? 'yes' : 'no');
    expect(said.map(([state, , ...means]) => [state, ...means])).toEqual(
      reservationStatuses.map((status) => [
        status,
        word(holdsUnits(status)),
        word(countsForBuyer(status)),
        word(waits(status)),
      ]),
    );
  });

  it('explains every command', () => {
    for (const command of commands) expect(text).toMatch(new RegExp(`^- \\*\\*${command}\\*\\* `, 'm'));
  });
});

describe('STATES.md, about a sale', () => {
  const [header = [], ...rows] = tableOf('sale', 'schedule');
  const verbs = header.slice(1, -1) as SaleVerb[];
  const statuses = Object.keys(newcomerRefusals) as SaleStatus[];

  it('says where every verb leads, and what a newcomer is told', () => {
    expect(rows).toEqual(
      statuses.map((status) => [
        status,
        ...verbs.map((verb) => moveSale(status, verb)).map((to) => (to === null ? '-' : `→ ${to}`)),
        newcomerRefusals[status] ?? 'welcome',
      ]),
    );
    expect(verbs).toHaveLength(8);
  });

  it('draws every move that the code has, and no others', () => {
    const moves = statuses.flatMap((from) =>
      verbs.flatMap((verb) => {
        const to = moveSale(from, verb);
        return to === null ? [] : [`${from} ${to}`];
      }),
    );
    expect(arrowsOf('A sale')).toEqual([...new Set([...moves, '[*] draft', 'settled [*]'])].sort());
  });
});

describe('STATES.md, about the invariants', () => {
  const invariants = tableOf('invariant', 'held by').slice(1);

  it('has some, each once', () => {
    expect(invariants.length).toBeGreaterThan(20);
    expect(new Set(invariants.map(([invariant]) => invariant)).size).toBe(invariants.length);
  });

  it.each(invariants)('%s: the test that holds it exists and is run', (_, heldBy) => {
    const [, path, name] = heldBy?.match(/^`([^`]+\.test\.ts)`: (.+)$/) ?? [];
    expect(path, 'the cell names a file and a test').toBeDefined();
    const file = new URL(path as string, root);
    expect(existsSync(file), `${path} exists`).toBe(true);
    expect(testsOf(readFileSync(file, 'utf8')), path).toContain(name);
  });
});

/** Names of the tests of a file that are run and expected to pass. */
function testsOf(source: string): string[] {
  const calls = source.matchAll(/^ *(?:it|test)(?:\.each\([\s\S]*?\))?\(\s*(['"`])(.*?)\1,/gm);
  return [...calls].map(([, , name]) => name as string);
}
