import {
  type Answer,
  eventFrame,
  eventNames,
  matchesETag,
  pollAfterSeconds,
  problem,
  refusalProblem,
  ticketETag,
  ticketJson,
} from '@holdfast/contracts';
import { type EdgeGate, isSettledForBuyer, parseTicketId, type Ticket } from '@holdfast/core';
import { type Handle, headerOf, json } from '../call.ts';
import { type Doors, tooManyStreams } from '../doors.ts';
import type { Stream, Streams } from '../streams.ts';
import type { TicketWatches } from '../ticket-watch.ts';

/** With it, the buyer of a ticket that was lost is told so; who has no ticket gets none by it. */
export const receiptHeader = 'ticket-receipt';

/** `GET /v1/tickets/{ticketId}` */
export function readTicket(gate: EdgeGate): Handle {
  return async (c, requestId) => {
    const ticketId = c.req.param('ticketId') ?? '';
    if (parseTicketId(ticketId) === null) return problem('unknown_ticket', requestId);
    const read = await gate.readTicket(ticketId, headerOf(c, receiptHeader));
    if (read.kind === 'refused') return refusalProblem(read, requestId);
    const { ticket } = read;
    const headers: Record<string, string> = {
      ETag: ticketETag(ticket),
      'Cache-Control': 'private, no-cache',
    };
    const pollSeconds = pollAfterSeconds(ticket.status);
    if (pollSeconds !== null) headers['Retry-After'] = String(pollSeconds);
    if (matchesETag(headerOf(c, 'if-none-match'), ticketETag(ticket)))
      return { status: 304, headers, body: null };
    return json(200, ticketJson(ticket), headers);
  };
}

/**
 * `GET /v1/tickets/{ticketId}/events`: the whole ticket, then every change of it, until nothing changes any more.
 * Who comes back with `Last-Event-ID` does not get again what it has; when that was the end, 204 tells a browser's
 * EventSource to stay away.
 */
export function followTicket(gate: EdgeGate, watches: TicketWatches, streams: Streams, doors: Doors): Handle {
  return async (c, requestId) => {
    const ticketId = c.req.param('ticketId') ?? '';
    if (parseTicketId(ticketId) === null) return problem('unknown_ticket', requestId);
    // Looked up before it is watched: made-up ids leave nothing behind.
    const found = await gate.readTicket(ticketId, headerOf(c, receiptHeader));
    if (found.kind === 'refused') return refusalProblem(found, requestId);
    const hasVersion = Number(headerOf(c, 'last-event-id') ?? Number.NaN);
    if (isSettledForBuyer(found.ticket.status) && hasVersion === found.ticket.version) return noContent();
    const outgoing = c.env?.outgoing;
    const answer: Answer = { status: 200, headers: {}, body: null };
    if (c.req.method === 'HEAD' || outgoing === undefined) return answer;

    const place = doors.streamPlace(c, found.ticket.buyerId);
    if (place === null) return tooManyStreams(requestId);
    const begin = () => {
      const watch = watches.watch(ticketId, 'patient');
      let sent = hasVersion === found.ticket.version ? ticketETag(found.ticket) : '';
      const forward = onlyForward(found.ticket.version);
      const stream = streams.open('ticket', outgoing as never, answer.headers, place, watch.end);
      const show = (ticket: Ticket) => {
        const tag = ticketETag(ticket);
        if (tag === sent || !forward(ticket.version)) return;
        sent = tag;
        sendTicket(stream, ticket);
      };
      show(found.ticket);
      watch.begin((read) => {
        if (read.kind === 'ticket') show(read.ticket);
        else if (read.code === 'unknown_ticket' || read.code === 'ticket_lost') stream.end();
      });
    };
    return { ...answer, begin };
  };
}

/** Longer than a gate that was restored from an old file, or a replica that was promoted too early, stays unnoticed. */
const behindMaxMs = 10_000;

/**
 * Whether a version may be told to one who was told others. A gate that forgot tells older ones until it is rebuilt from
 * the ledger, and nobody who was told of a hold should see it go. What stays behind for longer is the truth: then it is the
 * ledger that has lost something.
 */
function onlyForward(first: number): (version: number) => boolean {
  let newest = first;
  let behindSince: number | null = null;
  return (version) => {
    if (version < newest) {
      behindSince ??= performance.now();
      if (performance.now() - behindSince < behindMaxMs) return false;
    }
    behindSince = null;
    newest = version;
    return true;
  };
}

function sendTicket(stream: Stream, ticket: Ticket): void {
  stream.send(eventFrame(eventNames.ticket, ticket.version, JSON.stringify(ticketJson(ticket))));
  if (isSettledForBuyer(ticket.status)) stream.end();
}

function noContent(): Answer {
  return { status: 204, headers: {}, body: null };
}
