/**
 * The sale desk: what a merchant does to a sale. Each verb changes the ledger first, under its comparison, then brings
 * the gate up to date, and only then answers: the next request to any edge sees it. Only a withdrawal starts at the
 * gate, since it takes units, and units are the gate's to give.
 */
import { createHmac, randomBytes } from 'node:crypto';
import {
  type Cursor,
  type ExtensionRule,
  hasToEnd,
  house,
  isLobbyOver,
  type Item,
  type LedgerSale,
  type MerchantCommand,
  makeTicketId,
  moveSale,
  nextMove,
  parseTicketId,
  prolongHolds,
  type NewEvent,
  type Refusal,
  type Reservation,
  refuse,
  type RunLedger,
  type Sale,
  type SaleChallenge,
  type SaleVerb,
  unitsOfBuyers,
  type WorkerGate,
} from '@holdfast/core';
import { commitmentOf } from './draw-order.ts';

/** A sale as it is asked for. Times are epoch milliseconds. */
export interface NewSale {
  /** Null lets the desk make one. */
  id: string | null;
  name: string;
  status: 'draft' | 'open';
  opensAt: number | null;
  closesAt: number | null;
  holdSeconds: number;
  perBuyerLimit: number | null;
  currency: string;
  waitlist: boolean;
  extension: ExtensionRule;
  challenge?: SaleChallenge | null;
  items: (Item & { stock: number })[];
}

/** What may be changed of a sale that exists; absent fields stay as they are. */
export type SaleTerms = Partial<
  Pick<
    Sale,
    'name' | 'opensAt' | 'closesAt' | 'holdSeconds' | 'perBuyerLimit' | 'waitlist' | 'extension' | 'challenge'
  >
>;

/** A call with an Idempotency-Key: the same key is carried out once. `key` includes what it was sent to. */
export interface DeskRequest {
  key: string;
  fingerprint: string;
}

/** `repeated`: this request was carried out before. Both mean that every edge sees the sale as the ledger has it. */
export type DeskAnswer = { kind: 'done' | 'repeated'; saleId: string } | Refusal;

export type DeskVerb = Exclude<SaleVerb, 'openLobby'>;

export interface Desk {
  create(sale: NewSale, request: DeskRequest | null): Promise<DeskAnswer>;
  change(saleId: string, terms: SaleTerms, request: DeskRequest | null): Promise<DeskAnswer>;
  /**
   * Opening a lobby ends it, and is answered when all its members have their place in line; `beacon` is a public value
   * that nobody had before, and only a lobby's opening takes one.
   */
  move(
    saleId: string,
    verb: DeskVerb,
    request: DeskRequest | null,
    beacon?: string | null,
  ): Promise<DeskAnswer>;
  /** Opens the lobby, and publishes the digest of the seed by which its members will be drawn. */
  openLobby(saleId: string, request: DeskRequest | null): Promise<DeskAnswer>;
  /** Adds `quantity` units (1 or more) to an item's stock. */
  restock(saleId: string, sku: string, quantity: number, request: DeskRequest | null): Promise<DeskAnswer>;
  /** Takes `quantity` units (1 or more) off the sale; `not_enough_available` when the gate cannot give them. */
  withdraw(saleId: string, sku: string, quantity: number, request: DeskRequest | null): Promise<DeskAnswer>;
  /**
   * More time, `seconds`, for every hold that is open now, without touching the buyers' own extensions. Done in pieces;
   * the same request goes on where it was cut off, and gives nobody the time twice.
   */
  extendHolds(saleId: string, seconds: number, request: DeskRequest | null): Promise<DeskAnswer>;
  /**
   * `return` takes the units of a confirmed reservation back and puts them on sale again; `refunded` closes one that is
   * `refund_due`. What is so already is `repeated`; `invalid_transition` in any other state.
   */
  command(ticketId: string, kind: MerchantCommand): Promise<DeskAnswer>;
  /** Brings the gate to where the ledger is, for a request whose change stands but was never answered. */
  settle(saleId: string): Promise<DeskAnswer>;
}

interface DeskChange {
  sale: Sale;
  restocked: ReadonlyMap<string, number>;
  event: NewEvent;
  seed?: string | undefined;
  request: DeskRequest | null;
}

/** What the desk asks of the ledger. */
export interface DeskLedger
  extends Pick<RunLedger, 'readSale' | 'readReservations' | 'nextDeadline' | 'openHolds' | 'commitRun'> {
  createSale(
    sale: Sale,
    stock: ReadonlyMap<string, number>,
    event: NewEvent,
    request: DeskRequest | null,
  ): Promise<boolean>;
  changeSale(read: Cursor, change: DeskChange): Promise<'changed' | 'busy' | 'stale' | 'repeated'>;
  readRequest(key: string): Promise<{ fingerprint: string } | null>;
}

export interface DeskParts {
  ledger: DeskLedger;
  gate: Pick<WorkerGate, 'peek' | 'withdraw' | 'command' | 'isBooted'>;
  /** Runs the commit run until the intake is at its end and the gate has applied the whole journal. */
  committer: { commitSale(saleId: string): Promise<unknown> };
  /** The shard that the gate looks for a sale in. */
  shardOf(saleId: string): string;
  /** Makes the ticket ids of withdrawals unguessable; any text that the replicas of the console share. */
  secret: string;
  log: { warn(fields: object, message: string): void };
  now?: () => number;
}

/** Most units that an item may have in stock: far below what every store counts exactly. */
export const maxStock = 1_000_000_000;

/** How long the desk tries to get its turn among the runs of a busy sale. */
const changeWithinMs = 5_000;
/** How long the gate may take to follow before the answer is a fault; the change stands, and the sweep settles it. */
const effectiveWithinMs = 5_000;
/** A withdrawal waits in line behind everything that the intake may hold; its units have left the sale at once. */
const withdrawnWithinMs = 30_000;
/** The last of a large lobby has its place seconds after the draw. */
const drawnWithinMs = 30_000;
const pauseMs = 20;
const retryPauseMs = 4;

export function createDesk(parts: DeskParts): Desk {
  return {
    create: (sale, request) => create(parts, sale, request),
    change: (saleId, terms, request) => changeTerms(parts, saleId, terms, request),
    async move(saleId, verb, request, beacon = null) {
      const read = verb === 'open' ? await parts.ledger.readSale(saleId) : null;
      if (read?.sale.status === 'lobby') return openDrawn(parts, saleId, beacon, request);
      return beacon === null ? move(parts, saleId, verb, request) : refuse('invalid_transition');
    },
    openLobby: (saleId, request) => openLobby(parts, saleId, request),
    restock: (saleId, sku, quantity, request) => restock(parts, saleId, sku, quantity, request),
    withdraw: (saleId, sku, quantity, request) => withdraw(parts, saleId, sku, quantity, request),
    extendHolds: (saleId, seconds, request) => extendHolds(parts, saleId, seconds, request),
    command: (ticketId, kind) => command(parts, ticketId, kind),
    settle: async (saleId) => effective(parts, saleId, 'repeated'),
  };
}

/** The first event of a sale's journal. It names the stock, so that the journal alone proves what was for sale. */
export function saleCreated(sale: Sale, stock: ReadonlyMap<string, number>): NewEvent {
  return happened('sale_created', { terms: termsOf(sale, stock) }, sale.createdAt);
}

async function create(parts: DeskParts, asked: NewSale, request: DeskRequest | null): Promise<DeskAnswer> {
  const { ledger } = parts;
  const at = timeOf(parts);
  const id = asked.id ?? saleIdFor(parts, request);
  const items = asked.items.map(
    ({ sku, name, description, imageUrl, priceMinor }): Item => ({
      sku,
      name,
      description,
      imageUrl,
      priceMinor,
    }),
  );
  const sale: Sale = { ...asked, id, items, shard: parts.shardOf(id), createdAt: at, termsVersion: 1 };
  const stock = new Map(asked.items.map((item) => [item.sku, item.stock]));
  const event = saleCreated(sale, stock);
  if (await ledger.createSale(sale, stock, event, request)) return effective(parts, id, 'done');
  const before = request === null ? null : await ledger.readRequest(request.key);
  return before === null ? refuse('already_exists') : repeated(parts, id, before, request);
}

function changeTerms(
  parts: DeskParts,
  saleId: string,
  terms: SaleTerms,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  return step(parts, saleId, request, ({ sale }) => {
    if (sale.status === 'settled' || sale.status === 'cancelled') return refuse('invalid_transition');
    // The list of a lobby that is over must stay what it is.
    const isOver = sale.draw !== undefined && isLobbyOver(sale, timeOf(parts));
    if (isOver && terms.opensAt !== undefined) return refuse('invalid_transition');
    const changed = { ...sale, ...terms };
    if (changed.opensAt !== null && changed.closesAt !== null && changed.opensAt >= changed.closesAt)
      return refuse('invalid_body');
    // Without its time a scheduled sale would stand open.
    if (sale.status === 'scheduled' && changed.opensAt === null) return refuse('invalid_body');
    return { sale: changed, event: happened('sale_changed', { terms: { ...terms } }, timeOf(parts)) };
  });
}

async function move(
  parts: DeskParts,
  saleId: string,
  verb: DeskVerb,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  // The gate judges by its own clock, which may be behind this process's.
  const gateNow = await gateTime(parts, saleId);
  await catchUp(parts, saleId, gateNow);
  return step(parts, saleId, request, async (read) => {
    const { sale } = read;
    const status = moveSale(sale.status, verb);
    if (status === null || (verb === 'open' && sale.status === 'lobby')) return refuse('invalid_transition');
    if (verb === 'schedule' && sale.opensAt === null) return refuse('invalid_transition');
    if (verb === 'settle' && (await isUnsettled(parts, read))) return refuse('invalid_transition');
    const at = timeOf(parts);
    const terms = verb === 'open' ? openNow(sale, Math.min(at, gateNow)) : {};
    const data: NewEvent['data'] = Object.keys(terms).length === 0 ? { status } : { status, terms };
    return { sale: { ...sale, ...terms, status }, event: happened('sale_moved', data, at) };
  });
}

async function openLobby(parts: DeskParts, saleId: string, request: DeskRequest | null): Promise<DeskAnswer> {
  const gateNow = await gateTime(parts, saleId);
  const seed = randomBytes(32).toString('hex');
  return step(parts, saleId, request, ({ sale }) => {
    const status = moveSale(sale.status, 'openLobby');
    if (status === null || isLobbyOver(sale, Math.min(timeOf(parts), gateNow)))
      return refuse('invalid_transition');
    const commitment = commitmentOf(seed);
    const draw = { commitment, beacon: null, result: null };
    const event = happened('sale_moved', { status, commitment }, timeOf(parts));
    return { sale: { ...sale, status, draw }, event, seed };
  });
}

/** Somebody still waits for an answer or has a hold; a run that changes that meanwhile makes the step begin again. */
async function isUnsettled(
  { ledger }: DeskParts,
  { sale, items, withdrawn, waiting }: LedgerSale,
): Promise<boolean> {
  const units = unitsOfBuyers(items, withdrawn);
  return (
    waiting > 0 || hasToEnd(sale.status, waiting, units) || (await ledger.nextDeadline(sale.id)) !== null
  );
}

/** From its opening time on nobody joins a lobby, and the run that then finds the intake at its end draws. */
async function openDrawn(
  parts: DeskParts,
  saleId: string,
  beacon: string | null,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  const gateNow = await gateTime(parts, saleId);
  let isOver = false;
  const answer = await step(parts, saleId, request, ({ sale }) => {
    const at = Math.min(timeOf(parts), gateNow);
    isOver = sale.status === 'lobby' && isLobbyOver(sale, at);
    // A beacon that comes when the list is final could have been chosen to suit it.
    if (sale.status !== 'lobby' || sale.draw === undefined || isOver) return refuse('invalid_transition');
    const terms = { opensAt: at, ...openNow(sale, at) };
    const data: NewEvent['data'] = beacon === null ? { terms } : { terms, beacon };
    return {
      sale: { ...sale, ...terms, draw: { ...sale.draw, beacon } },
      event: happened('sale_changed', data, at),
    };
  });
  const isUnderWay = answer.kind === 'refused' && isOver && beacon === null;
  return answer.kind === 'refused' && !isUnderWay ? answer : placesGiven(parts, saleId, answer);
}

/** Waits until nobody of the lobby is without a place in line; whatever dies meanwhile, a sweep goes on. */
async function placesGiven(parts: DeskParts, saleId: string, answer: DeskAnswer): Promise<DeskAnswer> {
  const deadline = Date.now() + drawnWithinMs;
  const kind = answer.kind === 'repeated' ? 'repeated' : 'done';
  for (;;) {
    const settled = await effective(parts, saleId, kind);
    if (settled.kind === 'refused') return settled;
    const at = await parts.ledger.readSale(saleId);
    const gate = (await parts.gate.peek([saleId])).get(saleId) ?? null;
    if (at?.sale.draw?.result != null && gate?.placing === false) return effective(parts, saleId, kind);
    if (Date.now() > deadline) return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
    await wait(pauseMs);
  }
}

/** The gate opens and closes by its times alone; whoever pauses a sale in that very second must not be told that it is scheduled. */
async function catchUp({ ledger, committer }: DeskParts, saleId: string, gateNow: number): Promise<void> {
  const read = await ledger.readSale(saleId);
  const due = read === null ? null : nextMove(read.sale);
  if (due !== null && due.at <= gateNow) await committer.commitSale(saleId);
}

async function gateTime({ gate }: DeskParts, saleId: string): Promise<number> {
  return (await gate.peek([saleId])).get(saleId)?.now ?? Number.POSITIVE_INFINITY;
}

/** Who presses open means now: a later opening time is brought forward, and a closing time that is over is dropped. */
function openNow(sale: Sale, at: number): { opensAt?: number; closesAt?: null } {
  return {
    ...(sale.opensAt !== null && sale.opensAt > at && { opensAt: at }),
    ...(sale.closesAt !== null && sale.closesAt <= at && { closesAt: null }),
  };
}

function restock(
  parts: DeskParts,
  saleId: string,
  sku: string,
  quantity: number,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  return step(parts, saleId, request, ({ sale, items }) => {
    if (sale.status === 'settled' || sale.status === 'cancelled') return refuse('invalid_transition');
    const counters = items.get(sku);
    if (counters === undefined) return refuse('unknown_item');
    if (counters.stock + quantity > maxStock) return refuse('invalid_quantity');
    const event = happened('restocked', { sku, delta: quantity }, timeOf(parts));
    return { sale, event, restocked: new Map([[sku, quantity]]) };
  });
}

type Decision =
  | { sale: Sale; event: NewEvent; restocked?: ReadonlyMap<string, number>; seed?: string }
  | Refusal;

/** Reads, decides and writes under the comparison; again as long as a commit run came between, for a bounded time. */
async function step(
  parts: DeskParts,
  saleId: string,
  request: DeskRequest | null,
  decide: (read: LedgerSale) => Decision | Promise<Decision>,
): Promise<DeskAnswer> {
  const { ledger } = parts;
  const deadline = Date.now() + changeWithinMs;
  do {
    const read = await ledger.readSale(saleId);
    if (read === null) return refuse('unknown_sale');
    // A repeat before a refusal: what was done once is not refused for having been done.
    const before = request === null ? null : await ledger.readRequest(request.key);
    if (before !== null) return repeated(parts, saleId, before, request);
    const decision = await decide(read);
    if ('kind' in decision) return decision;
    const answer = await ledger.changeSale(read.cursor, {
      sale: { ...decision.sale, termsVersion: read.sale.termsVersion + 1 },
      event: decision.event,
      restocked: decision.restocked ?? new Map(),
      seed: decision.seed,
      request,
    });
    if (answer === 'changed') return effective(parts, saleId, 'done');
    // The gap between two runs is a few milliseconds, so a longer pause would miss it again and again.
    if (answer !== 'repeated') await wait(Math.random() * retryPauseMs);
  } while (Date.now() < deadline);
  parts.log.warn({ saleId }, 'a change of a sale did not get its turn');
  return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
}

async function withdraw(
  parts: DeskParts,
  saleId: string,
  sku: string,
  quantity: number,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  const { ledger, gate } = parts;
  const read = await ledger.readSale(saleId);
  if (read === null) return refuse('unknown_sale');
  const before = request === null ? null : await ledger.readRequest(request.key);
  if (before !== null) return repeated(parts, saleId, before, request);
  if (!read.items.has(sku)) return refuse('unknown_item');
  // Made from the key, so that a withdrawal that is sent again after a crash finds its first ticket.
  const ticketId = makeTicketId(read.sale.shard, saleId, secretFor(parts, request, 22));
  let answer = await gate.withdraw(saleId, ticketId, sku, quantity);
  if (answer.kind === 'refused' && answer.code === 'gate_unavailable') {
    const caughtUp = await effective(parts, saleId, 'done');
    if (caughtUp.kind === 'refused') return caughtUp;
    answer = await gate.withdraw(saleId, ticketId, sku, quantity);
  }
  if (answer.kind === 'refused') return answer.code === 'sold_out' ? refuse('not_enough_available') : answer;
  const [line] = answer.ticket.lines;
  if (line?.sku !== sku || line.quantity !== quantity) return refuse('idempotency_mismatch');
  return withdrawn(parts, saleId, ticketId, answer.replayed);
}

/** Waits until the ledger has decided the withdrawal; it keeps its units unless the ledger had given them before. */
async function withdrawn(
  parts: DeskParts,
  saleId: string,
  ticketId: string,
  replayed: boolean,
): Promise<DeskAnswer> {
  const deadline = Date.now() + withdrawnWithinMs;
  for (;;) {
    const settled = await effective(parts, saleId, replayed ? 'repeated' : 'done');
    if (settled.kind === 'refused') return settled;
    const [reservation] = await parts.ledger.readReservations(saleId, [ticketId]);
    if (reservation !== undefined && reservation.buyerId === house)
      return reservation.status === 'confirmed' ? settled : refuse('not_enough_available');
    if (Date.now() > deadline) return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
    await wait(pauseMs);
  }
}

/** Holds that one transaction gives more time. */
const holdsPerPiece = 1_000;
/** How long all pieces may take: 100,000 holds are a hundred of them. */
const extendedWithinMs = 30_000;

async function extendHolds(
  parts: DeskParts,
  saleId: string,
  seconds: number,
  request: DeskRequest | null,
): Promise<DeskAnswer> {
  const { ledger } = parts;
  const commandId = `more.${secretFor(parts, request, 22)}`;
  const deadline = Date.now() + extendedWithinMs;
  do {
    const read = await ledger.readSale(saleId);
    if (read === null) return refuse('unknown_sale');
    const { sale, cursor, items } = read;
    if (sale.status === 'settled' || sale.status === 'cancelled') return refuse('invalid_transition');
    const now = Math.max(cursor.ranAt, Math.min(timeOf(parts), await gateTime(parts, saleId)));
    const holds = await ledger.openHolds(saleId, now, commandId, holdsPerPiece);
    if (holds.length === 0) return effective(parts, saleId, 'done');
    const result = prolongHolds(
      {
        saleId,
        epoch: cursor.epoch,
        rules: sale,
        items,
        reservations: new Map(holds.map((hold) => [hold.ticketId, hold])),
        used: new Map(),
        known: new Set(),
      },
      commandId,
      seconds,
      now,
    );
    const reached = { seq: cursor.committedSeq, tip: cursor.tip, ranAt: cursor.ranAt };
    const answer = await ledger.commitRun(saleId, cursor, result, reached);
    if (answer.kind !== 'committed') await wait(Math.random() * retryPauseMs);
  } while (Date.now() < deadline);
  parts.log.warn({ saleId }, 'more time for the holds of a sale did not get its turn');
  return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
}

const reachedBy = { return: 'returned', refunded: 'refunded' } as const;

async function command(parts: DeskParts, ticketId: string, kind: MerchantCommand): Promise<DeskAnswer> {
  const place = parseTicketId(ticketId);
  if (place === null) return refuse('unknown_ticket');
  const { saleId } = place;
  const read = async () => (await parts.ledger.readReservations(saleId, [ticketId]))[0];
  // Made of the version: pressed twice it is one command, and a refusal does not outlive the state that it was for.
  const idFor = ({ version }: Reservation) => `${kind}.${version}`;
  let reservation = await read();
  if (reservation?.outcomes[idFor(reservation)] !== undefined) {
    // Refused before; what would change that may stand in the intake, a payment for instance.
    await parts.committer.commitSale(saleId);
    reservation = await read();
  }
  // What the ledger has not decided yet is not confirmed either; what it never saw is no ticket of the merchant's.
  if (reservation === undefined || reservation.buyerId === house) return refuse('unknown_ticket');
  if (reservation.status === reachedBy[kind]) return effective(parts, saleId, 'repeated');
  const commandId = idFor(reservation);
  const deadline = Date.now() + withdrawnWithinMs;
  let placed = await parts.gate.command(ticketId, kind, commandId);
  if (placed.kind === 'refused' && placed.code === 'gate_unavailable') {
    const caughtUp = await effective(parts, saleId, 'done');
    if (caughtUp.kind === 'refused') return caughtUp;
    placed = await parts.gate.command(ticketId, kind, commandId);
  }
  if (placed.kind === 'refused') return placed;
  for (;;) {
    const settled = await effective(parts, saleId, 'done');
    if (settled.kind === 'refused') return settled;
    const [now] = await parts.ledger.readReservations(saleId, [ticketId]);
    const outcome = now?.outcomes[commandId];
    if (outcome !== undefined) return outcome === 'ok' ? settled : refuse(outcome);
    if (Date.now() > deadline) return refuse('ledger_unavailable', { retryAfterSeconds: 1 });
    await wait(pauseMs);
  }
}

function repeated(
  parts: DeskParts,
  saleId: string,
  before: { fingerprint: string },
  request: DeskRequest | null,
): Promise<DeskAnswer> | Refusal {
  return before.fingerprint === request?.fingerprint
    ? effective(parts, saleId, 'repeated')
    : refuse('idempotency_mismatch');
}

/**
 * Answers once the gate has applied the journal as far as it reached when this was called. The run that is started for
 * it ends only with the intake, which in a rush is seconds later than that, so the gate is asked meanwhile.
 */
async function effective(parts: DeskParts, saleId: string, kind: 'done' | 'repeated'): Promise<DeskAnswer> {
  const { ledger, gate, committer, log } = parts;
  const deadline = Date.now() + effectiveWithinMs;
  const read = await ledger.readSale(saleId);
  if (read === null) return refuse('unknown_sale');
  const { position } = read.cursor;
  let cause: unknown;
  let running: Promise<void> | null = null;
  do {
    running ??= committer.commitSale(saleId).then(
      () => {
        running = null;
      },
      (error: unknown) => {
        running = null;
        cause = error;
      },
    );
    await Promise.race([running, wait(pauseMs)]);
    try {
      const state = (await gate.peek([saleId])).get(saleId) ?? null;
      const follows = state !== null && state.rebuilding === null && state.journalPosition >= position;
      // A gate may be back while its shard is still closed for the others.
      if (follows && (await gate.isBooted(read.sale.shard))) return { kind, saleId };
    } catch (error) {
      cause = error;
    }
    await wait(pauseMs);
  } while (Date.now() < deadline);
  log.warn({ saleId, position, err: cause }, 'the gate did not follow a change of the sale');
  return refuse('gate_unavailable', { retryAfterSeconds: 1 });
}

function happened(type: NewEvent['type'], data: NewEvent['data'], at: number): NewEvent {
  return { type, ticketId: null, commandId: null, data, at };
}

function termsOf(sale: Sale, stock: ReadonlyMap<string, number>): Record<string, unknown> {
  const { name, status, opensAt, closesAt, holdSeconds, perBuyerLimit, currency, waitlist, extension } = sale;
  const items = sale.items.map(({ sku, priceMinor }) => ({ sku, priceMinor, stock: stock.get(sku) ?? 0 }));
  return {
    name,
    status,
    opensAt,
    closesAt,
    holdSeconds,
    perBuyerLimit,
    currency,
    waitlist,
    extension,
    ...(sale.challenge != null && { challenge: sale.challenge }),
    items,
  };
}

function saleIdFor(parts: DeskParts, request: DeskRequest | null): string {
  return `sale-${secretFor(parts, request, 10).toLowerCase()}`;
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Letters and digits that nobody can guess: random, or for a request with a key the same ones each time. */
function secretFor(parts: DeskParts, request: DeskRequest | null, length: number): string {
  const bytes =
    request === null ? randomBytes(32) : createHmac('sha256', parts.secret).update(request.key).digest();
  let number = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  while (text.length < length) {
    text += alphabet[Number(number % 62n)];
    number /= 62n;
  }
  return text;
}

function timeOf(parts: DeskParts): number {
  return (parts.now ?? Date.now)();
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
