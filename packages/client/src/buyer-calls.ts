import { ask, type AskSettings, refusalOf, salePath, ticketPath } from './ask.ts';
import { loadSolver } from './load-solver.ts';
import type { Sale } from './sale.ts';
import {
  asksForSolution,
  type ConfirmAnswer,
  type Payment,
  type Refused,
  type Ticket,
  type TicketAnswer,
} from './ticket.ts';
import { watchSale } from './watch-sale.ts';
import { receiptHeader, type WatchSettings, watchTicket } from './watch-ticket.ts';

export interface ClientSettings {
  /** Of the edge: `https://sales.example.org`. */
  baseUrl: string;
  /** A buyer token, when the edge wants one; a function is asked before each request, so that a token can be renewed. */
  token?: string | (() => string | Promise<string>);
  /** How often a request is made in all, before it throws; 5 when absent. */
  attempts?: number;
  /** A single request's deadline in milliseconds; 10,000 when absent, and longer where the server is asked to wait. */
  timeoutMs?: number;
  fetch?: typeof globalThis.fetch;
}

export interface ReserveRequest {
  /** Left out with buyer tokens: the token says who it is. */
  buyerId?: string;
  /** May be left out on a sale of one item: then one unit. */
  lines?: { sku: string; quantity: number }[];
}

export interface CommandSettings {
  /** One intention, one key: made when absent. Give your own to make a repeat after a page reload harmless too. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** What every call is made with. */
export function settingsOf({
  baseUrl,
  token,
  attempts = 5,
  timeoutMs = 10_000,
  fetch = globalThis.fetch,
}: ClientSettings): AskSettings {
  return {
    baseUrl: baseUrl.replace(/\/+$/, ''),
    // Called as a plain function: a browser's fetch refuses to be a method of anything else.
    fetch: (input, init) => fetch(input, init),
    attempts,
    timeoutMs,
    headers: async () => {
      const now = typeof token === 'function' ? await token() : token;
      return now === undefined ? {} : { Authorization: `Bearer ${now}` };
    },
  };
}

/** What the button needs of the SDK, and no more: a page that a crowd loads carries it. */
export function createBuyerCalls(settings: AskSettings) {
  return {
    /** The sale as it is now; `serverTime` is the clock that judges deadlines. */
    async sale(saleId: string, signal?: AbortSignal): Promise<{ kind: 'sale'; sale: Sale } | Refused> {
      const response = await ask(settings, salePath(saleId), {}, signal);
      return response.ok ? { kind: 'sale', sale: (await response.json()) as Sale } : refusalOf(response);
    },

    /** The sale and every change of it, what is left above all, until the caller breaks off. */
    watchSale: (saleId: string, watch: WatchSettings = {}) => watchSale(settings, saleId, watch),

    enter,

    /** The ticket as it is now. Bring its `receipt`, and one that the service lost is `ticket_lost` and not unknown. */
    async ticket(ticketId: string, signal?: AbortSignal, receipt?: string): Promise<TicketAnswer> {
      return answerOf(await ask(settings, ticketPath(ticketId), { headers: receiptHeader(receipt) }, signal));
    },

    /**
     * Turns the hold into a sale. Where a provider takes the money the answer has a `payment`: pay with it, and watch the
     * ticket. Without one it may still read `held` when the ledger takes long: watch it then, too.
     * `paymentRef` is for shops that take the money themselves.
     */
    async confirm(
      ticketId: string,
      { paymentRef, ...command }: CommandSettings & { paymentRef?: string } = {},
    ): Promise<ConfirmAnswer> {
      const body = paymentRef === undefined ? {} : { paymentRef };
      const path = ticketPath(ticketId, '/confirm');
      const answer = await post(path, body, command);
      if (answer.kind === 'refused') return answer;
      const { payment = null, ...ticket } = answer.ticket as Ticket & { payment?: Payment };
      return { ...answer, ticket, payment };
    },

    /** Gives the place or the hold back. */
    cancel(ticketId: string, command: CommandSettings = {}): Promise<TicketAnswer> {
      return post(ticketPath(ticketId, '/cancel'), {}, command);
    },

    /** Moves the deadline of a hold, by as much as asked or by as much as the sale's rule still leaves. */
    extend(
      ticketId: string,
      { seconds, ...command }: CommandSettings & { seconds?: number } = {},
    ): Promise<TicketAnswer> {
      const body = seconds === undefined ? {} : { seconds };
      return post(ticketPath(ticketId, '/extend'), body, command);
    },

    /** The ticket and every change of it, until a final state: `for await (const seen of client.watchTicket(id))`. */
    watchTicket: (ticketId: string, watch: WatchSettings = {}) => watchTicket(settings, ticketId, watch),
  };

  /** Asks to be let in, with the solution of a challenge where the sale wants one; the key stays the same throughout. */
  async function enter(
    saleId: string,
    door: 'reservations' | 'lobby',
    request: ReserveRequest,
    { idempotencyKey = crypto.randomUUID(), signal }: CommandSettings,
    headers: Record<string, string> = {},
    waitMs = 0,
  ): Promise<TicketAnswer> {
    const path = salePath(saleId, `/${door}`);
    const command = { idempotencyKey, ...(signal !== undefined && { signal }) };
    const send = (brought: Record<string, string>) =>
      post(path, request, command, { ...headers, ...brought }, waitMs);
    const answer = await send({});
    if (!asksForSolution(answer)) return answer;
    const { sendSolved } = await loadSolver(settings.baseUrl);
    return sendSolved(settings, saleId, send, signal);
  }

  async function post(
    path: string,
    body: object,
    { idempotencyKey = crypto.randomUUID(), signal }: CommandSettings,
    headers: Record<string, string> = {},
    waitMs = 0,
  ): Promise<TicketAnswer> {
    const init = {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/json', 'Idempotency-Key': `"${idempotencyKey}"` },
      body: JSON.stringify(body),
    };
    return answerOf(await ask({ ...settings, timeoutMs: settings.timeoutMs + waitMs }, path, init, signal));
  }
}

export type BuyerCalls = ReturnType<typeof createBuyerCalls>;

async function answerOf(response: Response): Promise<TicketAnswer> {
  if (!response.ok) return refusalOf(response);
  const replayed = response.headers.get('idempotent-replayed') === 'true';
  return { kind: 'ticket', ticket: (await response.json()) as Ticket, replayed };
}
