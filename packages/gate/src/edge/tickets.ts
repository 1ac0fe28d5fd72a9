import { parseTicketId, type Refusal, refuse, type Ticket } from '@holdfast/core';
import type { Acknowledged } from '../acknowledged.ts';
import { ticketIdsOf } from '../buyer-tickets.ts';
import { insist } from '../insist.ts';
import { keysOf, shardOf } from '../keys.ts';
import { createLane, type Lane } from '../lane.ts';
import { isLost } from '../lost.ts';
import { ticketsIn } from '../tickets-read.ts';
import type { KnownSales } from './known-sales.ts';
import { closed, type EdgeParts, maxWaiting } from './parts.ts';

export type TicketRead = { kind: 'ticket'; ticket: Ticket } | Refusal;

export interface EdgeTickets {
  /** With a receipt, one that the gate's memory lost is told from one that never was. */
  read(ticketId: string, receipt?: string): Promise<TicketRead>;
  /** What the gate says, and nothing that this edge knows beside it. */
  readAtGate(ticketId: string): Promise<TicketRead>;
  /** Whether this edge gave it and has yet to bring it to a gate that lost it. Then it is looked at. */
  isOnItsWay(ticketId: string): boolean;
  ticketsOf(saleId: string, buyerId: string): Promise<{ kind: 'tickets'; tickets: Ticket[] } | Refusal>;
}

interface TicketParts {
  sales: KnownSales;
  acknowledged: Acknowledged;
  /** Looks at what of a sale this edge remembers. */
  look(saleId: string): void;
}

export function createEdgeTickets(
  { redis, run, shards, maxBatch, maxInFlight, deadlineMs, answerWithinMs, bound, unavailable }: EdgeParts,
  { sales, acknowledged, look }: TicketParts,
): EdgeTickets {
  const ticketLanes = new Map<string, Lane<string, Ticket | Refusal>>();

  async function read(ticketId: string, receipt?: string): Promise<TicketRead> {
    const atGate = await readAtGate(ticketId);
    if (atGate.kind !== 'refused' || atGate.code !== 'unknown_ticket') return atGate;
    if (isOnItsWay(ticketId)) return closed;
    const saleId = parseTicketId(ticketId)?.saleId;
    if (receipt === undefined || saleId === undefined) return atGate;
    const sale = await sales.lookUp(saleId);
    if ('kind' in sale) return sale.code === 'unknown_sale' ? atGate : sale;
    switch (isLost(sale, receipt)) {
      case 'lost':
        return refuse('ticket_lost');
      case 'not_yet':
        return closed;
      case 'unknown':
        return atGate;
    }
  }

  /** The gate that lost it does not know yet; its buyer must not hear that it never was. */
  function isOnItsWay(ticketId: string): boolean {
    const saleId = parseTicketId(ticketId)?.saleId ?? '';
    if (!acknowledged.has(saleId, ticketId)) return false;
    look(saleId);
    return true;
  }

  async function readAtGate(ticketId: string): Promise<TicketRead> {
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
        send: (batch, timeLeftMs) => readBatch(place.shard, place.saleId, batch, timeLeftMs),
      });
      ticketLanes.set(laneKey, lane);
    }
    const answer = await lane.add(ticketId).catch(unavailable);
    if (!('kind' in answer)) return { kind: 'ticket', ticket: answer };
    // Lanes of made-up sales must not fill the memory.
    if (sales.get(place.saleId) === undefined) ticketLanes.delete(laneKey);
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
    for (const answer of await Promise.all(ids.map((id) => read(id)))) {
      if (answer.kind === 'ticket') tickets.push(answer.ticket);
      else if (answer.code !== 'unknown_ticket') return answer;
    }
    // After a rebuild the list begins with those whose hold lapses first.
    return { kind: 'tickets', tickets: tickets.sort(newestFirst) };
  }

  async function readBatch(
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

  return { read, readAtGate, isOnItsWay, ticketsOf };
}

function newestFirst(one: Ticket, other: Ticket): number {
  const [epoch = 0, seq = 0] = one.receipt.split('.', 2).map(Number);
  const [otherEpoch = 0, otherSeq = 0] = other.receipt.split('.', 2).map(Number);
  return otherEpoch - epoch || otherSeq - seq;
}
