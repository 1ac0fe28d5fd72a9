import {
  type Bell,
  type Challenger,
  type CommandAnswer,
  type CommandRequest,
  type EdgeGate,
  type Outcome,
  parseTicketId,
  type Refusal,
  type RefusalCode,
  type ReserveAnswer,
  type ReserveRequest,
  refuse,
  type Ticket,
} from '@holdfast/core';
import { createAcknowledged } from './acknowledged.ts';
import {
  type Admission,
  admitCall,
  type Prepared,
  prepare,
  pricedLines,
  readAdmissions,
  ticketOfAdmission,
} from './admission.ts';
import { appendCall, notAppended } from './append.ts';
import { createBound } from './bound.ts';
import { listed, ticketIdsOf } from './buyer-tickets.ts';
import { type ChallengeAnswer, createChallengeCheck, newAsking } from './challenged.ts';
import { connect, connectSubscriber, whenReady } from './connection.ts';
import { within } from './deadline.ts';
import { headOf, packPayment, packSeconds } from './entry-format.ts';
import { commandIdOf } from './ids.ts';
import { insist } from './insist.ts';
import { allShards, bootKey, keysOf, salesKey, shardOf } from './keys.ts';
import { createLane, type Lane } from './lane.ts';
import { isLost } from './lost.ts';
import { createNews } from './news.ts';
import { createRefusalCounts } from './refusal-counts.ts';
import { createRequeue } from './requeue.ts';
import { type KnownSale, readSale } from './sale-reader.ts';
import { loadScripts } from './scripts.ts';
import { resetWhenSilent } from './silence.ts';
import { createSoldOut } from './sold-out.ts';
import { ticketsIn } from './tickets-read.ts';

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

/** Commands that one ticket may see before further ones are refused: the intake is everybody's. */
const maxCommandsPerTicket = 64;
/** A payment must find its place, even if the buyer has used up all of those. */
const maxPaymentsPerTicket = 16;
/** How often a request is prepared again because the sale's terms changed under it. */
const maxPreparations = 4;
const maxWaiting = 20_000;
/** What is not sent in batches: commands, challenges, lists. */
const mostUnbatched = 5_000;

const closed = refuse('gate_unavailable', { retryAfterSeconds: 1 });

function newestFirst(one: Ticket, other: Ticket): number {
  const [epoch = 0, seq = 0] = one.receipt.split('.', 2).map(Number);
  const [otherEpoch = 0, otherSeq = 0] = other.receipt.split('.', 2).map(Number);
  return otherEpoch - epoch || otherSeq - seq;
}

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
    onRequeued,
    onError,
  } = options;
  const redis = connect({ url: redisUrl, name: 'holdfast-edge', onError });
  await whenReady(redis, 10_000);
  resetWhenSilent(redis, deadlineMs);
  const run = loadScripts(redis);
  const news = createNews(connectSubscriber({ url: redisUrl, name: 'holdfast-edge-news', onError }));
  const refusals = createRefusalCounts(redis);
  const soldOut = createSoldOut();
  const acknowledged = createAcknowledged({ most: remembers, longestMs: remembersMs });
  const requeue = createRequeue({
    acknowledged,
    lookUp,
    read: readAtGate,
    send: sendAgain,
    onRequeued(saleId, tickets) {
      requeued += tickets;
      onRequeued?.(saleId, tickets);
    },
    onError,
  });
  const checkChallenge = createChallengeCheck(redis, challenger, deadlineMs);
  const answerWithinMs = 2 * deadlineMs;
  const bound = createBound(mostUnbatched);
  const sales = new Map<string, KnownSale>();
  const saleLanes = new Map<string, Lane<null, KnownSale | Refusal>>();
  const joinLanes = new Map<string, Lane<Prepared, Admission>>();
  const admitLanes = new Map<string, Lane<Prepared, Admission>>();
  const ticketLanes = new Map<string, Lane<string, Ticket | Refusal>>();
  let admitted = 0;
  let batches = 0;
  let requeued = 0;

  const unavailable = (error: unknown): Refusal => {
    onError?.(error as Error);
    return refuse('gate_unavailable', { retryAfterSeconds: 1 });
  };

  /** Everyone who asks before a read is sent shares it; nobody gets an answer that is older than the question. */
  async function lookUp(saleId: string): Promise<KnownSale | Refusal> {
    let lane = saleLanes.get(saleId);
    if (lane === undefined) {
      lane = createLane({
        maxBatch: maxWaiting,
        maxInFlight: 2,
        maxWaiting,
        deadlineMs: answerWithinMs,
        send: (asking, timeLeftMs) => readFor(saleId, asking.length, timeLeftMs),
      });
      saleLanes.set(saleId, lane);
    }
    const answer = await lane.add(null).catch(unavailable);
    if ('kind' in answer) {
      sales.delete(saleId);
      saleLanes.delete(saleId);
    } else {
      sales.set(saleId, answer);
      news.follow(answer.shard, saleId, {
        moved: () => soldOut.forget(saleId),
        replaced: () => requeue.look(saleId),
        changed: (ticketId) => seen(saleId, ticketId),
      });
    }
    return answer;
  }

  async function readFor(
    saleId: string,
    asking: number,
    timeLeftMs: number,
  ): Promise<(KnownSale | Refusal)[]> {
    const answer = await insist(Math.min(deadlineMs, timeLeftMs), 'Reading a sale', () =>
      readSale(run, shardOf(saleId, shards), saleId),
    );
    return Array.from({ length: asking }, () => answer);
  }

  function reserve(request: ReserveRequest): Promise<ReserveAnswer> {
    return ask(request, 'reserve');
  }

  /** Once per buyer, so that the key says nothing. */
  function join(request: ReserveRequest): Promise<ReserveAnswer> {
    return ask({ ...request, idempotencyKey: null }, 'join');
  }

  async function ask(request: ReserveRequest, kind: 'reserve' | 'join'): Promise<ReserveAnswer> {
    let asking = '';
    // One id however often it is prepared: what a gate took before it was rebuilt is found there, and not taken twice.
    let ticketId: string | undefined;
    const giveUpAt = performance.now() + answerWithinMs;
    for (let preparation = 0; preparation < maxPreparations; preparation++) {
      const sale = sales.get(request.saleId) ?? (await lookUp(request.saleId));
      if ('kind' in sale) return counted(request.saleId, sale);
      const lines = pricedLines(request, sale);
      if (!Array.isArray(lines)) return counted(request.saleId, lines);
      if (sale.view.challenge !== null) {
        asking ||= newAsking();
        let check: ChallengeAnswer;
        try {
          check = await bound(() => checkChallenge({ request, sale, lines, kind, asking }));
        } catch (error) {
          return counted(request.saleId, unavailable(error));
        }
        if (check.kind === 'replay') return replayed(check.ticketId);
        if (check.kind === 'refused') {
          // The merchant may ask for less by now. Who is let in meets the script's look at the terms.
          const now = await lookUp(request.saleId);
          if ('kind' in now) return counted(request.saleId, now);
          if (now.terms === sale.terms) return counted(request.saleId, check);
          continue;
        }
      }
      // A replay must find its ticket, and a limit is told before sold out: both are the script's to say.
      if (kind === 'reserve' && request.idempotencyKey === null && sale.limit === null) {
        const sku = soldOut.refuses(request.saleId, lines);
        if (sku !== null) return counted(request.saleId, refuse('sold_out', { sku }));
      }
      const prepared = prepare(request, sale, lines, kind, ticketId);
      ({ ticketId } = prepared);
      const answer = await admit(request, prepared);
      if (answer !== null) return answer.kind === 'refused' ? counted(request.saleId, answer) : answer;
      sales.delete(request.saleId);
      if (performance.now() > giveUpAt) break;
    }
    return counted(request.saleId, refuse('gate_unavailable', { retryAfterSeconds: 1 }));
  }

  async function replayed(ticketId: string): Promise<ReserveAnswer> {
    const read = await readTicket(ticketId);
    return read.kind === 'refused' ? read : { kind: 'admitted', ticket: read.ticket, replayed: true };
  }

  /** Null when the terms had changed and nothing was looked at. */
  async function admit(request: ReserveRequest, prepared: Prepared): Promise<ReserveAnswer | null> {
    const lanes = prepared.kind === 'join' ? joinLanes : admitLanes;
    let lane = lanes.get(request.saleId);
    if (lane === undefined) {
      lane = createLane({
        maxBatch,
        maxInFlight,
        maxWaiting,
        deadlineMs: answerWithinMs,
        send: (batch, timeLeftMs) => sendAdmissions(request.saleId, batch, timeLeftMs),
      });
      lanes.set(request.saleId, lane);
    }
    const admission = await lane.add(prepared).catch(unavailable);
    switch (admission.kind) {
      case 'stale':
        return null;
      case 'refused':
        return admission;
      case 'admitted':
        acknowledged.remember(request.saleId, prepared);
        return { kind: 'admitted', ticket: ticketOfAdmission(request, prepared, admission), replayed: false };
      case 'again': {
        const read = await readTicket(admission.ticketId);
        if (read.kind === 'refused') return read;
        return { kind: 'admitted', ticket: read.ticket, replayed: admission.ticketId !== prepared.ticketId };
      }
    }
  }

  async function sendAdmissions(saleId: string, batch: Prepared[], timeLeftMs: number): Promise<Admission[]> {
    const { sale, kind } = batch[0] as Prepared;
    const script = kind === 'join' ? 'join' : 'admit';
    const current = (one: Prepared) => one.sale.terms === sale.terms && one.sale.epoch === sale.epoch;
    const sent = batch.every(current) ? batch : batch.filter(current);
    const { names, args } = admitCall(keysOf(sale.shard, saleId), sale, intakeLimit, sent);
    if (listsTickets) args.push(listed);
    const reply = await insist(Math.min(deadlineMs, timeLeftMs), 'Admission', () => run(script, names, args));
    batches++;
    const { journal, admissions } = readAdmissions(reply as string, sent.length);
    const rung = ringFor(saleId, sale, admissions);
    if (script === 'admit') admitted += rung;
    // A refusal is remembered only when no news of a newer state has overtaken it on the other connection.
    if (script === 'admit' && journal >= news.position(saleId)) rememberSoldOut(saleId, sent, admissions);
    if (sent === batch) return admissions;
    let next = 0;
    return batch.map((one) => (current(one) ? (admissions[next++] as Admission) : { kind: 'stale' }));
  }

  /** As it was prepared then, whatever the terms are by now. */
  async function sendAgain(saleId: string, sale: KnownSale, batch: Prepared[]): Promise<Admission[]> {
    const { names, args } = admitCall(keysOf(sale.shard, saleId), sale, Math.ceil(intakeLimit * 1.2), batch);
    if (listsTickets) args.push(listed);
    const reply = await insist(deadlineMs, 'Queueing again', () => run('requeue', names, args));
    const { admissions } = readAdmissions(reply as string, batch.length);
    ringFor(saleId, sale, admissions);
    return admissions;
  }

  /** Settled, if it is not a member of a lobby who just got a place in line. */
  function seen(saleId: string, ticketId: string): void {
    if (acknowledged.has(saleId, ticketId) && !joinLanes.has(saleId)) acknowledged.forget(saleId, ticketId);
  }

  /** Answers with how many were admitted. */
  function ringFor(saleId: string, sale: KnownSale, admissions: readonly Admission[]): number {
    let count = 0;
    let fromSeq = Number.POSITIVE_INFINITY;
    let toSeq = 0;
    for (const admission of admissions) {
      if (admission.kind !== 'admitted') continue;
      count++;
      fromSeq = Math.min(fromSeq, admission.seq);
      toSeq = Math.max(toSeq, admission.seq);
    }
    if (toSeq > 0) ring({ saleId, shard: sale.shard, epoch: Number(sale.epoch), fromSeq, toSeq });
    return count;
  }

  function rememberSoldOut(
    saleId: string,
    sent: readonly Prepared[],
    admissions: readonly Admission[],
  ): void {
    for (const [index, admission] of admissions.entries()) {
      if (admission.kind !== 'refused' || admission.code !== 'sold_out' || admission.sku === undefined)
        continue;
      const line = sent[index]?.lines.find(({ sku }) => sku === admission.sku);
      if (line !== undefined) soldOut.remember(saleId, line.sku, line.quantity);
    }
  }

  async function command(request: CommandRequest): Promise<CommandAnswer> {
    const place = parseTicketId(request.ticketId);
    if (place === null) return refuse('unknown_ticket');
    const { shard, saleId } = place;
    const keys = keysOf(shard, saleId);
    const commandId = commandIdOf(request);
    const head = headOf(request.kind, request.ticketId, packSeconds(request.seconds), '');
    const mostCommands = maxCommandsPerTicket + (request.paymentRef === null ? 0 : maxPaymentsPerTicket);
    for (let preparation = 0; preparation < maxPreparations; preparation++) {
      const sale = sales.get(saleId) ?? (await lookUp(saleId));
      if ('kind' in sale) return sale.code === 'unknown_sale' ? refuse('unknown_ticket') : sale;
      const { names, args } = appendCall(keys, sale, {
        ticketId: request.ticketId,
        commandId,
        head,
        intakeLimit: Math.ceil(intakeLimit * 1.2),
        mostCommands,
        payment: packPayment(request.paymentRef),
      });
      const reply = await bound(() =>
        insist(deadlineMs, 'Appending a command', () => run('append', names, args)),
      ).catch(unavailable);
      if (!Array.isArray(reply)) return reply as Refusal;
      const [word, detail] = reply as [string, string];
      if (word === 'stale') {
        sales.delete(saleId);
        continue;
      }
      if (word === 'appended')
        ring({ saleId, shard, epoch: Number(sale.epoch), fromSeq: Number(detail), toSeq: Number(detail) });
      if (word === 'unknown_ticket' && isOnItsWay(request.ticketId)) return closed;
      return commandAnswer(request.ticketId, commandId, word, detail);
    }
    return refuse('gate_unavailable', { retryAfterSeconds: 1 });
  }

  async function commandAnswer(
    ticketId: string,
    commandId: string,
    word: string,
    detail: string,
  ): Promise<CommandAnswer> {
    switch (word) {
      case 'appended':
        return { kind: 'appended', commandId };
      case 'again': {
        if (detail === '') return { kind: 'appended', commandId };
        const read = await readTicket(ticketId);
        if (read.kind === 'refused') return read;
        return { kind: 'decided', commandId, outcome: detail as Outcome, ticket: read.ticket };
      }
      default:
        return notAppended(word);
    }
  }

  async function readTicket(
    ticketId: string,
    receipt?: string,
  ): Promise<{ kind: 'ticket'; ticket: Ticket } | Refusal> {
    const read = await readAtGate(ticketId);
    if (read.kind !== 'refused' || read.code !== 'unknown_ticket') return read;
    if (isOnItsWay(ticketId)) return closed;
    const saleId = parseTicketId(ticketId)?.saleId;
    if (receipt === undefined || saleId === undefined) return read;
    const sale = await lookUp(saleId);
    if ('kind' in sale) return sale.code === 'unknown_sale' ? read : sale;
    switch (isLost(sale, receipt)) {
      case 'lost':
        return refuse('ticket_lost');
      case 'not_yet':
        return closed;
      case 'unknown':
        return read;
    }
  }

  /** The gate that lost it does not know yet; its buyer must not hear that it never was. */
  function isOnItsWay(ticketId: string): boolean {
    const saleId = parseTicketId(ticketId)?.saleId ?? '';
    if (!acknowledged.has(saleId, ticketId)) return false;
    requeue.look(saleId);
    return true;
  }

  async function readAtGate(ticketId: string): Promise<{ kind: 'ticket'; ticket: Ticket } | Refusal> {
    const place = parseTicketId(ticketId);
    if (place === null) return refuse('unknown_ticket');
    const laneKey = `${place.shard} ${place.saleId}`;
    let lane = ticketLanes.get(laneKey);
    if (lane === undefined) {
      lane = createLane({
        maxBatch,
        maxInFlight,
        maxWaiting,
        deadlineMs: answerWithinMs,
        send: (batch, timeLeftMs) => readTickets(place.shard, place.saleId, batch, timeLeftMs),
      });
      ticketLanes.set(laneKey, lane);
    }
    const answer = await lane.add(ticketId).catch(unavailable);
    if (!('kind' in answer)) return { kind: 'ticket', ticket: answer };
    // Lanes of made-up sales must not fill the memory.
    if (!sales.has(place.saleId)) ticketLanes.delete(laneKey);
    return answer;
  }

  async function ticketsOf(
    saleId: string,
    buyerId: string,
  ): Promise<{ kind: 'tickets'; tickets: Ticket[] } | Refusal> {
    const shard = shardOf(saleId, shards);
    const ids = await bound(() => ticketIdsOf(redis, shard, saleId, buyerId, deadlineMs)).catch(unavailable);
    if ('kind' in ids) return ids;
    const tickets: Ticket[] = [];
    for (const read of await Promise.all(ids.map((id) => readTicket(id)))) {
      if (read.kind === 'ticket') tickets.push(read.ticket);
      else if (read.code !== 'unknown_ticket') return read;
    }
    // After a rebuild the list begins with those whose hold lapses first.
    return { kind: 'tickets', tickets: tickets.sort(newestFirst) };
  }

  async function readTickets(
    shard: string,
    saleId: string,
    ids: string[],
    timeLeftMs: number,
  ): Promise<(Ticket | Refusal)[]> {
    const keys = keysOf(shard, saleId);
    const names = [keys.boot, keys.sale, ...ids.map(keys.ticket)];
    const reply = await insist(Math.min(deadlineMs, timeLeftMs), 'Reading tickets', () =>
      run('read-tickets', names, []),
    );
    return ticketsIn(saleId, ids, reply);
  }

  async function listSales(): ReturnType<EdgeGate['listSales']> {
    const members = () =>
      Promise.all(
        allShards(shards).map((shard) =>
          Promise.all([redis.exists(bootKey(shard)), redis.smembers(salesKey(shard))]),
        ),
      );
    const found = await bound(() => insist(deadlineMs, 'Listing sales', members)).catch(unavailable);
    if ('kind' in found) return found;
    // An emptied Redis must not look like a shop without sales.
    if (found.some(([booted]) => booted === 0)) return refuse('gate_unavailable', { retryAfterSeconds: 1 });
    const ids = found.map(([, members]) => members);
    const answers = await Promise.all(ids.flat().sort().map(lookUp));
    const known: KnownSale[] = [];
    for (const answer of answers) {
      if (!('kind' in answer)) known.push(answer);
      else if (answer.code !== 'unknown_sale') return answer;
    }
    return { kind: 'sales', sales: known.map((sale) => sale.view).filter((view) => view.status !== 'draft') };
  }

  /** Only sales that exist are counted: a stranger must not be able to fill memory with made-up ids. */
  function counted(saleId: string, refusal: Refusal): Refusal {
    const sale = sales.get(saleId);
    if (sale !== undefined) refusals.add(sale.shard, saleId, refusal.code);
    return refusal;
  }

  return {
    reserve,
    join,
    command,
    readTicket,
    ticketsOf,
    listSales,
    async readSale(saleId) {
      const sale = await lookUp(saleId);
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
    totals: () => {
      let waiting = 0;
      for (const sale of sales.values()) waiting += sale.waiting;
      return { admitted, batches, requeued, refused: refusals.totals(), waiting };
    },
    async close() {
      requeue.close();
      await refusals.close();
      news.close();
      redis.disconnect();
    },
  };
}
