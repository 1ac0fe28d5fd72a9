/** `npm run torture -- --planted [NAME]`: one bug at a time in a copy of the sources, until the checker has caught it. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { temporaryFolder } from '@holdfast/runtime/local-stores';
import { placesFor, playFast } from '../fast/fast.ts';
import { type FastStores, startFastStores } from '../fast/stores.ts';
import { type PlantedBug, plantedBugs } from './bugs.ts';

const repository = resolve(import.meta.dirname, '../../..');
/** A bug that lives longer than this is not caught. */
const minutes = 2;
const schedules = 100_000;
const seed = 1;

export interface Caught {
  bug: PlantedBug;
  /** The laws that broke in the first schedule in which the checker found something; empty when it found nothing. */
  laws: string[];
  schedules: number;
  seconds: number;
}

/** Exit code 1 when one was not caught. */
export async function playPlanted(names: readonly string[], say: (line: string) => void): Promise<number> {
  const unknown = names.filter((name) => !plantedBugs.some((bug) => bug.name === name));
  if (unknown.length > 0) throw new Error(`There is no planted bug ${unknown.join(', ')}`);
  const table: Caught[] = [];
  const stores = await startFastStores(placesFor(schedules), repository);
  try {
    for (const bug of plantedBugs.filter(({ name }) => names.length === 0 || names.includes(name))) {
      const caught = await playOne(bug, stores, names.length > 0 ? say : () => undefined).catch(
        (error: Error): Caught => {
          say(`${bug.name}: ${error.message}`);
          return { bug, laws: [], schedules: 0, seconds: 0 };
        },
      );
      table.push(caught);
      say(rowOf(caught));
      if (names.length > 0) for (const law of caught.laws) say(`    ${law}`);
    }
  } finally {
    await stores.stop();
  }
  const missed = table.filter(({ laws }) => laws.length === 0);
  say(`${table.length - missed.length} of ${table.length} planted bugs were caught by the checker`);
  if (names.length === 0) writeTable(table);
  return missed.length === 0 ? 0 : 1;
}

async function playOne(bug: PlantedBug, shared: FastStores, say: (line: string) => void): Promise<Caught> {
  const root = temporaryFolder('planted');
  try {
    copySources(root);
    for (const change of bug.changes) plant(root, bug.name, change);
    const isFound = (law: string) => /^I\d+:/.test(law);
    // Its tables are others.
    const stores = bug.changes.some(({ file }) => file.includes('/migrations/')) ? {} : { stores: shared };
    const { broken, played, seconds } = await playFast(
      { schedules, seed, minutes, root, until: isFound, ...stores },
      say,
    );
    const first = broken.find(({ laws }) => laws.some(isFound));
    if (first === undefined) return { bug, laws: [], schedules: played, seconds };
    // What breaks without the bug as well says nothing of it.
    const without = await playFast({ schedules: 1, seed: first.seed, minutes, stores: shared }, say);
    if (without.broken.length > 0)
      throw new Error(`seed ${first.seed} breaks without ${bug.name}, too: ${without.broken[0]?.laws[0]}`);
    return { bug, laws: first.laws.filter(isFound), schedules: played, seconds };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** What runs here runs from its sources; packages from outside are the same ones. */
function copySources(root: string): void {
  for (const name of ['package.json', 'tsconfig.json']) cpSync(join(repository, name), join(root, name));
  for (const folder of [
    'packages',
    'apps/console/src',
    'apps/console/package.json',
    'test/torture',
    'test/checker',
  ])
    cpSync(join(repository, folder), join(root, folder), {
      recursive: true,
      filter: (source) => !/\/(node_modules|dist)(\/|$)|\.test\.ts$/.test(source.slice(repository.length)),
    });
  const modules = join(repository, 'node_modules');
  mkdirSync(join(root, 'node_modules/@holdfast'), { recursive: true });
  for (const name of readdirSync(modules))
    if (name !== '@holdfast' && !name.startsWith('.'))
      symlinkSync(join(modules, name), join(root, 'node_modules', name));
  for (const name of readdirSync(join(root, 'packages')))
    symlinkSync(join(root, 'packages', name), join(root, 'node_modules/@holdfast', name));
  for (const workspace of ['packages', 'apps'])
    for (const name of readdirSync(join(root, workspace))) linkOwnModules(root, join(workspace, name));
}

/** A package that has another version of something than the others. */
function linkOwnModules(root: string, workspace: string): void {
  const own = join(repository, workspace, 'node_modules');
  try {
    readdirSync(own);
  } catch {
    return;
  }
  symlinkSync(own, join(root, workspace, 'node_modules'));
}

function plant(root: string, name: string, { file, find, replace }: PlantedBug['changes'][number]): void {
  const path = join(root, file);
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2)
    throw new Error(`${name}: what it changes stands ${parts.length - 1} times in ${file}: ${find}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, parts.join(replace));
}

function rowOf({ bug, laws, schedules: played, seconds }: Caught): string {
  const names = [...new Set(laws.map((law) => law.split(':')[0]))];
  const by = names.length === 0 ? 'not caught' : names.join(', ');
  return `| ${bug.name} | ${bug.leavesOut} | ${by} | ${seconds.toFixed(0)} | ${played} |`;
}

const head = `# Planted bugs

\`npm run torture -- --planted [NAME]\` plants one bug at a time in a copy of the sources, plays fast schedules, and stops
when the checker has found a broken law; a bug that lives for two minutes is not caught. The bugs are in
[\`bugs.ts\`](bugs.ts). Where a rule has another behind it, both are left out: what one alone would let pass, the other
stops, and nobody is the worse for it.

The last table, as it was written by the run (seconds with the start of the stores; schedules played by then):

| bug | what it leaves out | caught by | seconds | schedules |
|---|---|---|---|---|
`;

function writeTable(table: readonly Caught[]): void {
  writeFileSync(
    join(import.meta.dirname, 'README.md'),
    `${head}${table.map((caught) => `${rowOf(caught)}\n`).join('')}`,
  );
}
