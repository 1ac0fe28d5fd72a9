/** test/fault/README.md: every fault has its row, and every row the test that holds it. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const document = 'test/fault/README.md';
const numbers = Array.from({ length: 56 }, (_, index) => `F${String(index + 1).padStart(2, '0')}`);

interface Row {
  number: string;
  fault: string;
  holds: string;
  /** Tests that hold it. */
  tests: { file: string; name: string }[];
  /** Why no test can; null where there is one, or should be. */
  exception: string | null;
  /** No test holds it yet. */
  isToDo: boolean;
}

const rows = readRows(readFileSync(join(root, document), 'utf8'));
const named = globSync(['test/**/*.test.ts', '{packages,apps}/*/src/**/*.test.ts'], { cwd: root })
  .map((file) => file.split(sep).join('/'))
  .flatMap((file) => testsOf(readFileSync(join(root, file), 'utf8')).map((name) => ({ file, name })))
  .flatMap(({ file, name }) => numbersIn(name).map((number) => ({ number, file, name })));

describe('the table of faults', () => {
  test('has every fault once, in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(numbers);
  });

  test('says of every fault what it is, what holds, and by which test, or why by none', () => {
    const unsaid = rows.filter(({ fault, holds, tests, exception, isToDo }) => {
      const said = [tests.length > 0, exception !== null, isToDo].filter(Boolean).length;
      return fault.length < 10 || holds.length < 10 || said !== 1 || (exception?.length ?? 40) < 40;
    });
    expect(unsaid.map(({ number }) => number)).toEqual([]);
  });

  test.each(rows.flatMap(({ number, tests }) => tests.map((one) => ({ number, ...one }))))(
    '$number, $name: the test is there and is run',
    ({ number, file, name }) => {
      expect(existsSync(join(root, file)), `${file} exists`).toBe(true);
      const names = testsOf(readFileSync(join(root, file), 'utf8'));
      expect(
        names.filter((written) => isNamed(name, written)),
        `${file} has one test of this name`,
      ).toHaveLength(1);
      expect(numbersIn(name), 'the number is in the name, where -t finds it').toContain(number);
    },
  );

  test('knows every test that has the number of a fault in its name', () => {
    const left = named.filter(
      ({ number, file }) =>
        !rows.some((row) => row.number === number && row.tests.some((one) => one.file === file)),
    );
    const complaints = left.map(({ number, file, name }) => `${number}: add \`${file}\`: ${name}`);
    expect(complaints, `to ${document}`).toEqual([]);
    expect(named.length).toBeGreaterThan(20);
  });

  for (const { number, fault } of rows.filter(({ isToDo }) => isToDo))
    test(`${number} has no test yet: ${fault}`, ({ skip }) => skip('to do'));

  test('is read as it is meant', () => {
    expect(
      readRows('| F03 | lost | once | `a.test.ts`: F03: one … twice<br>`b.test.ts`: F03, F04: b |'),
    ).toEqual([
      {
        number: 'F03',
        fault: 'lost',
        holds: 'once',
        tests: [
          { file: 'a.test.ts', name: 'F03: one … twice' },
          { file: 'b.test.ts', name: 'F03, F04: b' },
        ],
        exception: null,
        isToDo: false,
      },
    ]);
    expect(readRows('| F03 | lost | once | exception: nobody can |')).toMatchObject([
      { tests: [], exception: 'nobody can', isToDo: false },
    ]);
    expect(readRows('| F03 | lost | once | to do |')).toMatchObject([{ tests: [], isToDo: true }]);
    expect(readRows('| F03 | lost | once | surely somewhere |')).toMatchObject([
      { tests: [], exception: null, isToDo: false },
    ]);
    expect(isNamed('F03: one … twice', 'F03: one is not sold twice')).toBe(true);
    expect(isNamed('F03: one', 'F03: one is not sold twice')).toBe(false);
    const source = `
      it('plain', async () => {});
      it.each(['a'])('each %s', () => {});
      it.skipIf(isRoot)(\`\${count} times\`, () => {});
      it.skip('not run', () => {});
      it.todo('not written');
      describe('only a heading', () => {});`;
    expect(testsOf(source)).toEqual(['plain', 'each %s', '${count} times']);
  });
});

function readRows(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const [number = '', fault = '', holds = '', by = ''] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (!/^F\d\d$/.test(number)) return [];
    const tests = by.split('<br>').flatMap((cell) => {
      const [, file, name] = /^`([^`]+\.test\.ts)`: (.+)$/.exec(cell.trim()) ?? [];
      return file === undefined || name === undefined ? [] : [{ file, name }];
    });
    const exception = /^exception: (.+)$/.exec(by)?.[1] ?? null;
    return [{ number, fault, holds, tests, exception, isToDo: by === 'to do' }];
  });
}

/** Names of the tests of a file that are run, as they are written. */
function testsOf(source: string): string[] {
  const calls = source.matchAll(
    /^ *(?:it|test)(?:\.(?:each|skipIf|runIf|sequential|concurrent)(?:\([\s\S]*?\))?)*\(\s*(['"`])((?:\\.|(?!\1).)*)\1,/gm,
  );
  return [...calls].map(([, , name]) => name as string);
}

/** In the table `…` stands for anything, such as what a name is put together from. */
function isNamed(said: string, written: string): boolean {
  const parts = said.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(written);
}

function numbersIn(name: string): string[] {
  return [...name.matchAll(/\bF\d\d\b/g)].map(([number]) => number);
}
