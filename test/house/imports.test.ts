/** Who may import whom: ARCHITECTURE.md, Rooms. A failure says what to move where. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** Which of our packages each room may import. */
const mayImport: Record<string, readonly string[]> = {
  'packages/core': [],
  'packages/contracts': ['core'],
  'packages/gate': ['core'],
  'packages/ledger': ['core'],
  'packages/pipeline': ['core'],
  'packages/client': ['core'],
  'packages/payments': ['core'],
  'packages/webhooks': ['core'],
  'packages/runtime': [],
  // Sent to a browser: it buys over HTTP like anybody.
  'apps/storefront': ['client'],
  // The buyers' side opens Redis only.
  'apps/edge': ['core', 'contracts', 'gate', 'payments', 'pipeline', 'runtime'],
  'apps/worker': ['core', 'contracts', 'gate', 'ledger', 'pipeline', 'runtime', 'webhooks'],
  'apps/console': ['core', 'contracts', 'gate', 'ledger', 'pipeline', 'runtime'],
  'apps/cli': ['core', 'contracts', 'client', 'gate', 'ledger', 'pipeline', 'runtime'],
};

/** Libraries that only one room may name; `runtime` asks its own private stores whether they are there. */
const oneRoom: Record<string, readonly string[]> = {
  bullmq: ['packages/pipeline'],
  ioredis: ['packages/gate', 'packages/pipeline'],
  pg: ['packages/ledger', 'packages/runtime'],
  kysely: ['packages/ledger'],
  stripe: ['packages/payments'],
  undici: ['packages/webhooks'],
  standardwebhooks: ['packages/webhooks'],
};

const sources = globSync('{apps,packages}/*/src/**/*.ts', { cwd: root })
  .filter((file) => !file.endsWith('.test.ts'))
  .map((file) => ({ file: file.split(sep).join('/'), text: readFileSync(join(root, file), 'utf8') }));

/** What is built and sent to a browser. */
const pages = globSync('apps/*/page/**/*.{ts,tsx}', { cwd: root }).map((file) => ({
  file: file.split(sep).join('/'),
  text: readFileSync(join(root, file), 'utf8'),
}));

describe('the rooms keep to themselves', () => {
  test('every room is known to this test', () => {
    const rooms = new Set(sources.map(({ file }) => roomOf(file)));
    expect([...rooms].filter((room) => !(room in mayImport))).toEqual([]);
    expect(sources.length).toBeGreaterThan(100);
  });

  test('packages import only what ARCHITECTURE.md allows, and nobody imports an app', () => {
    const complaints = eachImport(({ file, room, name }) => {
      if (!name.startsWith('@holdfast/')) return null;
      const wanted = name.split('/')[1] as string;
      if (existsSync(join(root, 'apps', wanted))) {
        return `${file} imports the app ${wanted}: move what both need into a package.`;
      }
      if (wanted === room.split('/')[1] || mayImport[room]?.includes(wanted)) return null;
      return `${file} imports ${name}: move the type they share to packages/core, or let an app hand it in.`;
    });
    expect(complaints).toEqual([]);
  });

  test('a relative import stays in its room and names its file', () => {
    const complaints = eachImport(({ file, room, name }) => {
      if (!name.startsWith('.')) return null;
      const target = relative(root, resolve(root, dirname(file), name))
        .split(sep)
        .join('/');
      if (roomOf(target) !== room) {
        return `${file} reaches into ${target}: export it from that package's index.ts, or move it here.`;
      }
      return existsSync(join(root, target))
        ? null
        : `${file} imports ${name}, which is not there; write the .ts.`;
    });
    expect(complaints).toEqual([]);
  });

  test('the core is pure: no package, no Node, no clock, no chance', () => {
    const imports = eachImport(({ file, room, name }) =>
      room === 'packages/core' && !name.startsWith('.')
        ? `${file} imports ${name}: the core takes what it needs as an argument.`
        : null,
    );
    const outside = eachLine(
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.|\bawait\b/,
      (file, line) =>
        file.startsWith('packages/core/')
          ? `${file}:${line} asks the world: take time and randomness as arguments.`
          : null,
    );
    expect([...imports, ...outside]).toEqual([]);
  });

  test('each store is spoken to in one room', () => {
    const complaints = eachImport(({ file, room, name }) => {
      const library = name.split('/')[0] as string;
      const rooms = oneRoom[library];
      return rooms === undefined || rooms.includes(room)
        ? null
        : `${file} imports ${library}: only ${rooms.join(' and ')} may; ask that room for a verb.`;
    });
    expect(complaints).toEqual([]);
  });

  test('the edge never meets Postgres, not even through a package', () => {
    const seen = new Set<string>();
    const visit = (room: string) => {
      if (seen.has(room)) return;
      seen.add(room);
      for (const name of importsOf(room)) {
        if (name.startsWith('@holdfast/')) visit(`packages/${name.slice('@holdfast/'.length)}`);
        else seen.add(name);
      }
    };
    visit('apps/edge');
    expect(
      [...seen].filter((name) => name === 'pg' || name === 'kysely' || name === 'packages/ledger'),
    ).toEqual([]);
  });

  test('only config files read the environment', () => {
    const complaints = eachLine(/\bprocess\.env\b/, (file, line) =>
      /(^|\/)config\.ts$/.test(file)
        ? null
        : `${file}:${line} reads the environment: read it in the room's config.ts and hand it in.`,
    );
    expect(complaints).toEqual([]);
  });

  test('what judges an export shares nothing with what made it', () => {
    const folder = 'apps/cli/src/verify/';
    const complaints = eachImport(({ file, name }) => {
      if (!file.startsWith(folder) || name === 'node:crypto') return null;
      return name.startsWith('./')
        ? null
        : `${file} imports ${name}: the verifier is written apart; write here what it needs.`;
    });
    expect(sources.filter(({ file }) => file.startsWith(folder)).length).toBeGreaterThan(2);
    expect(complaints).toEqual([]);
  });

  test('what judges a whole run shares nothing with what it judges', () => {
    const folder = 'test/checker/';
    const files = globSync(`${folder}*.ts`, { cwd: root }).filter(
      (file) => !/(\.test|real-sale)\.ts$/.test(file),
    );
    expect(files.length).toBeGreaterThan(10);
    const complaints = files.flatMap((path) => {
      const file = path.split(sep).join('/');
      return namesIn(readFileSync(join(root, file), 'utf8')).flatMap((name) => {
        if (name.startsWith('node:') || name.startsWith('./')) return [];
        if (name === 'ioredis' && file === `${folder}read-gate.ts`) return [];
        return `${file} imports ${name}: the checker is written apart; write here what it needs.`;
      });
    });
    expect(complaints).toEqual([]);
  });

  test('a page keeps to itself: of ours it takes the types of the contract, and what is built in is a devDependency', () => {
    expect(pages.length).toBeGreaterThan(10);
    const complaints = pages.flatMap(({ file, text }) => {
      const [app = ''] = file.split('/page/');
      const { devDependencies = {} } = JSON.parse(readFileSync(join(root, app, 'package.json'), 'utf8')) as {
        devDependencies?: Record<string, string>;
      };
      return namesIn(text).flatMap((name) => {
        if (name.startsWith('.')) {
          const target = join(root, dirname(file), name);
          if (!relative(join(root, app, 'page'), target).startsWith('..') && existsSync(target)) return [];
          return `${file} imports ${name}: a page takes nothing from its server, and writes the ending.`;
        }
        if (name === '@holdfast/contracts') {
          return /(import|export) (?!type)[^;]*from '@holdfast\/contracts'/.test(text)
            ? `${file} imports values of the contract: a page takes its types only.`
            : [];
        }
        return packageOf(name) in devDependencies
          ? []
          : `${file} imports ${name}: add it to the devDependencies of ${app}.`;
      });
    });
    expect(complaints).toEqual([]);
  });

  test('what is imported is declared in the package.json of its room', () => {
    const complaints = eachImport(({ file, room, name }) => {
      if (name.startsWith('.') || name.startsWith('node:')) return null;
      const wanted = packageOf(name);
      const { dependencies = {} } = JSON.parse(readFileSync(join(root, room, 'package.json'), 'utf8')) as {
        dependencies?: Record<string, string>;
      };
      return wanted in dependencies ? null : `${file} imports ${wanted}: add it to ${room}/package.json.`;
    });
    expect(complaints).toEqual([]);
  });
});

interface Import {
  file: string;
  room: string;
  name: string;
}

function eachImport(complain: (found: Import) => string | null): string[] {
  return sources.flatMap(({ file, text }) =>
    namesIn(text).flatMap((name) => complain({ file, room: roomOf(file), name }) ?? []),
  );
}

function eachLine(pattern: RegExp, complain: (file: string, line: number) => string | null): string[] {
  return sources.flatMap(({ file, text }) =>
    text.split('\n').flatMap((line, index) => {
      const code = line.replace(/\/\/.*$|^\s*\/?\*.*$/, '');
      return pattern.test(code) ? (complain(file, index + 1) ?? []) : [];
    }),
  );
}

/** What a room imports at run time; the private stores are an entry of their own that the apps do not take. */
function importsOf(room: string): string[] {
  return sources
    .filter(({ file }) => roomOf(file) === room && !file.includes('/local-stores/'))
    .flatMap(({ text }) => namesIn(text));
}

function namesIn(text: string): string[] {
  const statements = text.matchAll(
    /^(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm,
  );
  const calls = text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g);
  return [...statements, ...calls].map((found) => (found[1] ?? found[2]) as string);
}

function roomOf(file: string): string {
  return file.split('/').slice(0, 2).join('/');
}

function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}
