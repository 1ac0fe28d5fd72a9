import {
  type Bell,
  type Challenger,
  type EdgeGate,
  parseTicketId,
  type RefusalCode,
  refuse,
} from '@holdfast/core';
import { createAcknowledged } from '../acknowledged.ts';
import { createBound } from '../bound.ts';
import { createChallengeCheck } from '../challenged.ts';
import { connect, connectSubscriber, whenReady } from '../connection.ts';
import { within } from '../deadline.ts';
import { shardOf } from '../keys.ts';
import { createNews } from '../news.ts';
import { createRefusalCounts } from '../refusal-counts.ts';
import { createRequeue } from '../requeue.ts';
import { loadScripts } from '../scripts.ts';
import { resetWhenSilent } from '../silence.ts';
import { createSoldOut } from '../sold-out.ts';
import { createAdmissions } from './admissions.ts';
import { createCommands } from './commands.ts';
import { createKnownSales } from './known-sales.ts';
import type { EdgeParts } from './parts.ts';
import { createEdgeTickets } from './tickets.ts';

export interface EdgeGateOptions {
  redisUrl: string;
  shards?: number;
  /** Rings for what was admitted or appended; must not throw. */
  ring(bell: Bell): void;
  /** Entries that may wait for the ledger before newcomers are refused; commands have a fifth more. */
  intakeLimit?: number;
  /** Requests per script: 16 to 64 is best, more is slower. */
  maxBatch?: number;
  /** Scripts under way per sale; meanwhile the next batch fills. */
  maxInFlight?: number;
  /** How long the gate may take for one call, resends included, milliseconds; in line and there together, twice that. */
  deadlineMs?: number;
  /** Judges what newcomers bring to a sale with a challenge; without one nobody gets into such a sale. */
  challenger?: Challenger | null;
  /** Keeps which tickets are whose, for `ticketsOf`; admissions without it pay nothing for it. */
  listsTickets?: boolean;
  /** Tickets that it remembers until it has seen them decided, and for how long at most (milliseconds). */
  remembers?: number;
  remembersMs?: number;
  /** Tickets that stood in no log any more have their place again. */
  onRequeued?(saleId: string, tickets: number): void;
  onError?(error: Error): void;
}

export interface EdgeGateTotals {
  admitted: number;
  batches: number;
  /** Tickets that stood in no log any more and have their place again. */
  requeued: number;
  refused: ReadonlyMap<RefusalCode, number>;
  /** Entries that waited for the ledger when their sales were last read here. */
  waiting: number;
}

/** What is not sent in batches: commands, challenges, lists. */
const mostUnbatched = 5_000;

/** Opens the gate for an edge. Throws when Redis does not answer within 10 s. */
export async function createEdgeGate(
  options: EdgeGateOptions,
): Promise<EdgeGate & { totals(): EdgeGateTotals }> {
  const {
    redisUrl,
    shards = 1,
    ring,
    intakeLimit = 200_000,
    maxBatch = 64,
    maxInFlight = 3,
    deadlineMs = 3_000,
    challenger = null,
    listsTickets = false,
    remembers = 100_000,
    remembersMs = 600_000,
    onError,
  } = options;
  const redis = connect({ url: redisUrl, name: 'holdfast-edge', onError });
  await whenReady(redis, 10_000);
  resetWhenSilent(redis, deadlineMs);
  const parts: EdgeParts = {
    redis,
    run: loadScripts(redis),
    shards,
    intakeLimit,
    maxBatch,
    maxInFlight,
    deadlineMs,
    answerWithinMs: 2 * deadlineMs,
    bound: createBound(mostUnbatched),
    ring,
    unavailable(error) {
      onError?.(error as Error);
      return refuse('gate_unavailable', { retryAfterSeconds: 1 });
    },
  };
  const news = createNews(connectSubscriber({ url: redisUrl, name: 'holdfast-edge-news', onError }));
  const refusals = createRefusalCounts(redis);
  const soldOut = createSoldOut();
  const acknowledged = createAcknowledged({ most: remembers, longestMs: remembersMs });
  let requeued = 0;

  const sales = createKnownSales(parts, (saleId, { shard }) =>
    news.follow(shard, saleId, {
      moved: () => soldOut.forget(saleId),
      replaced: () => requeue.look(saleId),
      changed: (ticketId) => admissions.seen(saleId, ticketId),
    }),
  );
  const tickets = createEdgeTickets(parts, {
    sales,
    acknowledged,
    look: (saleId) => requeue.look(saleId),
  });
  const checkChallenge = createChallengeCheck(redis, challenger, deadlineMs);
  const admissions = createAdmissions(parts, {
    sales,
    tickets,
    acknowledged,
    soldOut,
    news,
    refusals,
    checkChallenge,
    listsTickets,
  });
  const requeue = createRequeue({
    acknowledged,
    lookUp: sales.lookUp,
    read: tickets.readAtGate,
    send: admissions.sendAgain,
    onRequeued(saleId, count) {
      requeued += count;
      options.onRequeued?.(saleId, count);
    },
    onError,
  });

  return {
    reserve: admissions.reserve,
    join: admissions.join,
    command: createCommands(parts, { sales, tickets }),
    readTicket: tickets.read,
    ticketsOf: tickets.ticketsOf,
    listSales: sales.list,
    async readSale(saleId) {
      const sale = await sales.lookUp(saleId);
      return 'kind' in sale ? sale : { kind: 'sale', sale: sale.view };
    },
    watchTicket(ticketId, changed) {
      const place = parseTicketId(ticketId);
      return place === null
        ? () => undefined
        : news.watchTicket(place.shard, place.saleId, ticketId, changed);
    },
    watchSale: (saleId, changed) => news.watchSale(shardOf(saleId, shards), saleId, changed),
    async ping() {
      await within(1_000, 'Redis', redis.ping());
    },
    totals: () => ({
      ...admissions.totals(),
      requeued,
      refused: refusals.totals(),
      waiting: sales.waiting(),
    }),
    async close() {
      requeue.close();
      await refusals.close();
      news.close();
      redis.disconnect();
    },
  };
}
