import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createWorkerGate } from '@holdfast/gate';
import { createLedger } from '@holdfast/ledger';
import { temporaryFolder } from '@holdfast/runtime/local-stores';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../apps/cli/src/stack.ts';
import { expectConservation } from '../support/conservation.ts';
import { followIntake } from '../support/intake-follower.ts';
import { atRest } from '../support/sales.ts';

/** Races in which something reached the gate within `spreadMs` of the deadline; the others are judged, and not counted. */
const races = Number(process.env['RACES'] ?? 100_000);
const spreadMs = 5;
/** Buyers at a time, each in one race. A slow machine makes slower laps, and no worse ones. */
const lanes = 500;
const holdSeconds = 2;
/** Longest rest of a lane between two races, so that deadlines do not fall together. */
const restMs = 500;
/** So many in all for those that are close; a machine that is never in time gives up there. */
const attemptsPerRace = 5;

type Exit = 'confirmed' | 'cancelled' | 'expired';

interface Told {
  kind: 'confirm' | 'cancel';
  status: number;
  /** What a problem is called, or the status of the ticket that came with a 200. */
  word: string;
  version: number;
}

interface Race {
  deadline: number;
  isPaid: boolean;
  /** When the cancel was sent. */
  cancelSentAt: number;
  told: Told[];
  /** Commands in the order of the intake. */
  arrivals: { kind: string; at: number }[];
}

describe('when payments and second thoughts meet the deadline by the thousands', () => {
  let stack: Stack;
  let database: pg.Pool;

  beforeAll(async () => {
    stack = await startStack({ dir: temporaryFolder('races'), workers: 2, edges: 2 });
    database = new pg.Pool({ connectionString: stack.databaseUrl, max: 2 });
    database.on('error', () => undefined);
  }, 90_000);
  afterAll(async () => {
    await database.end();
    await stack.stop();
  });

  it(
    `F32: confirm, cancel and expiry within ${spreadMs} ms of the deadline, ${races} times: one winner each, the one who came first, and everybody is told so`,
    async () => {
      const sale = await openSale(stack, attemptsPerRace * races);
      const entered = await run(stack, sale);
      const ledger = createLedger({ url: stack.databaseUrl });
      const gate = await createWorkerGate({ redisUrl: stack.redisUrl });
      const rows = async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
        (await database.query<Row>(sql, values)).rows;
      try {
        await atRest({ ledger, gate }, sale, 60_000);
        const units = await expectConservation({ ledger, gate, rows }, sale);
        const paths = await pathsOf(database, sale);
        expect(paths.size, 'every ticket has its row').toBe(entered.size);
        const tally = judge(entered, paths);
        console.log(tally.report());
        expect(tally.complaints.slice(0, 20)).toEqual([]);
        expect(tally.unanswered, 'callers without an answer').toBe(0);
        const left = Object.values(units['tee'] ?? {}).reduce((sum, count) => sum + count, 0);
        expect(left, 'every unit is with its ticket').toBe(entered.size);
        expect(tally.close).toBeGreaterThanOrEqual(races);
        expect(tally.judged, 'races in which it is known who was first').toBeGreaterThan(races / 10);
        for (const exit of ['confirmed', 'cancelled', 'expired'] as const)
          expect(tally.winners[exit], `${exit} won some of the close ones`).toBeGreaterThan(races / 100);
        expect(tally.before, 'arrivals in the last milliseconds').toBeGreaterThan(races / 100);
        expect(tally.after, 'arrivals in the first milliseconds after it').toBeGreaterThan(races / 100);
      } finally {
        await ledger.close();
        await gate.close();
      }
    },
    60 * 60_000,
  );
});

/** Races until enough of them were close. */
async function run(stack: Stack, sale: string): Promise<Map<string, Race>> {
  const entered = new Map<string, Race>();
  const early = new Map<string, Race['arrivals']>();
  let close = 0;
  /** How long a command is on its way to the gate, as measured; lanes aim ahead by it. */
  let wayMs = 3;
  const follower = followIntake(stack.redisUrl, sale, ({ kind, ticketId, at }) => {
    if (kind !== 'confirm' && kind !== 'cancel') return;
    const race = entered.get(ticketId);
    if (race === undefined) {
      early.set(ticketId, [...(early.get(ticketId) ?? []), { kind, at }]);
      return;
    }
    race.arrivals.push({ kind, at });
    if (kind === 'cancel') wayMs += (Math.min(1_000, Math.max(0, at - race.cancelSentAt)) - wayMs) / 50;
    if (Math.abs(at - race.deadline) <= spreadMs && !hadCloseArrival(race)) close += 1;
  });
  const caller = createCaller(stack);
  let next = 0;

  async function race(buyer: number): Promise<void> {
    const ticket = await caller.reserve(buyer % 2, sale, `b${buyer}`);
    if (ticket === null) return;
    const isPaid = buyer % 3 === 0;
    const one: Race = {
      deadline: Date.parse(ticket.expiresAt),
      isPaid,
      cancelSentAt: 0,
      told: [],
      arrivals: early.get(ticket.id) ?? [],
    };
    entered.set(ticket.id, one);
    const payment = isPaid ? { paymentRef: `paid by b${buyer}` } : {};
    const aim = () => one.deadline - wayMs + (Math.random() * 2 - 1) * spreadMs;
    const calls = [
      confirmAt(aim(), 0, ticket.id, 'a', payment, one),
      ...(buyer % 4 === 0 ? [confirmAt(aim(), 1, ticket.id, 'b', payment, one)] : []),
      cancelAt(aim(), 1, ticket.id, one),
    ];
    await Promise.all(calls);
  }

  async function confirmAt(at: number, edge: number, id: string, key: string, body: object, one: Race) {
    await sleep(Math.max(0, at - Date.now()));
    one.told.push({ kind: 'confirm', ...(await caller.command(edge, id, 'confirm', key, body)) });
  }

  async function cancelAt(at: number, edge: number, id: string, one: Race) {
    await sleep(Math.max(0, at - Date.now()));
    one.cancelSentAt = Date.now();
    one.told.push({ kind: 'cancel', ...(await caller.command(edge, id, 'cancel', 'c', {})) });
  }

  const progress = setInterval(
    () => console.log(`${entered.size} races, ${close} of them close, ${wayMs.toFixed(1)} ms to the gate`),
    20_000,
  );
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (close < races && next < attemptsPerRace * races) {
        await sleep(Math.random() * restMs);
        await race(next++);
      }
    }),
  );
  clearInterval(progress);
  caller.close();
  await sleep(holdSeconds * 1_000);
  await follower.close();
  return entered;
}

/** Whether one before the last was as close. */
function hadCloseArrival({ arrivals, deadline }: Race): boolean {
  return arrivals.slice(0, -1).some(({ at }) => Math.abs(at - deadline) <= spreadMs);
}

/** The states that a ticket went through, as the journal tells them: shown statuses by version, and how the hold ended. */
interface Path {
  exit: Exit | null;
  shown: Map<number, string>;
  outcomes: Record<string, string>;
  complaint: string | null;
}

const moves: Record<string, Record<string, string>> = {
  held: { confirmed: 'confirmed', cancelled: 'cancelled', expired: 'expired' },
  expired: { paid_late: 'paid_late' },
  paid_late: { confirmed: 'confirmed', refund_due: 'refund_due' },
  cancelled: { refund_due: 'refund_due' },
};

async function pathsOf(database: pg.Pool, sale: string): Promise<Map<string, Path>> {
  const { rows } = await database.query<{
    id: string;
    types: string[];
    status: string;
    version: number;
    outcomes: string | null;
  }>(
    `select ticket_id as id, r.status, r.version, r.outcomes, e.types
       from reservations r join (
         select ticket_id, array_agg(type order by position) as types from events where sale_id = $1 group by ticket_id
       ) e using (ticket_id) where r.sale_id = $1`,
    [sale],
  );
  return new Map(rows.map((row) => [row.id, pathOf(row)]));
}

function pathOf(row: { types: string[]; status: string; version: number; outcomes: string | null }): Path {
  const path: Path = {
    exit: null,
    shown: new Map([
      [1, 'queued'],
      [2, 'held'],
    ]),
    outcomes: JSON.parse(row.outcomes ?? '{}'),
    complaint: null,
  };
  let state = 'held';
  let version = 2;
  for (const type of row.types.slice(1)) {
    if (type === 'refused') continue;
    const next = moves[state]?.[type];
    if (next === undefined) path.complaint ??= `${type} after ${state}`;
    if (state === 'held') path.exit = next as Exit;
    state = next ?? state;
    version += 1;
    path.shown.set(version, state === 'paid_late' ? 'expired' : state);
  }
  if (row.types[0] !== 'held' || path.exit === null || state !== row.status || version !== row.version)
    path.complaint ??= `${row.types.join(', ')} does not lead to ${row.status} ${row.version}`;
  return path;
}

/** What a refusal says that the ticket has been, one of these. */
const meant: Record<string, string[]> = {
  hold_expired: ['expired', 'refund_due'],
  already_confirmed: ['confirmed'],
  already_cancelled: ['cancelled'],
};

function judge(entered: ReadonlyMap<string, Race>, paths: ReadonlyMap<string, Path>) {
  const winners = { confirmed: 0, cancelled: 0, expired: 0 };
  const answers: Record<string, number> = {};
  const arrivals: Record<string, number> = {};
  const complaints: string[] = [];
  let [close, before, after, unanswered, judged] = [0, 0, 0, 0, 0];
  for (const [id, race] of entered) {
    const path = paths.get(id);
    if (path === undefined) {
      complaints.push(`${id} was acknowledged and has no row`);
      continue;
    }
    const say = (what: string) =>
      complaints.push(
        `${id}: ${what}; ${JSON.stringify({ ...race, ...path, shown: [...path.shown.values()] })}`,
      );
    if (path.complaint !== null) say(path.complaint);
    const winner = path.exit ?? 'expired';
    // The intake is trimmed as it is decided: where all of a ticket's commands were seen, it is known who was first.
    if (race.arrivals.length === race.told.length) {
      judged += 1;
      const first = race.arrivals.find(({ at }) => at <= race.deadline);
      const kind = first?.kind ?? 'expire';
      if (winner !== { confirm: 'confirmed', cancel: 'cancelled', expire: 'expired' }[kind])
        say(`${kind} was first, and it ended ${winner}`);
    }
    const won = Object.entries(path.outcomes).filter(
      ([id, word]) => id.startsWith('c') && word === 'ok',
    ).length;
    const calls = winner === 'expired' ? 0 : 1;
    if (race.isPaid ? won > calls + 1 : won !== calls) say(`${won} commands won`);
    let isClose = false;
    for (const { at } of race.arrivals) {
      const away = at - race.deadline;
      const bucket = Math.abs(away) <= spreadMs ? `${away}` : away < 0 ? 'earlier' : 'later';
      arrivals[bucket] = (arrivals[bucket] ?? 0) + 1;
      if (Math.abs(away) > spreadMs) continue;
      isClose = true;
      if (away <= 0) before += 1;
      else after += 1;
    }
    if (isClose) {
      close += 1;
      winners[winner] += 1;
    }
    for (const told of race.told) {
      const { kind, status, word, version } = told;
      const answer = `${kind}${race.isPaid ? ' with a payment' : ''}: ${status} ${word}`;
      answers[answer] = (answers[answer] ?? 0) + 1;
      if (status === 200 && path.shown.get(version) !== word) say(`told ${word} ${version}`);
      else if (status === 200 && !allowed(kind, word)) say(`a ${kind} was answered with ${word}`);
      else if (status === 409 && ![...path.shown.values()].some((been) => meant[word]?.includes(been)))
        say(`told ${word}, which it never was`);
      else if (status !== 200 && status !== 202 && status !== 409) unanswered += 1;
    }
    // Whoever was first is told so, and nobody else is.
    const yes = race.told.filter((told) => told.status === 200 && told.word === winner).length;
    const late = race.told.some((told) => told.status === 202 || told.status >= 500);
    if (!race.isPaid && !late && yes !== calls) say(`${yes} callers were told that they had won`);
  }
  const table = (counts: Record<string, number>) =>
    Object.entries(counts)
      .sort(([a], [b]) => placeOf(a) - placeOf(b) || a.localeCompare(b))
      .map(([name, count]) => `  ${name.padStart(8)}  ${count}`)
      .join('\n');
  return {
    winners,
    complaints,
    close,
    before,
    after,
    unanswered,
    judged,
    report: () =>
      [
        `${entered.size} races, ${close} with an arrival within ${spreadMs} ms of the deadline; the winners of these:`,
        table(winners),
        'arrivals at the gate, milliseconds after the deadline:',
        table(arrivals),
        'answers:',
        table(answers),
        `of ${judged} races all of the intake was seen: who was first by the gate's clock has won`,
      ].join('\n'),
  };
}

function placeOf(bucket: string): number {
  if (bucket === 'earlier') return -1_000;
  return bucket === 'later' ? 1_000 : Number(bucket) || 0;
}

function allowed(kind: string, status: string): boolean {
  // A payment for a hold that was given back is owed back, and a cancel may be read after that.
  return kind === 'confirm'
    ? status === 'confirmed' || status === 'refund_due'
    : status === 'cancelled' || status === 'refund_due';
}

/** Connections that stay open: a new one for each call would take longer than the whole race. */
function createCaller(stack: Stack) {
  const agents = stack.edges.map(() => new Agent({ keepAlive: true }));

  function call(edge: number, path: string, headers: Record<string, string>, body: object) {
    return new Promise<{ status: number; body: any }>((resolve) => {
      const lost = () => resolve({ status: 599, body: {} });
      const asking = request(
        new URL(path, stack.edges[edge]),
        {
          method: 'POST',
          agent: agents[edge],
          headers: { 'Content-Type': 'application/json', ...headers },
          timeout: 30_000,
        },
        (answer) => {
          const pieces: Buffer[] = [];
          answer.on('data', (piece: Buffer) => pieces.push(piece));
          answer.once('error', lost);
          answer.once('end', () =>
            resolve({ status: answer.statusCode ?? 599, body: JSON.parse(Buffer.concat(pieces).toString()) }),
          );
        },
      );
      asking.once('timeout', () => asking.destroy());
      asking.once('error', lost);
      asking.end(JSON.stringify(body));
    });
  }

  return {
    /** A hold, or null when there was none in time. */
    async reserve(edge: number, sale: string, buyerId: string) {
      const path = `/v1/sales/${sale}/reservations`;
      const { status, body } = await call(edge, path, { Prefer: 'wait=10' }, { buyerId });
      if (status === 201) return body as { id: string; expiresAt: string };
      if (status === 503) return null;
      throw new Error(`A buyer was answered ${status} ${JSON.stringify(body)}`);
    },
    async command(edge: number, id: string, verb: string, key: string, body: object) {
      const answer = await call(edge, `/v1/tickets/${id}/${verb}`, { 'Idempotency-Key': key }, body);
      const { code, status, version = 0 } = answer.body;
      return { status: answer.status, word: code ?? status ?? 'no answer', version };
    },
    close() {
      for (const agent of agents) agent.destroy();
    },
  };
}

async function openSale(stack: Stack, stock: number): Promise<string> {
  const answer = await fetch(new URL('/v1/sales', stack.console.url), {
    method: 'POST',
    headers: { Authorization: `Bearer ${stack.console.key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      id: 'races',
      name: 'Races',
      status: 'open',
      holdSeconds,
      items: [{ sku: 'tee', stock }],
    }),
  });
  expect(answer.status).toBe(201);
  return 'races';
}
