import {
  type Cursor,
  type GateCounts,
  type GateItem,
  type GateState,
  type IntakeEntry,
  type IntakeRead,
  type MerchantCommand,
  parseTicketId,
  type Refusal,
  type PlaceAnswer,
  type PlaceRequest,
  type RefusalCount,
  refuse,
  type ReserveAnswer,
  type SettleAnswer,
  type Settlement,
  type UnreadableEntry,
  type WorkerGate,
} from '@holdfast/core';
import type { ChainableCommander } from 'ioredis';
import { admitCall, prepare, readAdmissions, ticketOfAdmission } from './admission.ts';
import { allAnswers } from './all-answers.ts';
import { type Appending, appendCall, notAppended } from './append.ts';
import { connect, whenReady } from './connection.ts';
import { digestOf, headOf, isNewer, parseEntry, salvage, tipAfter } from './entry-format.ts';
import { within } from './deadline.ts';
import { weakDurability } from './durability.ts';
import { forgetBuyer } from './forget.ts';
import { insist } from './insist.ts';
import { bootKey, keysOf, salesKey, shardOf } from './keys.ts';
import { pulse } from './pulse.ts';
import { rebuild } from './rebuild.ts';
import { restore } from './restore.ts';
import { createRunCounts } from './run-counts.ts';
import { isPlacing, readSale } from './sale-reader.ts';
import { loadScripts } from './scripts.ts';
import { settleCall } from './settle-call.ts';
import { resetWhenSilent } from './silence.ts';
import { refusalsIn } from './refusal-counts.ts';
import { hashFields } from './terms.ts';
import { ticketsIn } from './tickets-read.ts';

export interface WorkerGateOptions {
  redisUrl: string;
  shards?: number;
  /** How long one call may take, resends included, milliseconds. */
  deadlineMs?: number;
  /** How long a final ticket stays readable, seconds. */
  ticketRetentionSeconds?: number;
  onError?(error: Error): void;
}

/** Entries that one audit looks at; a deeper intake is not at rest anyway. */
const maxCounted = 5_000;

/** Opens the gate for a worker or the console. Throws when Redis does not answer within 10 s. */
export async function createWorkerGate(options: WorkerGateOptions): Promise<WorkerGate> {
  const { redisUrl, shards = 1, deadlineMs = 5_000, ticketRetentionSeconds = 7 * 86_400, onError } = options;
  const retentionMs = ticketRetentionSeconds * 1000;
  const redis = connect({ url: redisUrl, name: 'holdfast-worker', onError });
  await whenReady(redis, 10_000);
  resetWhenSilent(redis, deadlineMs);
  const run = loadScripts(redis);
  const runs = createRunCounts(redis, (saleId) => keysFor(saleId).runs);
  const call: typeof run = (name, keys, args) =>
    insist(deadlineMs, `The gate's ${name}`, () => run(name, keys, args));
  const keysFor = (saleId: string) => keysOf(shardOf(saleId, shards), saleId);

  async function readIntake(
    saleId: string,
    cursor: Cursor,
    limit: number,
    skus: readonly string[] = [],
  ): Promise<IntakeRead> {
    const keys = keysFor(saleId);
    const reply = (await call(
      'read-intake',
      [keys.boot, keys.sale, keys.intake],
      [cursor.epoch, cursor.committedSeq, limit, ...skus],
    )) as unknown[];
    switch (reply[0]) {
      case 'not_booted':
      case 'rebuilding':
        return { kind: reply[0] };
      case 'unknown_sale':
        return { kind: 'diverged', epoch: 0, why: 'the gate does not know the sale' };
      case 'older':
        return { kind: 'diverged', epoch: reply[1] as number, why: `the gate is at epoch ${reply[1]}` };
      case 'newer':
        return { kind: 'newer_epoch', epoch: reply[1] as number };
    }
    const [, at, seq, tip, journalPosition, raw, heard, counters] = reply as [
      string,
      string,
      number,
      string,
      number,
      RawEntry[],
      string,
      (string | null)[],
    ];
    const diverged = (why: string): IntakeRead => ({ kind: 'diverged', epoch: cursor.epoch, why });
    if (seq < cursor.committedSeq)
      return diverged(`the gate is at ${seq}, the ledger at ${cursor.committedSeq}`);
    if (seq === cursor.committedSeq && tip !== cursor.tip) return diverged(`another chain at ${seq}`);
    const entries: IntakeEntry[] = [];
    let previousSeq = cursor.committedSeq;
    let chain = cursor.tip;
    let unreadable: UnreadableEntry | null = null;
    for (const [id, [, packed, , tipOfEntry]] of raw) {
      const entrySeq = Number.parseInt(id, 10);
      if (entrySeq === cursor.committedSeq) {
        if (tipOfEntry !== cursor.tip) return diverged(`another chain at ${entrySeq}`);
        continue;
      }
      // How a newer program chains is not known here, so its entry is not held against the chain.
      chain = isNewer(packed) ? tipOfEntry : tipAfter(chain, packed);
      previousSeq++;
      if (entrySeq !== previousSeq || chain !== tipOfEntry)
        return diverged(`the intake does not continue the ledger's chain at ${entrySeq}`);
      const entry = parseEntry(entrySeq, packed, chain);
      if (entry === null) {
        unreadable = salvage(saleId, entrySeq, packed, chain);
        break;
      }
      entries.push(entry);
      if (entries.length === limit) break;
    }
    if (entries.length === 0 && unreadable === null && seq > cursor.committedSeq)
      return diverged(`entries after ${cursor.committedSeq} are missing`);
    const reached = entries.at(-1)?.seq ?? cursor.committedSeq;
    return {
      kind: 'batch',
      entries,
      unreadable,
      drained: reached === seq,
      now: Math.max(Number(at), cursor.ranAt),
      journalPosition,
      head: headIn(heard),
      behind: seq - reached,
      items: itemsOf(skus, counters),
    };
  }

  async function settle(settlement: Settlement): Promise<SettleAnswer> {
    const keys = keysFor(settlement.saleId);
    const { names, args } = settleCall(keys, settlement, retentionMs);
    const [word, journalPosition, granted] = (await call('settle', names, args)) as [
      string,
      number,
      number | undefined,
    ];
    if (word === 'settled') return { kind: 'settled', journalPosition, granted: granted ?? 0 };
    if (word === 'gap') return { kind: 'gap', journalPosition };
    return { kind: 'refused', why: word };
  }

  async function peek(
    saleIds: string[],
    skusOf: ReadonlyMap<string, readonly string[]> = new Map(),
  ): Promise<Map<string, GateState | null>> {
    if (saleIds.length === 0) return new Map();
    const replies = await insist(deadlineMs, 'Looking at the gates', async () => {
      const pipeline = redis.pipeline().time();
      for (const saleId of saleIds) {
        const counters = (skusOf.get(saleId) ?? []).flatMap((sku) => [`ceiling:${sku}`, `admitted:${sku}`]);
        pipeline.hmget(keysFor(saleId).sale, ...stateFields, ...counters);
      }
      return allAnswers(pipeline);
    });
    const [time, ...hashes] = replies;
    const [seconds, micros] = time as [string | number, string | number];
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    return new Map(
      saleIds.map((saleId, index) => {
        const values = hashes[index] as (string | null)[];
        const state = stateOf(saleId, values);
        if (state === null) return [saleId, null];
        const items = itemsOf(skusOf.get(saleId) ?? [], values.slice(stateFields.length));
        return [saleId, { ...state, items, now: Math.max(state.now, now) }];
      }),
    );
  }

  async function counts(saleId: string, afterSeq: number): Promise<GateCounts | null> {
    const keys = keysFor(saleId);
    const reply = await call('count', [keys.boot, keys.sale, keys.intake], [afterSeq, maxCounted]);
    if (!Array.isArray(reply)) return null;
    const [flat, packed] = reply as [string[], string[]];
    const fields = hashFields(flat);
    const state = stateOf(
      saleId,
      stateFields.map((name) => fields[name] ?? null),
    );
    if (state === null) return null;
    const inIntake = new Map<string, number>();
    const granted: string[] = [];
    for (const entry of packed) {
      const parsed = parseEntry(0, entry, '') ?? salvage(saleId, 0, entry, '');
      if ('kind' in parsed && !parsed.admitted) continue;
      if ('kind' in parsed && parsed.kind === 'grant') granted.push(parsed.ticketId);
      if (!('lines' in parsed)) continue;
      for (const { sku, quantity } of parsed.lines) inIntake.set(sku, (inIntake.get(sku) ?? 0) + quantity);
    }
    const first = packed[0];
    return {
      ...state,
      items: Object.keys(fields)
        .filter((name) => name.startsWith('ceiling:'))
        .map((name) => name.slice('ceiling:'.length))
        .map((sku) => ({
          sku,
          ceiling: Number(fields[`ceiling:${sku}`]),
          admitted: Number(fields[`admitted:${sku}`]),
          inIntake: inIntake.get(sku) ?? 0,
        })),
      granted,
      depth: Math.max(0, state.seq - afterSeq),
      oldestAt: first === undefined ? null : (parseEntry(0, first, '')?.at ?? null),
    };
  }

  async function withdraw(
    saleId: string,
    ticketId: string,
    sku: string,
    quantity: number,
  ): Promise<ReserveAnswer> {
    const request = { saleId, buyerId: '', lines: [{ sku, quantity }], idempotencyKey: null };
    const keys = keysFor(saleId);
    for (let attempt = 0; attempt < 4; attempt++) {
      const sale = await readSale(run, shardOf(saleId, shards), saleId);
      if ('kind' in sale) return sale;
      const prepared = prepare(request, sale, [{ sku, quantity, unitPriceMinor: 0 }], 'withdraw', ticketId);
      const { names, args } = admitCall(keys, sale, Number.MAX_SAFE_INTEGER, [prepared]);
      const reply = await call('admit', names, args);
      const admission = readAdmissions(reply as string, 1).admissions[0];
      if (admission === undefined || admission.kind === 'stale') continue;
      if (admission.kind === 'refused') return admission;
      if (admission.kind === 'admitted')
        return { kind: 'admitted', ticket: ticketOfAdmission(request, prepared, admission), replayed: false };
      const [read] = ticketsIn(
        saleId,
        [ticketId],
        await call('read-tickets', [keys.boot, keys.sale, keys.ticket(ticketId)], []),
      );
      if (read === undefined || 'kind' in read) return read ?? refuse('unknown_ticket');
      return { kind: 'admitted', ticket: read, replayed: true };
    }
    return refuse('gate_unavailable', { retryAfterSeconds: 1 });
  }

  async function place(
    saleId: string,
    { epoch, members, first, ticketIds }: PlaceRequest,
  ): Promise<PlaceAnswer> {
    const keys = keysFor(saleId);
    const names = [keys.boot, keys.sale, keys.intake, keys.buyers, ...ticketIds.map(keys.ticket)];
    const [word, placed] = (await call('place', names, [epoch, first, members, keys.news])) as [
      string,
      number,
    ];
    return word === 'placed' || word === 'gap' ? { kind: word, placed } : { kind: 'refused', why: word };
  }

  async function command(
    ticketId: string,
    kind: MerchantCommand | 'cancel',
    commandId: string,
  ): Promise<{ kind: 'appended' } | Refusal> {
    const place = parseTicketId(ticketId);
    if (place === null) return refuse('unknown_ticket');
    const keys = keysOf(place.shard, place.saleId);
    const appending: Appending = {
      ticketId,
      commandId,
      head: headOf(kind, ticketId, '', ''),
      // The merchant's commands are few, and none of them may be crowded out by buyers.
      intakeLimit: Number.MAX_SAFE_INTEGER,
      mostCommands: Number.MAX_SAFE_INTEGER,
      payment: '',
    };
    for (let attempt = 0; attempt < 4; attempt++) {
      const sale = await readSale(run, place.shard, place.saleId);
      if ('kind' in sale) return sale.code === 'unknown_sale' ? refuse('unknown_ticket') : sale;
      const { names, args } = appendCall(keys, sale, appending);
      const [word] = (await call('append', names, args)) as [string, string];
      if (word === 'stale') continue;
      return word === 'appended' || word === 'again' ? { kind: 'appended' } : notAppended(word);
    }
    return refuse('gate_unavailable', { retryAfterSeconds: 1 });
  }

  async function readRefusals(saleIds: readonly string[]): Promise<Map<string, RefusalCount[]>> {
    const replies = await pipelined('Reading refusals', saleIds, (pipeline, saleId) =>
      pipeline.hgetall(keysFor(saleId).refusals),
    );
    const counted = new Map<string, RefusalCount[]>();
    for (const [index, saleId] of saleIds.entries()) {
      const counts = refusalsIn(replies[index] as Record<string, string>);
      if (counts.length > 0) counted.set(saleId, counts);
    }
    return counted;
  }

  async function dropRefusals(saleId: string, counts: readonly RefusalCount[]): Promise<void> {
    const fields = counts.map(({ minute, reason }) => `${minute} ${reason}`);
    await insist(deadlineMs, 'Dropping refusals', () => redis.hdel(keysFor(saleId).refusals, ...fields));
  }

  /** One command per sale in one trip; throws the first error. */
  async function pipelined(
    what: string,
    saleIds: readonly string[],
    add: (pipeline: ChainableCommander, saleId: string) => unknown,
  ): Promise<unknown[]> {
    return insist(deadlineMs, what, () => {
      const pipeline = redis.pipeline();
      for (const saleId of saleIds) add(pipeline, saleId);
      return allAnswers(pipeline);
    });
  }

  return {
    readIntake,
    settle,
    async entryDigest(saleId, seq) {
      const id = `${seq}-0`;
      const [found] = await insist(deadlineMs, 'Reading an entry', () =>
        redis.xrange(keysFor(saleId).intake, id, id),
      );
      const packed = found?.[1][1];
      return packed === undefined ? null : digestOf(packed);
    },
    peek,
    counts,
    rebuild: (source) => rebuild(redis, call, source, retentionMs),
    restore: (saleId, epoch, page, worker) =>
      restore(call, keysFor(saleId), epoch, page, { worker, retentionMs }),
    saleIds: (shard) => insist(deadlineMs, 'Listing sales', () => redis.smembers(salesKey(shard))),
    async shut(saleId) {
      const gate = (await peek([saleId])).get(saleId) ?? null;
      if (gate === null || gate.rebuilding !== null) return;
      const keys = keysFor(saleId);
      await call('close', [keys.sale], [gate.epoch + 1]);
      // One closed sale must not take the whole shop window with it; a rebuild puts it back.
      await insist(deadlineMs, 'Closing a sale', () => redis.srem(keys.sales, saleId));
    },
    weakDurability: () => within(deadlineMs, 'Asking how durable Redis is', weakDurability(redis)),
    async isBooted(shard) {
      return (await insist(deadlineMs, 'Reading the boot marker', () => redis.exists(bootKey(shard)))) === 1;
    },
    async markBooted(shard) {
      await insist(deadlineMs, 'Writing the boot marker', () =>
        redis.set(bootKey(shard), String(Date.now())),
      );
    },
    withdraw,
    command,
    forget: (saleId, forgetting) => forgetBuyer(redis, call, keysFor(saleId), forgetting),
    place,
    readRefusals,
    dropRefusals,
    countRun: runs.add,
    pulse: (sales) => insist(deadlineMs, 'Looking at the gates', () => pulse(redis, sales, keysFor)),
    async close() {
      await runs.close();
      redis.disconnect();
    },
  };
}

function headIn(heard: string): { position: number; hash: string } | null {
  const [position, hash = ''] = heard.split(' ');
  return hash === '' ? null : { position: Number(position), hash };
}

type RawEntry = [id: string, fields: [string, string, string, string]];

/** What a look at a gate reads, in the order in which `stateOf` takes it. */
const stateFields = [
  'epoch',
  'seq',
  'tip',
  'cursor',
  'journal',
  'time',
  'terms',
  'rebuilding',
  'staged',
  'members',
  'placed',
  'restoring',
  'claims',
];

/** Ceiling and admitted of each; one that is missing offers nothing and gave nothing, which no correct gate says. */
function itemsOf(skus: readonly string[], counters: readonly (string | null)[]): GateItem[] {
  return skus.map((sku, index) => ({
    sku,
    ceiling: Number(counters[2 * index] ?? 0),
    admitted: Number(counters[2 * index + 1] ?? 0),
  }));
}

function stateOf(saleId: string, values: (string | null)[]): GateState | null {
  const [
    epoch,
    seq,
    tip,
    cursor,
    journal,
    time,
    terms,
    rebuilding,
    staged,
    members,
    placed,
    restoring,
    claims,
  ] = values;
  if (epoch === null && rebuilding === null) return null;
  return {
    saleId,
    epoch: Number(epoch ?? 0),
    seq: Number(seq ?? 0),
    tip: tip ?? '',
    cursor: Number(cursor ?? 0),
    journalPosition: Number(journal ?? 0),
    now: Number(time ?? 0),
    termsVersion: Number(terms ?? 0),
    rebuilding: rebuilding === null || rebuilding === undefined ? null : Number(rebuilding),
    staged: Number(staged ?? 0) + Number(claims ?? 0),
    restoring: restoring ?? null,
    placing: isPlacing(members, placed),
    items: [],
  };
}
