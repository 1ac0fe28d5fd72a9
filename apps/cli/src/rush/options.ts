import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { ATTEMPTS_MAX } from './arrivals.ts';
import { readBaskets, readCase, readSale, type SaleBody } from './case-file.ts';
import type { CrowdPlan } from './plan.ts';

export interface RushOptions {
  sale: SaleBody;
  /** A sale that is there already, with `--against`; then nothing is created. */
  saleId: string | undefined;
  crowd: Omit<CrowdPlan, 'edges' | 'saleId' | 'runId' | 'crowd'>;
  /** Undefined makes new people. */
  people: string | undefined;
  workers: number;
  edges: number;
  /** Edges of a stack that runs already. */
  against: URL[];
  console: URL | undefined;
  key: string | undefined;
  jsonFile: string | undefined;
}

export type ReadOptions =
  | { kind: 'rush'; options: RushOptions }
  | { kind: 'unusable'; problems: string[] }
  | { kind: 'help' };

export const usage = `npm run rush -- [options]

  --buyers N           people in the crowd (1000)
  --stock M            units of the only item (100)
  --sale FILE.json     a sale, or {"sale": {...}, "rush": {...options}}; options given here win over the file's
  --quantity Q         units a buyer wants: 2, or 1-3 for a mix (1)
  --limit L            units a buyer may have in all (no limit)
  --at-once N          requests that each buyer sends at once, each for a ticket of its own (1)
  --crowd NAME         the same people in several rushes on one sale (new people each time)
  --concurrency C      closed crowd: how many ask at once (64)
  --rate R             open crowd: buyers per second, however slow the answers are
  --duration S         open crowd: for so many seconds (10)
  --reads P            share of stock reads among all requests, 0 to 0.9 (0)
  --tries N            how often a refused buyer asks in all (10)
  --confirm-rate P     share of holders who pay; the others leave their hold to lapse (0.9)
  --hold-seconds S     how long a hold lasts (3)
  --streams P          share of ticket holders on an event stream; the others poll (0.5)
  --keys P             share of buyers with an Idempotency-Key (0.5)
  --seed N             the same seed makes the same crowd
  --workers W          worker processes of the stack that is brought up (2)
  --edges E            edge processes of the stack that is brought up (1)
  --against URL[,URL]  use running edges instead; then also
  --console URL        its console (CONSOLE_URL), to create the sale and to prove
  --key K              and its admin key (ADMIN_KEY)
  --sale-id ID         or a sale that is open there already
  --json FILE          write everything measured and proven

Exit code: 0 every law held, 1 a law is broken, 2 unusable options, 3 the rush could not be finished.`;

export function readOptions(
  argv: string[],
  settings: { console: string | undefined; key: string | undefined },
): ReadOptions {
  const problems: string[] = [];
  const given = readArguments(argv, problems);
  if (given['help'] === true) return { kind: 'help' };
  const file = readCase(text(given['sale']), problems);
  const value = (name: string): unknown => given[name] ?? file.rush[name] ?? file.rush[camel(name)];
  for (const name of Object.keys(file.rush)) {
    if (!KNOWN.has(name) && !KNOWN.has(kebab(name)))
      problems.push(`the case file's rush has an unknown option ${name}`);
  }

  const number = (name: string, absent: number, min: number, max: number, whole = true): number => {
    const raw = value(name);
    if (raw === undefined) return absent;
    const read = typeof raw === 'string' && raw.trim() === '' ? Number.NaN : Number(raw);
    if (!(read >= min && read <= max) || (whole && !Number.isInteger(read))) {
      problems.push(
        `--${name} is ${String(raw)}; it must be ${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`,
      );
      return absent;
    }
    return read;
  };

  const rate = number('rate', 0, 0.1, 200_000, false);
  if (rate === 0 && value('duration') !== undefined) problems.push('--duration goes with --rate');
  if (rate > 0 && given['concurrency'] !== undefined)
    problems.push('--concurrency is for a closed crowd, --rate for an open one');
  const durationSeconds = number('duration', 10, 0.1, 86_400, false);
  const buyersOfRate =
    given['buyers'] === undefined && rate > 0 ? Math.max(1, Math.round(rate * durationSeconds)) : undefined;
  const atOnce = number('at-once', 1, 1, 1_000);
  const buyers = (buyersOfRate ?? number('buyers', 1_000, 1, 100_000_000)) * atOnce;
  const people = text(given['crowd']);
  if (people !== undefined && !/^[\w.-]{1,64}$/.test(people))
    problems.push('--crowd is a name of letters, digits, dots and dashes');
  const sale = readSale(file.sale, value('stock') !== undefined, number, problems);
  const against = readUrls(text(given['against']), 'against', problems);
  const consoleUrl = readUrls(text(given['console']) ?? settings.console, 'console', problems)[0];
  const key = text(given['key']) ?? settings.key;
  const saleId = text(given['sale-id']);
  if (against.length === 0 && saleId !== undefined) problems.push('--sale-id goes with --against');
  if (against.length > 0 && saleId === undefined && (consoleUrl === undefined || key === undefined)) {
    problems.push('--against needs --console and --key to create its sale, or --sale-id of one that is open');
  }
  if (against.length > 0 && (given['workers'] ?? given['edges']) !== undefined) {
    problems.push('--workers and --edges are for a stack of its own, --against for one that runs');
  }

  const options: RushOptions = {
    sale,
    saleId,
    people,
    crowd: {
      seed: number('seed', randomInt(1, 1_000_000_000), 0, 4_294_967_295),
      buyers,
      atOnce,
      stockUnits: sale.items.reduce((units, { stock }) => units + stock, 0),
      baskets: readBaskets(file.rush['baskets'], value('quantity'), sale, problems),
      arrivals:
        rate > 0
          ? { kind: 'open', perSecond: rate, durationSeconds }
          : { kind: 'closed', concurrency: Math.min(number('concurrency', 64, 1, 20_000), buyers) },
      tries: number('tries', 10, 1, ATTEMPTS_MAX - 1),
      comeBackSeconds: Math.min(sale.holdSeconds, COME_BACK_MAX_SECONDS),
      readShare: number('reads', 0, 0, 0.9, false),
      confirmShare: number('confirm-rate', 0.9, 0, 1, false),
      streamShare: number('streams', 0.5, 0, 1, false),
      keyShare: number('keys', 0.5, 0, 1, false),
    },
    workers: number('workers', 2, 1, 64),
    edges: number('edges', 1, 1, 64),
    against,
    console: consoleUrl,
    key,
    jsonFile: text(given['json']),
  };
  return problems.length === 0 ? { kind: 'rush', options } : { kind: 'unusable', problems };
}

const NAMES = [
  'buyers',
  'stock',
  'sale',
  'quantity',
  'limit',
  'at-once',
  'crowd',
  'concurrency',
  'rate',
  'duration',
  'reads',
  'tries',
  'confirm-rate',
  'hold-seconds',
  'streams',
  'keys',
  'seed',
  'workers',
  'edges',
  'against',
  'console',
  'key',
  'sale-id',
  'json',
];
const KNOWN = new Set([...NAMES, 'baskets']);
const COME_BACK_MAX_SECONDS = 5;

function readArguments(argv: string[], problems: string[]): Record<string, string | boolean | undefined> {
  const strings = Object.fromEntries(NAMES.map((name) => [name, { type: 'string' as const }]));
  try {
    return parseArgs({
      args: argv,
      options: { ...strings, help: { type: 'boolean', short: 'h' } },
      strict: true,
    }).values;
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return {};
  }
}

function readUrls(list: string | undefined, name: string, problems: string[]): URL[] {
  return (list === undefined || list === '' ? [] : list.split(',')).flatMap((address) => {
    const url = URL.parse(address.trim());
    if (url?.protocol === 'http:' || (name === 'console' && url?.protocol === 'https:')) return [url];
    problems.push(`--${name} is ${address}; it must be like http://127.0.0.1:8080`);
    return [];
  });
}

function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function camel(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
