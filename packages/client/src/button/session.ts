import { HoldfastUnreachable, pause } from '../ask.ts';
import { createBuyerCalls, settingsOf } from '../buyer-calls.ts';
import { isFinal, type Ticket, type TicketAnswer } from '../ticket.ts';
import { after, type Buying, type Happening, nothingKnown, type Verb } from './buying.ts';
import type { Act } from './card.ts';
import { createPlaceStore } from './place.ts';
import { followSale } from './sale-feed.ts';

export interface SessionSettings {
  /** Origin of the edge. */
  edge: string;
  saleId: string;
  sku?: string | undefined;
  quantity: number;
  /** Who buys; absent: the token says it, or else this browser is the buyer. */
  buyerId?: string | undefined;
  token?: string | (() => string | Promise<string>) | undefined;
  /** Called after everything that happened. */
  changed(buying: Buying): void;
}

export interface Session {
  readonly buying: Buying;
  press(act: Act): void;
  close(): void;
}

/** How long a broken watch waits before it begins again, milliseconds. */
const comeBackMs = 2_000;
/** What fell back to polling in an outage tries for a stream again; not too often, where none gets through at all. */
const restartEveryMs = 30_000;
/** A page that was left while it asked goes on asking when it is back within this time; later it waits to be pressed. */
const resumeMs = 60_000;

/** One purchase of one browser: asks, watches, remembers. What follows from what it hears is decided in `buying.ts`. */
export function createSession(settings: SessionSettings): Session {
  const { edge, saleId, sku, quantity, token, changed } = settings;
  const store = createPlaceStore(`${edge}/${saleId}/${sku ?? ''}`);
  const client = createBuyerCalls(
    settingsOf({
      baseUrl: edge,
      ...(token !== undefined && { token }),
      fetch: noticing,
    }),
  );
  const closed = new AbortController();
  let buying = nothingKnown;
  let unfollow: (() => void) | null = null;
  let restartedAt = 0;
  let watching: { ticketId: string; by: 'stream' | 'poll'; stop: AbortController } | null = null;

  function happen(happening: Happening): void {
    if (closed.signal.aborted) return;
    buying = after(buying, happening, Date.now());
    follow();
    changed(buying);
  }

  /** Every request says whether the server can be reached. */
  async function noticing(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    try {
      const response = await fetch(input, init);
      const isBack = !buying.isConnected && response.status < 500;
      happen({ kind: response.status < 500 ? 'reached' : 'lost' });
      if (isBack && Date.now() - restartedAt > restartEveryMs) setTimeout(restart);
      return response;
    } catch (fault) {
      if (init?.signal?.aborted !== true || isTimeout(init.signal)) happen({ kind: 'lost' });
      throw fault;
    }
  }

  /** Watches what matters now: the ticket once there is one, the sale before. A page that nobody sees opens no stream. */
  function follow(): void {
    const ticketId = store.read().ticketId;
    const isSeen = document.visibilityState !== 'hidden';
    if (ticketId === null && isSeen && !closed.signal.aborted) {
      unfollow ??= followSale(client, edge, saleId, {
        sale: (sale) => happen({ kind: 'sale', sale }),
        unknown: () => happen({ kind: 'unknown_sale' }),
      });
    } else {
      unfollow?.();
      unfollow = null;
    }
    const by = isSeen ? 'stream' : 'poll';
    const isDone = buying.ticket?.id === ticketId && buying.ticket !== null && isFinal(buying.ticket.status);
    if (watching !== null && (watching.ticketId !== ticketId || watching.by !== by || isDone)) {
      watching.stop.abort();
      watching = null;
    }
    if (ticketId === null || watching !== null || isDone || closed.signal.aborted) return;
    watching = { ticketId, by, stop: new AbortController() };
    void readSale();
    void watchTicket(ticketId, by, watching.stop.signal);
  }

  async function watchTicket(ticketId: string, by: 'stream' | 'poll', signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { receipt } = store.read();
        for await (const seen of client.watchTicket(ticketId, { signal, by, receipt })) {
          if (signal.aborted) return;
          if (!('kind' in seen)) seenTicket(seen);
          else if (seen.code === 'ticket_lost') return lost();
          else if (seen.code === 'unknown_ticket') return forget();
          else happen({ kind: 'refused', verb: 'reserve', code: seen.code });
        }
        return;
      } catch {
        await pause(comeBackMs, signal).catch(() => {});
      }
    }
  }

  async function readSale(): Promise<void> {
    const read = await client.sale(saleId, closed.signal).catch(() => null);
    if (read?.kind === 'sale') happen({ kind: 'sale', sale: read.sale });
  }

  function seenTicket(ticket: Ticket): void {
    // With the place in line that the gate says now: after a rebuild it is another.
    store.write({ receipt: ticket.receipt });
    happen({ kind: 'ticket', ticket });
  }

  /** Lost by the service, and no fault of the buyer: whoever was still in line gets a new place, by the same key. */
  function lost(): void {
    const status = buying.ticket?.status;
    store.write({ ticketId: null, asking: null });
    happen({ kind: 'forgotten' });
    if (status === 'held' || status === 'confirmed')
      happen({ kind: 'refused', verb: 'reserve', code: 'ticket_lost' });
    else void takePlace(status === 'lobby' ? 'join' : 'reserve');
  }

  function forget(): void {
    store.write({ ticketId: null, asking: null, attempt: store.read().attempt + 1 });
    happen({ kind: 'forgotten' });
  }

  async function ask(verb: Verb, asking: () => Promise<TicketAnswer>): Promise<void> {
    if (buying.asked !== null) return;
    const takesPlace = verb === 'reserve' || verb === 'join';
    if (takesPlace) store.write({ asking: { verb, at: Date.now() } });
    happen({ kind: 'asked', verb });
    try {
      const answer = await asking();
      if (answer.kind === 'refused') return refused(verb, answer.code);
      if (takesPlace) store.write({ ticketId: answer.ticket.id, asking: null });
      const payment = (answer as { payment?: Buying['payment'] }).payment ?? null;
      seenTicket(answer.ticket);
      if (payment !== null) happen({ kind: 'paying', payment });
    } catch (fault) {
      // The page was left in the middle: the next one asks again, with the same key.
      if (closed.signal.aborted) return;
      if (takesPlace) store.write({ asking: null });
      happen({ kind: 'refused', verb, code: 'unreachable' });
      if (!(fault instanceof HoldfastUnreachable)) throw fault;
    }
  }

  function refused(verb: Verb, code: Extract<TicketAnswer, { kind: 'refused' }>['code']): void {
    if (code === 'unknown_ticket') return forget();
    if (store.read().asking !== null) store.write({ asking: null });
    happen({ kind: 'refused', verb, code });
    // The ticket knows more than the refusal: it was paid or given back meanwhile, in another tab perhaps.
    const { ticketId } = store.read();
    if (ticketId === null) return void readSale();
    void client.ticket(ticketId, closed.signal).then(
      (answer) => answer.kind === 'ticket' && happen({ kind: 'ticket', ticket: answer.ticket }),
      () => undefined,
    );
  }

  function takePlace(verb: 'reserve' | 'join'): Promise<void> {
    const { buyerId, attempt } = store.read();
    const lines = { ...(sku !== undefined || quantity !== 1 ? { lines: linesOf() } : {}) };
    const who = token === undefined ? { buyerId: settings.buyerId ?? buyerId } : {};
    const signal = closed.signal;
    const idempotencyKey = `${buyerId}/${attempt}/${quantity}`;
    const door = verb === 'join' ? 'lobby' : 'reservations';
    return ask(verb, () => client.enter(saleId, door, { ...who, ...lines }, { idempotencyKey, signal }));
  }

  function linesOf() {
    const named = sku ?? buying.sale?.items[0]?.sku;
    return named === undefined ? [] : [{ sku: named, quantity }];
  }

  function press(act: Act): void {
    const { ticket } = buying;
    switch (act) {
      case 'reserve':
      case 'join':
        return void takePlace(act);
      case 'confirm':
        if (ticket !== null) void ask('confirm', () => client.confirm(ticket.id));
        return;
      case 'extend':
        if (ticket !== null) void ask('extend', () => client.extend(ticket.id));
        return;
      case 'cancel':
        if (ticket !== null) void ask('cancel', () => client.cancel(ticket.id));
        return;
      case 'leave':
      case 'keep':
        return happen({ kind: 'leaving', isLeaving: act === 'leave' });
      case 'again':
        return forget();
      case 'pay':
        return;
    }
  }

  /** Another tab took a place, or put it aside. */
  function heard(): void {
    const { ticketId } = store.read();
    if (ticketId === (buying.ticket?.id ?? null)) return;
    if (ticketId === null) happen({ kind: 'forgotten' });
    else follow();
  }

  const offline = () => happen({ kind: 'lost' });
  /** What broke waits for nothing: it begins again at once. */
  const restart = () => {
    if (closed.signal.aborted) return;
    restartedAt = Date.now();
    watching?.stop.abort();
    watching = null;
    unfollow?.();
    unfollow = null;
    follow();
  };
  // A page that comes back from the browser's cache has streams that are dead.
  const comeBack = (event: PageTransitionEvent) => event.persisted && restart();
  store.watch(heard, closed.signal);
  const whileOpen = { signal: closed.signal };
  document.addEventListener('visibilitychange', follow, whileOpen);
  addEventListener('offline', offline, whileOpen);
  addEventListener('online', restart, whileOpen);
  addEventListener('pageshow', comeBack, whileOpen);
  follow();
  const { ticketId, asking } = store.read();
  if (ticketId === null && asking !== null && Date.now() - asking.at < resumeMs) void takePlace(asking.verb);

  return {
    get buying() {
      return buying;
    },
    press,
    close() {
      closed.abort();
      watching?.stop.abort();
      unfollow?.();
    },
  };
}

/** The SDK's own deadline aborts too, but that is the server's silence and not the page's wish. */
function isTimeout(signal: AbortSignal): boolean {
  return signal.reason instanceof Error && signal.reason.message.startsWith('no answer');
}
