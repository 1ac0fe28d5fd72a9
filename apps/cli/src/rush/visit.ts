import { headerOf } from './answer-reader.ts';
import type { Buyer } from './buyer.ts';
import type { Edges } from './edges.ts';
import type { CrowdPlan } from './plan.ts';
import { codeOf, createQuestions, parsed, pause } from './questions.ts';
import { solve } from './solve.ts';
import type { Tally } from './tally.ts';
import { createWatch } from './watch.ts';
import type { Answer } from './wire.ts';

/** `again`: this buyer was too late and may come back; `follow`: what remains to do with a ticket in hand. */
type Visited = { kind: 'again' } | { kind: 'done' } | { kind: 'ticket'; follow: () => Promise<void> };

/**
 * One buyer's way, over HTTP alone: look, ask, watch the ticket until it is held, then pay or walk away.
 * Answers are checked against the contract; one that breaks it is an error, like a fault that outlives its retries.
 */
export function createVisit(plan: CrowdPlan, edges: Edges, tally: Tally) {
  const questions = createQuestions(plan, edges, tally);
  const { askPatiently, get, post } = questions;
  const { poll, watchStream } = createWatch(questions, edges, tally, plan.stockUnits);
  const salePath = `/v1/sales/${encodeURIComponent(plan.saleId)}`;
  const reservePath = `${salePath}/reservations`;
  /** The sale has asked for it, so everybody brings a solution now. */
  let isChallenged = false;

  return { visit, read, look: (edge: number) => get(edge, salePath) };

  /** A look at the stock. */
  async function read(number: number, dueAtMs?: number): Promise<void> {
    const answer = await askPatiently('read', number, (edge) => get(edge, salePath), dueAtMs);
    if (answer === undefined) return;
    if (answer.status !== 200) return tally.error(`read answered ${answer.status}`);
    const sale = parsed(answer.body);
    if (sale?.['id'] !== plan.saleId || !Array.isArray(sale['items'])) tally.error('read: not a sale');
  }

  /** `dueAtMs` is when an open crowd's buyer came: the wait for a free connection counts too. */
  async function visit(buyer: Buyer, attempt: number, dueAtMs?: number): Promise<Visited> {
    const body = JSON.stringify({ buyerId: buyer.id, lines: buyer.lines });
    const key = buyer.keyed ? `Idempotency-Key: "${plan.runId}-${buyer.number}-${attempt}"\r\n` : '';
    const askedAtMs = performance.now();
    let answer = await enter(buyer, body, key, dueAtMs);
    if (answer?.status === 403 && codeOf(answer) === 'challenge_required') {
      isChallenged = true;
      answer = await enter(buyer, body, key, dueAtMs);
    }
    if (attempt === 1) tally.firstTryAnswered();
    if (answer === undefined) return DONE;
    if (answer.status === 409) return COMES_BACK.has(codeOf(answer) ?? '') ? AGAIN : DONE;
    if (answer.status !== 202 && answer.status !== 200) {
      tally.error(`reserve answered ${answer.status} ${codeOf(answer) ?? ''}`);
      return DONE;
    }
    const ticket = acknowledgedTicket(answer, buyer);
    if (typeof ticket === 'string') {
      tally.error(`reserve: ${ticket}`);
      return DONE;
    }
    tally.acknowledged(ticket, askedAtMs, answer.receivedAtMs);
    return { kind: 'ticket', follow: () => follow(buyer, ticket.id, answer.receivedAtMs, attempt === 1) };
  }

  async function enter(
    { number }: Buyer,
    body: string,
    key: string,
    dueAtMs: number | undefined,
  ): Promise<Answer | undefined> {
    const solution = isChallenged ? await solutionHeader(number) : '';
    return askPatiently('reserve', number, (edge) => post(edge, reservePath, body, key + solution), dueAtMs);
  }

  /** As a header; empty when there is no challenge to be had: the edge says what it makes of that. */
  async function solutionHeader(number: number): Promise<string> {
    const answer = await askPatiently('read', number, (edge) => get(edge, `${salePath}/challenge`));
    const solution = answer?.status === 200 ? await solve(answer.body) : null;
    return solution === null ? '' : `Challenge-Solution: ${solution}\r\n`;
  }

  async function follow(
    buyer: Buyer,
    ticketId: string,
    acknowledgedAtMs: number,
    firstTry: boolean,
  ): Promise<void> {
    const how = buyer.streams ? 'stream' : 'poll';
    const status = buyer.streams ? await watchStream(buyer, ticketId) : await poll(buyer, ticketId);
    if (status !== 'held') return;
    tally.held(how, performance.now() - acknowledgedAtMs, firstTry);
    if (!buyer.confirms) return tally.left();
    await confirm(buyer, ticketId);
  }

  async function confirm(buyer: Buyer, ticketId: string): Promise<void> {
    const path = `/v1/tickets/${ticketId}/confirm`;
    const key = `Idempotency-Key: "${ticketId}-confirm"\r\n`;
    const giveUpAtMs = performance.now() + DECISION_MAX_MS;
    for (;;) {
      const answer = await askPatiently('confirm', buyer.number, (edge) => post(edge, path, '{}', key));
      if (answer === undefined || answer.status === 409) return;
      const status = parsed(answer.body)?.['status'];
      if (answer.status === 200 && status === 'confirmed') return tally.confirmed(ticketId, unitsOf(buyer));
      if (answer.status !== 202)
        return tally.error(`confirm answered ${answer.status} ${String(status ?? codeOf(answer))}`);
      if (performance.now() > giveUpAtMs) return tally.error('confirm: undecided for too long');
      await pause(ASK_AGAIN_MS);
    }
  }
}

const DONE: Visited = { kind: 'done' };
const AGAIN: Visited = { kind: 'again' };
const COMES_BACK = new Set(['sold_out', 'paused', 'not_open']);
/** How long a confirm may stay undecided. */
const DECISION_MAX_MS = 60_000;
const ASK_AGAIN_MS = 500;

function unitsOf({ lines }: Buyer): number {
  return lines.reduce((units, { quantity }) => units + quantity, 0);
}

/** The ticket of a 202 or 200, or a sentence about what is wrong with the answer. */
function acknowledgedTicket(
  answer: Answer,
  buyer: Buyer,
): { id: string; receipt: string; seq: number } | string {
  const ticket = parsed(answer.body);
  if (ticket === undefined) return 'no JSON';
  const { id, receipt, seq, buyerId, version } = ticket;
  if (typeof id !== 'string' || id === '' || !/^[\w.-]+$/.test(id)) return 'no ticket id';
  if (buyerId !== buyer.id) return "somebody else's ticket";
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(version)) return 'no seq or version';
  if (typeof receipt !== 'string') return 'no receipt';
  if (answer.status === 202 && headerOf(answer.head, 'location') !== `/v1/tickets/${id}`)
    return 'no Location';
  if (answer.status === 200 && headerOf(answer.head, 'idempotent-replayed') !== 'true')
    return '200 that is no replay';
  return { id, receipt, seq: Number(seq) };
}
