import { createHistogram } from './histogram.ts';
import type { Acknowledgements, CrowdProgress, CrowdReport, FromCrowd } from './plan.ts';

/** Everything the crowd counts. Its size depends on the tickets given, never on the requests made. */
export function createTally(send: (message: FromCrowd) => void) {
  const answersByKind: Record<string, number> = {};
  const errorsByKind: Record<string, number> = {};
  const answerTime = {
    reserve: createHistogram(),
    read: createHistogram(),
    poll: createHistogram(),
    confirm: createHistogram(),
  };
  const holdTime = { stream: createHistogram(), poll: createHistogram() };
  const progress: CrowdProgress = {
    arrived: 0,
    gone: 0,
    answers: 0,
    tickets: 0,
    held: 0,
    confirmed: 0,
    confirmedUnits: 0,
    soldOut: 0,
    errors: 0,
  };
  let acknowledged = emptyBatch();
  let confirmedIds: string[] = [];
  let gunAtMs = 0;
  let cpuAtGun = process.cpuUsage();
  let left = 0;
  let firstRoundMs = 0;
  const lastHoldMs = { firstTries: 0, all: 0 };

  return {
    progress,

    gun(): void {
      gunAtMs = performance.now();
      cpuAtGun = process.cpuUsage();
    },

    answer(asked: Asked, status: number, code: string | undefined, latencyMs: number): void {
      const kind = code === undefined ? `${asked} ${status}` : `${asked} ${status} ${code}`;
      answersByKind[kind] = (answersByKind[kind] ?? 0) + 1;
      progress.answers += 1;
      if (code === 'sold_out') progress.soldOut += 1;
      if (asked !== 'stream') answerTime[asked].record(latencyMs);
    },

    /** A question that got no answer at all; it is asked again. */
    networkFault(asked: Asked): void {
      const kind = `${asked} without an answer`;
      answersByKind[kind] = (answersByKind[kind] ?? 0) + 1;
    },

    error(kind: string): void {
      errorsByKind[kind] = (errorsByKind[kind] ?? 0) + 1;
      progress.errors += 1;
    },

    firstTryAnswered(): void {
      firstRoundMs = performance.now() - gunAtMs;
    },

    acknowledged(
      ticket: { id: string; receipt: string; seq: number },
      sentAtMs: number,
      receivedAtMs: number,
    ): void {
      progress.tickets += 1;
      acknowledged.ticketIds.push(ticket.id);
      acknowledged.receipts.push(ticket.receipt);
      acknowledged.seqs.push(ticket.seq);
      acknowledged.sentAtMs.push(sentAtMs);
      acknowledged.receivedAtMs.push(receivedAtMs);
      if (acknowledged.ticketIds.length >= BATCH) flush();
    },

    held(how: 'stream' | 'poll', sinceAnswerMs: number, firstTry: boolean): void {
      progress.held += 1;
      holdTime[how].record(sinceAnswerMs);
      lastHoldMs.all = performance.now() - gunAtMs;
      if (firstTry) lastHoldMs.firstTries = lastHoldMs.all;
    },

    confirmed(ticketId: string, units: number): void {
      progress.confirmed += 1;
      progress.confirmedUnits += units;
      confirmedIds.push(ticketId);
      if (confirmedIds.length >= BATCH) flush();
    },

    left(): void {
      left += 1;
    },

    flush,

    report(): CrowdReport {
      const { user, system } = process.cpuUsage(cpuAtGun);
      return {
        ...progress,
        answersByKind,
        errorsByKind,
        left,
        elapsedMs: performance.now() - gunAtMs,
        firstRoundMs,
        answerTime: {
          reserve: answerTime.reserve.summary(),
          read: answerTime.read.summary(),
          poll: answerTime.poll.summary(),
          confirm: answerTime.confirm.summary(),
        },
        holdTime: { stream: holdTime.stream.summary(), poll: holdTime.poll.summary() },
        lastHoldMs,
        cpuMs: (user + system) / 1_000,
      };
    },
  };

  /** Hands the evidence to the process that proves, so that it is not kept twice. */
  function flush(): void {
    if (acknowledged.ticketIds.length > 0) send({ kind: 'acknowledged', batch: acknowledged });
    if (confirmedIds.length > 0) send({ kind: 'confirmed', ticketIds: confirmedIds });
    acknowledged = emptyBatch();
    confirmedIds = [];
  }
}

export type Asked = 'reserve' | 'read' | 'poll' | 'confirm' | 'stream';
export type Tally = ReturnType<typeof createTally>;

const BATCH = 2_000;

function emptyBatch(): Acknowledgements {
  return { ticketIds: [], receipts: [], seqs: [], sentAtMs: [], receivedAtMs: [] };
}
