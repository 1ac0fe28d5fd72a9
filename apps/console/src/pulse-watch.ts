import { type LiveSample } from '@holdfast/contracts';
import type { EventType, GatePulse, RefusalCode, WorkerGate } from '@holdfast/core';
import type { Ledger, LedgerPulse } from '@holdfast/ledger';
import type { Log } from './parts.ts';
import { pause } from './pause.ts';

/** How the sales go, second by second: what a chart is drawn from, also for somebody who comes late. */
export interface PulseWatch {
  /** The oldest first; empty for a sale that has not been looked at. */
  samplesOf(saleId: string): readonly LiveSample[];
  /** One look at all sales. */
  lookOnce(): Promise<void>;
  /** Looks once a second until the signal. */
  run(until: AbortSignal): Promise<void>;
}

const everyMs = 1_000;
/** Sales that are looked at, those that ran last: a look must not become a load. */
const mostSales = 50;
/** Samples kept of each: the last quarter of an hour. */
const mostSamples = 900;
/** Events counted per look and sale; a console that slept through more tells less. */
const mostEvents = 50_000;
/** Silent seconds after which what happened meanwhile is no rate of any of them. */
const gapMs = 10_000;

/** Both sides at one time, in counters that only grow. */
interface Look {
  at: number;
  ledger: LedgerPulse;
  gate: GatePulse | null;
}

interface Watched {
  last: Look;
  samples: LiveSample[];
}

interface PulseParts {
  ledger: Pick<Ledger, 'ledgerPulse' | 'eventsPerType'>;
  gate: Pick<WorkerGate, 'pulse'>;
  log: Log;
  now?: () => number;
}

export function createPulseWatch({ ledger, gate, log, now = Date.now }: PulseParts): PulseWatch {
  let watched = new Map<string, Watched>();

  async function lookOnce(): Promise<void> {
    // The ledger first: what the gate has got beyond it is in the intake, and never the other way round.
    const at = now();
    const there = await ledger.ledgerPulse(mostSales);
    const gates = await gate.pulse(
      there.map(({ saleId, committedSeq }) => ({ saleId, afterSeq: committedSeq })),
    );
    const stretches = there.flatMap(({ saleId, position }) => {
      const from = watched.get(saleId)?.last.ledger.position;
      return from === undefined || from === position
        ? []
        : [{ saleId, from: Math.max(from, position - mostEvents), to: position }];
    });
    const events = new Map<string, Map<EventType, number>>();
    for (const { saleId, type, count } of await ledger.eventsPerType(stretches)) {
      const counts = events.get(saleId) ?? new Map<EventType, number>();
      events.set(saleId, counts.set(type, count));
    }
    watched = new Map(
      there.map((pulse) => {
        const look = { at, ledger: pulse, gate: gates.get(pulse.saleId) ?? null };
        return [pulse.saleId, follow(watched.get(pulse.saleId), look, events.get(pulse.saleId))];
      }),
    );
  }

  return {
    samplesOf: (saleId) => watched.get(saleId)?.samples ?? [],
    lookOnce,
    async run(until) {
      let failing = false;
      while (!until.aborted) {
        const startedAt = now();
        try {
          await lookOnce();
          failing = false;
        } catch (error) {
          // Said once: a store that is away is away for many seconds.
          if (!failing && !until.aborted) log.warn({ err: error }, 'the sales could not be looked at');
          failing = true;
        }
        await pause(Math.max(0, everyMs - (now() - startedAt)), until);
      }
    },
  };
}

function follow(
  before: Watched | undefined,
  look: Look,
  events: ReadonlyMap<EventType, number> | undefined,
): Watched {
  if (before === undefined) return { last: look, samples: [] };
  const { samples } = before;
  if (look.at - before.last.at <= gapMs) samples.push(sampleOf(before.last, look, events ?? new Map()));
  if (samples.length > mostSamples) samples.splice(0, samples.length - mostSamples);
  return { last: look, samples };
}

/** What happened between two looks, as rates per second. */
export function sampleOf(before: Look, look: Look, events: ReadonlyMap<EventType, number>): LiveSample {
  const { gate, ledger } = look;
  const perSecond = rateOver(look.at - before.at);
  // Counted by the gate, so timed by the gate: this process may be late.
  const gatePerSecond = gate && before.gate ? rateOver(gate.now - before.gate.now) : perSecond;
  // A gate that was rebuilt counts from elsewhere.
  const same = gate !== null && before.gate !== null && gate.epoch === before.gate.epoch;
  const runs = gate === null || before.gate === null ? null : runsBetween(before.gate, gate);
  return {
    at: look.at,
    admitted: same ? gatePerSecond(Math.max(0, gate.lined - (before.gate?.lined ?? 0))) : null,
    refused: refusedBetween(before.gate, gate, gatePerSecond),
    depth: gate === null ? null : Math.max(0, gate.seq - ledger.committedSeq),
    oldestAgeMs: gate === null ? null : gate.oldestAt === null ? 0 : Math.max(0, gate.now - gate.oldestAt),
    transactions: gatePerSecond(runs?.transactions ?? 0),
    batch: runs && Math.round((runs.entries / runs.transactions) * 10) / 10,
    commitMs: runs && Math.round((runs.milliseconds / runs.transactions) * 10) / 10,
    held: perSecond(events.get('held') ?? 0),
    confirmed: perSecond(events.get('confirmed') ?? 0),
    lapsed: perSecond(events.get('expired') ?? 0),
    givenBack: perSecond(events.get('cancelled') ?? 0),
    units: ledger.units,
    available: gate?.available ?? null,
  };
}

function rateOver(elapsedMs: number): (count: number) => number {
  const seconds = Math.max(0.001, elapsedMs / 1_000);
  return (count) => Math.round((count / seconds) * 10) / 10;
}

/** Null when there were no transactions, or the gate has begun to count anew. */
function runsBetween(before: GatePulse, after: GatePulse): GatePulse['runs'] | null {
  const transactions = after.runs.transactions - before.runs.transactions;
  const entries = after.runs.entries - before.runs.entries;
  const milliseconds = after.runs.milliseconds - before.runs.milliseconds;
  return transactions > 0 ? { transactions, entries, milliseconds } : null;
}

/** Counts grow per minute and reason; a minute that the gate has forgotten says nothing. */
function refusedBetween(
  before: GatePulse | null,
  after: GatePulse | null,
  perSecond: (count: number) => number,
): LiveSample['refused'] {
  if (before === null || after === null) return {};
  const known = new Map(before.refusals.map(({ minute, reason, count }) => [`${minute} ${reason}`, count]));
  const grown = new Map<RefusalCode, number>();
  for (const { minute, reason, count } of after.refusals) {
    const more = count - (known.get(`${minute} ${reason}`) ?? 0);
    if (more > 0) grown.set(reason, (grown.get(reason) ?? 0) + more);
  }
  return Object.fromEntries([...grown].map(([reason, count]) => [reason, perSecond(count)]));
}
