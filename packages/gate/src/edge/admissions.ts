import { type Refusal, type ReserveAnswer, type ReserveRequest, refuse } from '@holdfast/core';
import type { Acknowledged } from '../acknowledged.ts';
import {
  type Admission,
  admitCall,
  type Prepared,
  prepare,
  pricedLines,
  readAdmissions,
  ticketOfAdmission,
} from '../admission.ts';
import { listed } from '../buyer-tickets.ts';
import { type ChallengeAnswer, type createChallengeCheck, newAsking } from '../challenged.ts';
import { insist } from '../insist.ts';
import { keysOf } from '../keys.ts';
import { createLane, type Lane } from '../lane.ts';
import type { News } from '../news.ts';
import type { RefusalCounts } from '../refusal-counts.ts';
import type { KnownSale } from '../sale-reader.ts';
import type { SoldOut } from '../sold-out.ts';
import type { KnownSales } from './known-sales.ts';
import { closed, type EdgeParts, maxPreparations, maxWaiting } from './parts.ts';
import type { EdgeTickets } from './tickets.ts';

export interface Admissions {
  reserve(request: ReserveRequest): Promise<ReserveAnswer>;
  join(request: ReserveRequest): Promise<ReserveAnswer>;
  /** Gives tickets that no log has their place again. */
  sendAgain(saleId: string, sale: KnownSale, batch: Prepared[]): Promise<Admission[]>;
  /** A settlement told of a ticket. */
  seen(saleId: string, ticketId: string): void;
  totals(): { admitted: number; batches: number };
}

interface AdmissionParts {
  sales: KnownSales;
  tickets: EdgeTickets;
  acknowledged: Acknowledged;
  soldOut: SoldOut;
  news: Pick<News, 'position'>;
  refusals: RefusalCounts;
  checkChallenge: ReturnType<typeof createChallengeCheck>;
  listsTickets: boolean;
}

/** Lets newcomers into a sale, or its lobby, in batches. */
export function createAdmissions(parts: EdgeParts, rooms: AdmissionParts): Admissions {
  const { run, intakeLimit, maxBatch, maxInFlight, deadlineMs, answerWithinMs, bound, ring, unavailable } =
    parts;
  const { sales, tickets, acknowledged, soldOut, news, refusals, checkChallenge, listsTickets } = rooms;
  const joinLanes = new Map<string, Lane<Prepared, Admission>>();
  const admitLanes = new Map<string, Lane<Prepared, Admission>>();
  let admitted = 0;
  let batches = 0;

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
      const sale = sales.get(request.saleId) ?? (await sales.lookUp(request.saleId));
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
          const now = await sales.lookUp(request.saleId);
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
      sales.forget(request.saleId);
      if (performance.now() > giveUpAt) break;
    }
    return counted(request.saleId, closed);
  }

  async function replayed(ticketId: string): Promise<ReserveAnswer> {
    const read = await tickets.read(ticketId);
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
        const read = await tickets.read(admission.ticketId);
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

  /** Only sales that exist are counted: a stranger must not be able to fill memory with made-up ids. */
  function counted(saleId: string, refusal: Refusal): Refusal {
    const sale = sales.get(saleId);
    if (sale !== undefined) refusals.add(sale.shard, saleId, refusal.code);
    return refusal;
  }

  return { reserve, join, sendAgain, seen, totals: () => ({ admitted, batches }) };
}
