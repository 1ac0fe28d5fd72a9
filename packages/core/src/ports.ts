/**
 * What the rooms ask of each other. Gate, ledger and pipeline never import one another: the commit run (pipeline) is
 * handed a gate and a ledger of these shapes, and the apps put them together.
 */
import type { IntakeEntry, UnreadableEntry } from './entry.ts';
import type { JournalEvent, NewEvent } from './journal.ts';
import type { PaymentNotice } from './payment.ts';
import type { Refusal, RefusalCode } from './refusal.ts';
import type { GateItem, Mending } from './repair.ts';
import type { Outcome, Reservation, ReservationStatus } from './reservation.ts';
import type { RunResult } from './decide-run.ts';
import type { Counters, Draw, Sale, SaleChallenge, SaleStatus } from './sale.ts';
import type { Ticket } from './ticket.ts';

// ---- the gate, as the edge uses it -------------------------------------------------------------------------------

export interface ReserveRequest {
  saleId: string;
  /** 1 to 128 characters, no control characters. */
  buyerId: string;
  /** Null takes one unit of the only item. */
  lines: { sku: string; quantity: number }[] | null;
  /** 1 to 255 printable characters. */
  idempotencyKey: string | null;
  /** What the buyer brings for the challenge of a sale that has one, as it was sent. */
  solution?: string | undefined;
}

export type ReserveAnswer = { kind: 'admitted'; ticket: Ticket; replayed: boolean } | Refusal;

export interface CommandRequest {
  ticketId: string;
  kind: 'confirm' | 'cancel' | 'extend';
  idempotencyKey: string | null;
  paymentRef: string | null;
  seconds: number | null;
}

/**
 * `appended`: the command has its place in the intake; its outcome will stand in the ticket's `outcomes[commandId]`.
 * `decided`: the same command was decided before, or the ticket's state already answers it.
 */
export type CommandAnswer =
  | { kind: 'appended'; commandId: string }
  | { kind: 'decided'; commandId: string; outcome: Outcome; ticket: Ticket }
  | Refusal;

export interface SaleItemView {
  sku: string;
  name: string;
  description: string | null;
  imageUrl: string | null;
  priceMinor: number;
  /** Units a newcomer could have now. */
  available: number;
  /** Without what the house withdrew. */
  stock: number;
}

/** A sale as the gate shows it. `now` is the gate's time of the read, epoch milliseconds. */
export interface SaleView {
  id: string;
  name: string;
  status: SaleStatus;
  opensAt: number | null;
  closesAt: number | null;
  holdSeconds: number;
  perBuyerLimit: number | null;
  currency: string;
  waitlist: boolean;
  items: SaleItemView[];
  /** Null for a sale that asks newcomers for nothing first. */
  challenge: SaleChallenge | null;
  /** Null for a sale that never had a lobby. */
  draw: Draw | null;
  /** The journal's end as last settled: the published head, against which an export can be held. */
  journal: { count: number; head: string };
  soldOut: boolean;
  now: number;
}

/** What the edge holds. Every verb answers within its deadline; a gate that is closed, gone or rebuilding is `gate_unavailable`. */
export interface EdgeGate {
  /** Admission of one request; many of one sale travel in one script. */
  reserve(request: ReserveRequest): Promise<ReserveAnswer>;
  /** A place in the lobby of a sale that is not open yet; the same ticket again for who has one. */
  join(request: ReserveRequest): Promise<ReserveAnswer>;
  command(request: CommandRequest): Promise<CommandAnswer>;
  /** With the receipt of a ticket that no log has: `ticket_lost`, where a gate that was rebuilt can tell. */
  readTicket(ticketId: string, receipt?: string): Promise<{ kind: 'ticket'; ticket: Ticket } | Refusal>;
  /** What a buyer has of one sale, the newest first, at most 200; only where the gate was told to keep it. */
  ticketsOf(saleId: string, buyerId: string): Promise<{ kind: 'tickets'; tickets: Ticket[] } | Refusal>;
  readSale(saleId: string): Promise<{ kind: 'sale'; sale: SaleView } | Refusal>;
  /** All sales that are not drafts. */
  listSales(): Promise<{ kind: 'sales'; sales: SaleView[] } | Refusal>;
  /** Calls back whenever the ticket may have changed; read it then. A lost message is possible: read again every second as well. */
  watchTicket(ticketId: string, changed: () => void): () => void;
  /** Calls back whenever counts or status of the sale may have changed. */
  watchSale(saleId: string, changed: () => void): () => void;
  /** Rings once for what was admitted or appended; given by the app, so that the gate need not know the queue. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** A commit job: a bell. Doubled, lost or late, it changes nothing. */
export interface Bell {
  saleId: string;
  shard: string;
  epoch: number;
  fromSeq: number;
  toSeq: number;
}

// ---- the gate, as the commit run uses it -------------------------------------------------------------------------

/** Where the ledger stands for one sale; what is read again and compared by every transaction. */
export interface Cursor {
  epoch: number;
  revision: number;
  committedSeq: number;
  tip: string;
  /** Last position of the journal, and its chain's hash there. */
  position: number;
  head: string;
  /** Time of the last run by the gate's clock, epoch milliseconds; no later run and no rebuilt gate goes behind it. */
  ranAt: number;
}

export type IntakeRead =
  | {
      kind: 'batch';
      entries: IntakeEntry[];
      /** What follows the batch and cannot be read; nothing behind it was looked at. */
      unreadable: UnreadableEntry | null;
      /** The batch reaches the intake's end. */
      drained: boolean;
      /** Gate's time, epoch milliseconds; never goes back for a sale. */
      now: number;
      /** How far the gate has applied the journal. */
      journalPosition: number;
      /** The journal's chain where the gate last heard its end; null when it never did. */
      head: { position: number; hash: string } | null;
      /** Undecided entries behind this batch. */
      behind: number;
      /** The counters that were asked for, at the instant of the read. */
      items: GateItem[];
    }
  /** The gate's epoch is newer than the one asked for: it was rebuilt since, or the ledger has lost that. */
  | { kind: 'newer_epoch'; epoch: number }
  /** The whole shard is closed: its boot marker is missing. */
  | { kind: 'not_booted' }
  /** Somebody has begun to rebuild this gate. */
  | { kind: 'rebuilding' }
  /** The gate does not know the sale, lost memory, or does not continue the ledger's chain. */
  | { kind: 'diverged'; epoch: number; why: string };

/** One ticket's state after some events. */
export interface SettledTicket {
  ticketId: string;
  buyerId: string;
  status: ReservationStatus;
  version: number;
  expiresAt: number | null;
  /** What the buyer has used up of the sale's rule. */
  extensions: number;
  extendedSeconds: number;
  reason: RefusalCode | null;
  outcomes: Record<string, Outcome>;
}

/** Events `(fromPosition, toPosition]` of the journal, as the gate needs them. */
export interface Settlement {
  saleId: string;
  cursor: Cursor;
  fromPosition: number;
  toPosition: number;
  tickets: SettledTicket[];
  items: ReadonlyMap<string, Counters>;
  /** Units withdrawn by the house, per sku. */
  withdrawn: ReadonlyMap<string, number>;
  /** Cumulative units given back, for each buyer that these events touch. */
  released: ReadonlyMap<string, number>;
  /** Present when the terms or the status may have changed. */
  sale: Sale | null;
  /** Who waits for units, in order: waitlisted and late payers. */
  waiting: { ticketId: string; buyerId: string; late: boolean; lines: { sku: string; quantity: number }[] }[];
}

export type SettleAnswer =
  | { kind: 'settled'; journalPosition: number; granted: number }
  /** The gate has applied less of the journal than `fromPosition`: start from there. */
  | { kind: 'gap'; journalPosition: number }
  | { kind: 'refused'; why: string };

/** One sale's gate at a glance, for the sweep and the audit. */
export interface GateState {
  saleId: string;
  epoch: number;
  seq: number;
  tip: string;
  cursor: number;
  journalPosition: number;
  now: number;
  termsVersion: number;
  /** The epoch of a rebuild that is under way. */
  rebuilding: number | null;
  /** Grows while a rebuild is under way. */
  staged: number;
  /** How far tickets are back after a rebuild; null when all of them are. */
  restoring: string | null;
  /** Members of the lobby have no place in line yet; newcomers are refused. */
  placing?: boolean;
  /** The counters that were asked for, at the same instant. */
  items: GateItem[];
}

export interface GateCounts extends GateState {
  items: (GateItem & { inIntake: number })[];
  /** Tickets that grants after the cursor gave their units: such an entry does not say how many. */
  granted: string[];
  /** Entries after the cursor that was asked for. */
  depth: number;
  oldestAt: number | null;
}

/**
 * What became of a rebuild. `superseded`: a newer one has begun. `torn`: Redis lost a part of it meanwhile, so nothing was
 * put in place; it stands still, and a sweep begins a newer one.
 */
export type RebuildOutcome = 'rebuilt' | 'superseded' | 'torn';

export interface RebuildSource {
  sale: Sale;
  cursor: Cursor;
  /** Where the ledger stood before: a gate that has heard of more has tickets which the ledger lost. */
  before: Cursor;
  items: ReadonlyMap<string, Counters>;
  withdrawn: ReadonlyMap<string, number>;
  /** How many wait for units. */
  waiting: number;
  /** What every buyer's limit and keys follow from, in pages; complete before the gate gives its first unit. */
  claims: AsyncIterable<ClaimedRow[]>;
  released: AsyncIterable<Map<string, number>>;
  /** Who joined the lobby, in pages. */
  members: AsyncIterable<{ ticketId: string; buyerId: string }[]>;
  /** How many of them have had their place in line decided. */
  placed: number;
  /** Of these entries, which does the ledger not have? And the reservations that these name, as the ledger has them. */
  unknownOf(entries: IntakeEntry[]): Promise<{ entries: IntakeEntry[]; reservations: Reservation[] }>;
  /** Of these entries, those whose buyer has another ticket in the ledger by the same key: by their ticket, that one. */
  repeatsOf(entries: readonly IntakeEntry[]): Promise<Map<string, string>>;
  /** The first tickets to be back; null for a sale that never had one. */
  restored: AsyncIterable<RestorePage>;
}

/** One reservation as the hash of buyers needs it. */
export interface ClaimedRow {
  buyerId: string;
  /** What counts against the limit; 0 in most end states. */
  units: number;
  /** Empty without one. */
  idempotencyKey: string;
  /** The ticket and the fingerprint of its body, with a space between. */
  kept: string;
}

/** Reservations on their way back to a rebuilt gate: those who wait, then open holds, then all others, the newest first. */
export interface RestorePage {
  /** Where it begins and ends; only the ledger reads these. `to` is null when nothing follows. */
  from: string;
  to: string | null;
  /** The journal's position that these rows are at least as new as. */
  asOf: number;
  reservations: Reservation[];
}

/**
 * `restored`: the gate has it, or had it before. `moved`: the gate is elsewhere, or whole. `busy`: another worker is at it.
 * `again`: a ticket of the page was settled since it was read.
 */
export type RestoreAnswer = 'restored' | 'moved' | 'busy' | 'again';

/** A piece of the drawn order, at most 200 tickets; `first` is the number of the first of them. */
export interface PlaceRequest {
  epoch: number;
  members: number;
  first: number;
  ticketIds: string[];
}

/** `placed`: so many have their place in line by now. `gap`: only so many, and this piece comes later. */
export type PlaceAnswer = { kind: 'placed' | 'gap'; placed: number } | { kind: 'refused'; why: string };

/** A confirmed reservation is taken back, or the money of one that is due was given back. */
export type MerchantCommand = 'return' | 'refunded';

/** Who is to be forgotten by the gate, once it has applied the journal up to `position`. */
export interface Forgetting {
  buyerId: string;
  pseudonym: string;
  ticketIds: string[];
  epoch: number;
  position: number;
}

export interface WorkerGate {
  /** With the counters of these items, of the same instant. */
  readIntake(saleId: string, cursor: Cursor, limit: number, skus?: readonly string[]): Promise<IntakeRead>;
  settle(settlement: Settlement): Promise<SettleAnswer>;
  /** SHA-256 of the text of an entry of the intake, without the part that names a person; null when it is gone. */
  entryDigest(saleId: string, seq: number): Promise<string | null>;
  /** Null for a sale that the gate does not have; with the counters of the items that are named. */
  peek(
    saleIds: string[],
    skusOf?: ReadonlyMap<string, readonly string[]>,
  ): Promise<Map<string, GateState | null>>;
  counts(saleId: string, afterSeq: number): Promise<GateCounts | null>;
  rebuild(source: RebuildSource): Promise<RebuildOutcome>;
  /** Brings tickets back; with an empty page it only says who is at it from now on, for some seconds. */
  restore(saleId: string, epoch: number, page: RestorePage, worker: string): Promise<RestoreAnswer>;
  /** The sales of a shard for which there is a gate. */
  saleIds(shard: string): Promise<string[]>;
  /** Closes the gate of a sale that the ledger does not know, until it does; nothing of it is lost. */
  shut(saleId: string): Promise<void>;
  /** Where Redis promises less than a ticket does, one sentence each. */
  weakDurability(): Promise<string[]>;
  isBooted(shard: string): Promise<boolean>;
  markBooted(shard: string): Promise<void>;
  /** A reservation of the house: units leave the sale through the gate like a buyer's. */
  withdraw(saleId: string, ticketId: string, sku: string, quantity: number): Promise<ReserveAnswer>;
  /** Gives drawn members of the lobby their place in line; a repeat changes nothing. */
  place(saleId: string, piece: PlaceRequest): Promise<PlaceAnswer>;
  /**
   * What only the merchant may ask of a reservation. `appended`: it has its place in the intake, now or from an earlier
   * call of the same `commandId`; its outcome will stand in the ledger.
   */
  command(
    ticketId: string,
    kind: MerchantCommand | 'cancel',
    commandId: string,
  ): Promise<{ kind: 'appended' } | Refusal>;
  /** Leaves nothing of a buyer at the gate of a sale; false while the gate is not where it has to be for that. */
  forget(saleId: string, forgetting: Forgetting): Promise<boolean>;
  /** Cumulative refusals per minute and reason, counted by the edges; a sale without any is absent. */
  readRefusals(saleIds: readonly string[]): Promise<Map<string, RefusalCount[]>>;
  /** Forgets counts that are in the ledger and will not change any more. */
  dropRefusals(saleId: string, counts: readonly RefusalCount[]): Promise<void>;
  /** Counts a transaction of a commit run; kept in memory and added to the gate once a second. */
  countRun(saleId: string, run: { entries: number; durationMs: number }): void;
  /** What a chart needs of each sale, in one trip; `afterSeq` is the ledger's cursor. A sale without a gate is absent. */
  pulse(sales: readonly { saleId: string; afterSeq: number }[]): Promise<Map<string, GatePulse>>;
  close(): Promise<void>;
}

/** Commit runs of a sale since the gate began to count, by all processes together; all only grow. */
export interface RunCounts {
  transactions: number;
  entries: number;
  /** From deciding a batch to its commit, summed up. */
  milliseconds: number;
}

/** One sale's gate as a chart needs it. */
export interface GatePulse {
  epoch: number;
  seq: number;
  /** Reservations that were given a place in line in this epoch. */
  lined: number;
  /** Units that a newcomer could have now, over all items. */
  available: number;
  rebuilding: boolean;
  /** When the first entry after the ledger's cursor came, and the time of the look; epoch milliseconds of the gate. */
  oldestAt: number | null;
  now: number;
  refusals: RefusalCount[];
  runs: RunCounts;
}

export interface RefusalCount {
  /** Start of the minute, epoch milliseconds. */
  minute: number;
  reason: RefusalCode;
  count: number;
}

// ---- the ledger ---------------------------------------------------------------------------------------------------

/** How far a run has come: the last entry it decided, and its time. */
export interface Reached {
  seq: number;
  tip: string;
  ranAt: number;
}

export interface LedgerSale {
  sale: Sale;
  cursor: Cursor;
  items: Map<string, Counters>;
  /** Units withdrawn by the house, per sku. */
  withdrawn: Map<string, number>;
  /** Waitlisted tickets and late payers. */
  waiting: number;
  /** The last number of the draw that is decided; 0 before the draw. */
  placed: number;
}

/**
 * `busy`: another run holds the sale and will read again after its commit. `stale`: something changed since the read.
 * `duplicate`: a ticket of the batch is in the ledger already; decide again with `known`.
 */
export type CommitAnswer =
  /** `released` is cumulative, for the buyers of this run. */
  | { kind: 'committed'; cursor: Cursor; released: Map<string, number> }
  | { kind: 'busy' | 'stale' | 'duplicate' };

export interface Lobby {
  seed: string;
  beacon: string | null;
  ticketIds: string[];
}

export interface RunLedger {
  readSale(saleId: string): Promise<LedgerSale | null>;
  readReservations(saleId: string, ticketIds: string[]): Promise<Reservation[]>;
  dueHolds(saleId: string, before: number, limit: number): Promise<Reservation[]>;
  /** Reservations of buyers in one of these states, the first in line first. */
  reservationsIn(
    saleId: string,
    statuses: readonly ReservationStatus[],
    limit: number,
  ): Promise<Reservation[]>;
  /** Holds that are open at `now` and have not had this command, those that lapse first at the head. */
  openHolds(saleId: string, now: number, commandId: string, limit: number): Promise<Reservation[]>;
  /** The next deadline of an open hold, epoch milliseconds. */
  nextDeadline(saleId: string): Promise<number | null>;
  usedUnits(saleId: string, buyerIds: string[]): Promise<Map<string, number>>;
  knownTickets(ticketIds: string[]): Promise<Set<string>>;
  commitRun(saleId: string, read: Cursor, result: RunResult, reached: Reached): Promise<CommitAnswer>;
  /** Whether a call threw for what it was given, and would throw again, whichever store is well. */
  isUnfit(error: unknown): boolean;
  /** What the gate needs to apply the journal after `fromPosition`, at most `limit` tickets. */
  settlement(saleId: string, fromPosition: number, limit: number): Promise<Settlement | null>;
  /** The next reservations that a gate rebuilt under `epoch` gets back. */
  restorePage(saleId: string, epoch: number, from: string): Promise<RestorePage>;
  /** Compare-and-set of the epoch as observed; null when another did it or the ledger moved on. */
  fenceRebuild(
    saleId: string,
    observed: Cursor,
    gateEpoch: number,
    why?: string,
  ): Promise<RebuildSource | null>;
  /** Where the counters of a sale are not the sum of its rows, all at one instant. */
  recount(saleId: string): Promise<Mending[]>;
  /** Makes the counters the sum of the rows again, if they differ by exactly that, with the events that say so. */
  mendCounters(
    saleId: string,
    read: Cursor,
    mendings: readonly Mending[],
    at: number,
  ): Promise<'mended' | 'busy' | 'stale'>;
  /** Sales that a gate must have. */
  liveSales(): Promise<
    {
      saleId: string;
      shard: string;
      cursor: Cursor;
      nextDeadline: number | null;
      termsVersion: number;
      /** From when on (gate's time) the draw of a lobby waits for a run; null when there is none to come. */
      drawAt: number | null;
      /** When the sale opens or closes by itself, gate's time; null when nothing of the kind is to come. */
      moveAt: number | null;
      /** The sale is over, and may have reservations to end. */
      hasToEnd: boolean;
      /** As they were when the cursor stood there. */
      items: Map<string, Counters>;
    }[]
  >;
  /** Seed and beacon of a draw to come, and the members of the lobby in the order of joining, as of `position`. */
  readLobby(saleId: string, position: number): Promise<Lobby | null>;
  /** Position of the event that revealed the seed; null before. */
  drawnAt(saleId: string): Promise<number | null>;
  /** Writes what the sale has become by itself, and the event that says so, if nothing has changed since `read`. */
  move(read: Cursor, sale: Sale, event: NewEvent): Promise<'changed' | 'busy' | 'stale' | 'repeated'>;
  recordRefusals(saleId: string, refusals: RefusalCount[]): Promise<void>;
  journal(saleId: string, afterPosition: number, limit: number): Promise<JournalEvent[]>;
}

// ---- challenges ---------------------------------------------------------------------------------------------------

/**
 * `solved`: `id` names the challenge, the same whoever brings the solution, so that it counts once; it is refused by
 * itself after `validSeconds`. `away`: it cannot be judged now, and nobody gets in.
 */
export type Judgement = { kind: 'solved'; id: string; validSeconds: number } | { kind: 'unsolved' | 'away' };

/** Who sets challenges and judges solutions. It keeps nothing: that a solution counts once is the gate's to see to. */
export interface Challenger {
  /** A challenge of this sale as its buyers get it, with its `kind`; null while there is none to be had. */
  issue(saleId: string, asked: SaleChallenge): Promise<Record<string, unknown> | null>;
  /** Never throws; answers within 3 s. `solution` is the sender's text and may be anything. */
  judge(saleId: string, asked: SaleChallenge, solution: string): Promise<Judgement>;
}

// ---- payments -----------------------------------------------------------------------------------------------------

export interface PaymentOrder {
  ticketId: string;
  saleId: string;
  totalMinor: number;
  currency: string;
}

/** A payment as its buyer sees it. */
export interface Payment {
  /** With this the buyer's page pays; whoever has it can pay, and nothing else. */
  clientSecret: string;
  /** `open`: the buyer has to act. `processing`: the provider has to. */
  status: 'open' | 'processing' | 'succeeded' | 'cancelled';
  /** Where the buyer can pay; null when the shop's page shows the provider's form itself. */
  payUrl: string | null;
}

/**
 * Who takes the money. A ticket has one payment: beginning it again, at any edge, finds the same one, so that nobody can
 * pay twice for a hold.
 */
export interface PaymentProvider {
  name: string;
  /** The request header that carries the signature, lower case. */
  signatureHeader: string;
  /** `notice` when the payment had ended before and the news of it may have been lost. `payment_unavailable` within 10 s. */
  begin(
    order: PaymentOrder,
  ): Promise<{ kind: 'payment'; payment: Payment; notice: PaymentNotice | null } | Refusal>;
  /** `unsigned`: no signature, a wrong one, or one that is too old. `other`: signed, and about something else. */
  readNotice(
    body: Buffer,
    signature: string | undefined,
  ): { kind: 'notice'; notice: PaymentNotice } | { kind: 'other' | 'unsigned' };
}
