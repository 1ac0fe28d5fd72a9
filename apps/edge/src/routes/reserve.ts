import {
  type Answer,
  isReservationBody,
  problem,
  readIdempotencyKey,
  readWaitSeconds,
  refusalProblem,
  reservationBody,
  reservationBodyByToken,
  ticketJson,
} from '@holdfast/contracts';
import { type EdgeGate, type ReserveRequest, refuse, saleIdPattern, type Ticket } from '@holdfast/core';
import type { BuyerTokens } from '../buyer-tokens.ts';
import { type EdgeContext, type Handle, headerOf, json } from '../call.ts';
import { type BodyRules, readBody } from '../read-body.ts';
import type { RateLimits } from '../rate-limits.ts';
import type { TicketWatches } from '../ticket-watch.ts';

export const idempotencyIssue = {
  pointer: '',
  message: 'Idempotency-Key must be 1 to 255 printable ASCII characters',
};

const hotRules: BodyRules = { isPlainlyValid: isReservationBody };
const wrongKey: BodyRules = { issues: [idempotencyIssue] };

/** Who may ask, and how often. */
interface Door {
  tokens: BuyerTokens | null;
  limits: RateLimits | null;
}

/** `POST /v1/sales/{saleId}/reservations` */
export function reserve(gate: EdgeGate, watches: TicketWatches, door: Door): Handle {
  return async (c, requestId) => {
    const request = await readRequest(c, requestId, door);
    if ('status' in request) return request;
    // Who gets units is decided for many requests at once, in packages/gate/src/lua/admit.lua.
    const answer = await gate.reserve(request);
    if (answer.kind === 'refused') return refusalProblem(answer, requestId);

    const waitSeconds = readWaitSeconds(headerOf(c, 'prefer'));
    const ticket = waitSeconds > 0 ? await decided(watches, answer.ticket, waitSeconds) : answer.ticket;
    return answer.replayed ? replay(ticket) : firstAnswer(ticket, requestId, waitSeconds > 0);
  };
}

/** `POST /v1/sales/{saleId}/lobby`: once per buyer, whatever key is brought. */
export function joinLobby(gate: EdgeGate, door: Door): Handle {
  return async (c, requestId) => {
    const asked = await readRequest(c, requestId, door);
    if ('status' in asked) return asked;
    const answer = await gate.join(asked);
    if (answer.kind === 'refused') return refusalProblem(answer, requestId);
    return answer.replayed ? replay(answer.ticket) : firstAnswer(answer.ticket, requestId, false);
  };
}

/** The checked request, or what is answered instead. */
async function readRequest(
  c: EdgeContext,
  requestId: string,
  { tokens, limits }: Door,
): Promise<ReserveRequest | Answer> {
  const key = readIdempotencyKey(headerOf(c, 'idempotency-key'));
  const read =
    tokens === null
      ? await readBody(c, requestId, reservationBody, key.kind === 'invalid' ? wrongKey : hotRules)
      : await readBodyByToken(c, requestId, tokens, key.kind === 'invalid' ? wrongKey : {});
  if (read.kind === 'answer') return read.answer;
  const saleId = c.req.param('saleId') ?? '';
  if (!saleIdPattern.test(saleId)) return problem('unknown_sale', requestId);
  const limited = limits === null ? null : await limits.buyer(read.body.buyerId, requestId);
  if (limited !== null) return limited;
  return {
    saleId,
    buyerId: read.body.buyerId,
    lines: read.body.lines ?? null,
    idempotencyKey: key.kind === 'key' ? key.key : null,
    solution: headerOf(c, 'challenge-solution'),
  };
}

/** Who it is stands in the token, and is looked at first: nobody's body is read for nothing. */
async function readBodyByToken(c: EdgeContext, requestId: string, tokens: BuyerTokens, rules: BodyRules) {
  const token = await tokens.read(c, requestId);
  if (token.kind === 'answer') return token;
  const read = await readBody(c, requestId, reservationBodyByToken, rules);
  if (read.kind === 'answer') return read;
  return { kind: 'body' as const, body: { ...read.body, buyerId: token.buyerId } };
}

/** The ticket as it is when the ledger has decided, or when the time is over; the acknowledged one if it cannot be read. */
async function decided(watches: TicketWatches, ticket: Ticket, waitSeconds: number): Promise<Ticket> {
  if (!isUndecided(ticket)) return ticket;
  const watch = watches.watch(ticket.id, 'steady');
  try {
    return (await watches.until(watch, (seen) => !isUndecided(seen), waitSeconds * 1_000)) ?? ticket;
  } finally {
    watch.end();
  }
}

function isUndecided(ticket: Ticket): boolean {
  return ticket.status === 'queued' || ticket.status === 'lobby';
}

/** The same ticket, whatever became of it since: a lost answer must not look like a refusal. */
function replay(ticket: Ticket): Answer {
  return json(200, ticketJson(ticket), { Location: locationOf(ticket), 'Idempotent-Replayed': 'true' });
}

function firstAnswer(ticket: Ticket, requestId: string, waited: boolean): Answer {
  if (!waited || isUndecided(ticket) || ticket.status === 'waitlisted')
    return json(202, ticketJson(ticket), { Location: locationOf(ticket) });
  if (ticket.status === 'rejected') {
    const answer = refusalProblem(refuse(ticket.reason ?? 'sold_out'), requestId);
    answer.headers['Location'] = locationOf(ticket);
    return answer;
  }
  return json(201, ticketJson(ticket), { Location: locationOf(ticket) });
}

function locationOf(ticket: Ticket): string {
  return `/v1/tickets/${ticket.id}`;
}
