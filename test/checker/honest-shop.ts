/**
 * A tiny shop that does everything right, in virtual time, and keeps the evidence of it: one gate, one ledger, no crash.
 * It is what the checker is tried on, so it is written after STATES.md and not after the checker.
 */
import { hash } from 'node:crypto';
import type { Evidence, GateAtRest, Operation, Row, SaleFacts, Wish } from './evidence.ts';

export interface ShopTerms {
  stock: Record<string, number>;
  holdSeconds: number;
  perBuyerLimit: number | null;
  waitlist: boolean;
}

/** Evidence that a test may damage. */
export interface ShopEvidence extends Evidence {
  sales: SaleFacts[];
  history: Operation[];
  journals: Record<string, string[]>;
  rows: Record<string, Row[]>;
  gates: Record<string, GateAtRest>;
}

export interface HonestShop {
  /** The ticket, or null when it was refused. `isLost`: the answer does not arrive. */
  reserve(buyerId: string, lines: Wish, key?: string | null, isLost?: boolean): string | null;
  tell(
    op: 'confirm' | 'cancel' | 'extend',
    ticketId: string,
    paymentRef?: string | null,
    isLost?: boolean,
  ): void;
  read(ticketId: string): void;
  frame(ticketId: string, stream: string): void;
  lookAtSale(): void;
  restock(sku: string, units: number): void;
  withdraw(sku: string, units: number): void;
  /** The ledger decides all that the gate has, and the gate hears of it. */
  commit(): void;
  pass(ms: number): void;
  /** Time passes, and no worker looks: not so honest. */
  standStill(ms: number): void;
  tickets(): string[];
  now(): number;
  /** Lets everything come to rest, and closes the sale if told so. */
  evidence(isClosed?: boolean): ShopEvidence;
}

interface Reservation {
  id: string;
  buyerId: string;
  lines: Wish;
  seq: number;
  tip: string;
  reservedAt: number;
  status: string;
  version: number;
  expiresAt: number | null;
  confirmedAt: number | null;
  paymentRef: string | null;
  reason: string | null;
  /** Told at the gate, and not yet decided. */
  isQueued: boolean;
  outcomes: Map<string, string>;
}

interface Entry {
  kind: string;
  ticketId: string;
  commandId: string | null;
  paymentRef: string | null;
  had: boolean;
  at: number;
  seq: number;
}

export const saleId = 'tees';
const begin = Date.UTC(2026, 10, 26, 9, 0, 0);

export function createHonestShop(terms: ShopTerms): HonestShop {
  const { holdSeconds, perBuyerLimit, waitlist } = terms;
  const history: Operation[] = [];
  const journal: string[] = [];
  const reservations = new Map<string, Reservation>();
  const stock = new Map(Object.entries(terms.stock));
  const ceiling = new Map(stock);
  const admitted = new Map([...stock.keys()].map((sku) => [sku, 0]));
  const withdrawn = new Map<string, number>();
  const claimed = new Map<string, number>();
  const released = new Map<string, number>();
  const keys = new Map<string, string>();
  const answersByKey = new Map<string, string>();
  let intake: Entry[] = [];
  let seq = 0;
  let time = begin;
  let head = '0'.repeat(64);
  let calls = 0;

  const items = [...stock].map(([sku, units]) => ({ sku, priceMinor: 100, stock: units }));
  write('sale_created', null, null, {
    terms: { holdSeconds, perBuyerLimit, waitlist, status: 'open', items },
  });
  write('gate_rebuilt', null, null, { epoch: 1, seq: 0 });

  return {
    reserve,
    tell,
    read: (ticketId) => note({ op: 'read', ticketId }, 200, shown(ticketId)),
    frame(ticketId, stream) {
      time += 1;
      const body = shown(ticketId);
      history.push({
        ...nothing,
        op: 'frame',
        ticketId,
        stream,
        sentAt: time,
        answeredAt: time,
        status: 200,
        body,
      });
    },
    lookAtSale() {
      const list = [...stock].map(([sku, units]) => ({ sku, available: free(sku), stock: units }));
      note({ op: 'sale' }, 200, { items: list });
    },
    restock(sku, units) {
      note({ op: 'merchant', call: 'restock' }, 200, {});
      write('restocked', null, null, { sku, delta: units });
      add(stock, sku, units);
      add(ceiling, sku, units);
      grant();
    },
    withdraw(sku, units) {
      const isThere = free(sku) >= units;
      note({ op: 'merchant', call: 'withdraw' }, isThere ? 200 : 409, {});
      if (!isThere) return;
      admit('withdraw', '', [[sku, units]], true);
      commit();
    },
    commit,
    pass,
    standStill: (ms) => void (time += ms),
    tickets: () => [...reservations.values()].filter(({ buyerId }) => buyerId !== '').map(({ id }) => id),
    now: () => time,
    evidence,
  };

  function reserve(buyerId: string, lines: Wish, key: string | null = null, isLost = false): string | null {
    const asked = { op: 'reserve', buyerId, lines, key } as const;
    const known = key === null ? undefined : keys.get(`${buyerId}\n${key}`);
    if (known !== undefined) {
      note(asked, 200, shown(known), isLost);
      return known;
    }
    const units = lines.reduce((sum, [, quantity]) => sum + quantity, 0);
    const used = (claimed.get(buyerId) ?? 0) - (released.get(buyerId) ?? 0);
    if (perBuyerLimit !== null && used + units > perBuyerLimit) return refuse(asked, 'limit_reached', isLost);
    const fits = lines.every(([sku, quantity]) => free(sku) >= quantity);
    const canFit = lines.every(
      ([sku, quantity]) => (stock.get(sku) ?? 0) - (withdrawn.get(sku) ?? 0) >= quantity,
    );
    const joins = waitlist && canFit;
    if (!fits && !joins) return refuse(asked, 'sold_out', isLost);
    const takes = fits && (!joins || !someoneWaits());
    time += 1;
    const sentAt = time;
    time += 1;
    const { id } = admit('reserve', buyerId, lines, takes);
    add(claimed, buyerId, units);
    if (key !== null) keys.set(`${buyerId}\n${key}`, id);
    answer(asked, sentAt, 202, shown(id), isLost);
    return id;
  }

  function refuse(asked: Partial<Operation>, code: string, isLost: boolean): null {
    note(asked, 409, { code }, isLost);
    return null;
  }

  function someoneWaits(): boolean {
    return (
      [...reservations.values()].some(({ status }) => status === 'waitlisted') ||
      intake.some(({ kind, had }) => kind === 'reserve' && !had)
    );
  }

  function admit(kind: string, buyerId: string, lines: Wish, had: boolean): Reservation {
    seq += 1;
    const id = `0-${saleId}-${String(seq).padStart(22, 'T')}`;
    if (had) for (const [sku, quantity] of lines) add(admitted, sku, quantity);
    const reservation: Reservation = {
      id,
      buyerId,
      lines,
      seq,
      tip: hash('sha1', id),
      reservedAt: Math.floor(time),
      status: 'queued',
      version: 1,
      expiresAt: null,
      confirmedAt: null,
      paymentRef: null,
      reason: null,
      isQueued: true,
      outcomes: new Map(),
    };
    reservations.set(id, reservation);
    intake.push({ kind, ticketId: id, commandId: null, paymentRef: null, had, at: time, seq });
    return reservation;
  }

  function tell(
    op: 'confirm' | 'cancel' | 'extend',
    ticketId: string,
    paymentRef: string | null = null,
    isLost = false,
  ): void {
    const asked = { op, ticketId, paymentRef, ...(op === 'extend' && { seconds: null }) } as const;
    const reservation = reservations.get(ticketId);
    if (reservation === undefined) throw new Error(`no ticket ${ticketId}`);
    time += 1;
    const sentAt = time;
    const commandId = `${op}.${hash('sha256', `${ticketId} ${String(paymentRef)}`, 'base64url').slice(0, 22)}`;
    if (!answersByKey.has(`${ticketId} ${commandId}`)) {
      answersByKey.set(`${ticketId} ${commandId}`, '');
      seq += 1;
      intake.push({ kind: op, ticketId, commandId, paymentRef, had: false, at: time, seq });
    }
    commit();
    const outcome = reservation.outcomes.get(commandId) ?? 'ok';
    if (outcome === 'ok') answer(asked, sentAt, 200, shown(ticketId), isLost);
    else answer(asked, sentAt, 409, { code: outcome }, isLost);
  }

  function commit(): void {
    time += 1;
    do {
      const entries = intake;
      intake = [];
      for (const entry of entries) decide(entry);
      for (const reservation of reservations.values())
        if (reservation.status === 'held' && (reservation.expiresAt ?? 0) < time)
          move(reservation, 'expired', null, {});
      grant();
    } while (intake.length > 0);
  }

  /** A worker looks once a second. */
  function pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1_000) {
      time += Math.min(left, 1_000);
      commit();
    }
  }

  function decide({ kind, ticketId, commandId, paymentRef, had, at, seq: place }: Entry): void {
    const reservation = reservations.get(ticketId) as Reservation;
    const { status } = reservation;
    if (kind === 'reserve' || kind === 'withdraw') {
      const state = kind === 'withdraw' ? 'confirmed' : had ? 'held' : 'waitlisted';
      const data = {
        lines: reservation.lines.map(([sku, n]) => [sku, n, 100]),
        seq: place,
        epoch: 1,
        tip: reservation.tip,
      };
      reservation.isQueued = false;
      if (kind === 'withdraw') for (const [sku, n] of reservation.lines) add(withdrawn, sku, n);
      move(reservation, state, null, data, kind === 'withdraw' ? 'withdrawn' : state);
      return;
    }
    if (kind === 'grant') {
      if (status === 'waitlisted') move(reservation, 'held', commandId, {});
      else if (status === 'paid_late') move(reservation, 'confirmed', commandId, {});
      else {
        write('handed_back', ticketId, null, { lines: reservation.lines.map(([sku, n]) => [sku, n, 100]) });
        for (const [sku, n] of reservation.lines) add(ceiling, sku, n);
      }
      return;
    }
    if (kind === 'deny') {
      move(reservation, 'refund_due', commandId, {});
      return;
    }
    if (status === 'held' && at > (reservation.expiresAt ?? 0)) move(reservation, 'expired', null, {});
    command(reservation, kind, commandId as string, paymentRef);
  }

  function command(
    reservation: Reservation,
    kind: string,
    commandId: string,
    paymentRef: string | null,
  ): void {
    const { status } = reservation;
    const paid = paymentRef === null ? {} : { payment: hash('sha256', paymentRef) };
    const refused = (reason: string) => {
      reservation.outcomes.set(commandId, reason);
      write('refused', reservation.id, commandId, { reason, ...paid });
    };
    if (kind === 'confirm') {
      if (status === 'held' || ((status === 'expired' || status === 'cancelled') && paymentRef !== null)) {
        reservation.paymentRef = paymentRef;
        const to = { held: 'confirmed', expired: 'paid_late', cancelled: 'refund_due' }[status as 'held'];
        move(reservation, to, commandId, paid);
      } else refused(confirmRefusals[status] ?? 'hold_expired');
    } else if (kind === 'cancel') {
      if (status === 'held' || status === 'waitlisted') move(reservation, 'cancelled', commandId, {});
      else refused(cancelRefusals[status] ?? 'hold_expired');
    } else if (status === 'held') {
      const seconds = 1;
      write('extended', reservation.id, commandId, {
        seconds,
        expiresAt: (reservation.expiresAt ?? 0) + seconds * 1000,
      });
      reservation.expiresAt = (reservation.expiresAt ?? 0) + seconds * 1000;
      reservation.version += 1;
      reservation.outcomes.set(commandId, 'ok');
    } else refused(confirmRefusals[status] ?? 'hold_expired');
  }

  function move(
    reservation: Reservation,
    to: string,
    commandId: string | null,
    data: object,
    type = to,
  ): void {
    const from = reservation.status;
    const wasOut = from === 'held' || from === 'confirmed';
    const isOut = to === 'held' || to === 'confirmed';
    const units = reservation.lines.reduce((sum, [, quantity]) => sum + quantity, 0);
    if (wasOut && !isOut) for (const [sku, quantity] of reservation.lines) add(ceiling, sku, quantity);
    if ((wasOut || from === 'waitlisted') && !isOut) add(released, reservation.buyerId, units);
    // The gate claims a late payer's units anew when it grants them.
    if (from === 'paid_late' && isOut) add(claimed, reservation.buyerId, units);
    reservation.status = to;
    reservation.version += 1;
    reservation.expiresAt = to === 'held' ? Math.floor(time) + holdSeconds * 1000 : null;
    if (to === 'confirmed') reservation.confirmedAt = Math.floor(time);
    if (commandId !== null) reservation.outcomes.set(commandId, 'ok');
    const deadline = reservation.expiresAt === null ? {} : { expiresAt: reservation.expiresAt };
    write(type, reservation.id, commandId, { ...data, ...deadline });
  }

  /** What came back goes to those who wait, in order, and to late payers. */
  function grant(): void {
    for (const reservation of reservations.values()) {
      const { id, status, lines } = reservation;
      if (status !== 'waitlisted' && status !== 'paid_late') continue;
      if (intake.some(({ kind, ticketId }) => ticketId === id && (kind === 'grant' || kind === 'deny')))
        continue;
      const units = lines.reduce((sum, [, quantity]) => sum + quantity, 0);
      const used = (claimed.get(reservation.buyerId) ?? 0) - (released.get(reservation.buyerId) ?? 0);
      const isAllowed = status === 'waitlisted' || perBuyerLimit === null || used + units <= perBuyerLimit;
      const fits = isAllowed && lines.every(([sku, quantity]) => free(sku) >= quantity);
      if (!fits && status === 'waitlisted') continue;
      if (fits) for (const [sku, quantity] of lines) add(admitted, sku, quantity);
      seq += 1;
      intake.push({
        kind: fits ? 'grant' : 'deny',
        ticketId: id,
        commandId: `g1.${seq}`,
        paymentRef: null,
        had: fits,
        at: time,
        seq,
      });
    }
  }

  function free(sku: string): number {
    return (ceiling.get(sku) ?? 0) - (admitted.get(sku) ?? 0);
  }

  function note(asked: Partial<Operation>, status: number, body: object, isLost = false): void {
    time += 1;
    answer(asked, time, status, body, isLost);
  }

  function answer(
    asked: Partial<Operation>,
    sentAt: number,
    status: number,
    body: object,
    isLost = false,
  ): void {
    time += 1;
    calls += 1;
    const told = isLost ? { answeredAt: null, status: null, body: null } : { answeredAt: time, status, body };
    history.push({
      ...nothing,
      ...(asked.op === 'merchant' && { key: `call-${calls}` }),
      ...asked,
      sentAt,
      ...told,
    } as Operation);
  }

  function shown(ticketId: string): object {
    const {
      id,
      buyerId,
      lines,
      version,
      seq: place,
      tip,
      expiresAt,
      reason,
      status,
    } = reservations.get(ticketId) as Reservation;
    return {
      id,
      saleId,
      status: status === 'paid_late' ? 'expired' : status,
      version,
      seq: place,
      buyerId,
      lines: lines.map(([sku, quantity]) => ({ sku, quantity, unitPriceMinor: 100 })),
      expiresAt: isoOrNull(expiresAt),
      reason,
      receipt: `1.${place}.${tip}`,
    };
  }

  function write(type: string, ticketId: string | null, commandId: string | null, data: object): void {
    const line = journalLine(
      { position: journal.length + 1, type, ticketId, commandId, at: Math.floor(time), data },
      head,
    );
    head = (JSON.parse(line) as { hash: string }).hash;
    journal.push(line);
  }

  function evidence(isClosed = false): ShopEvidence {
    commit();
    if (isClosed) write('sale_moved', null, null, { status: 'closed' });
    const rows = [...reservations.values()].map(
      ({
        id,
        status,
        version,
        seq: place,
        buyerId,
        lines,
        reservedAt,
        expiresAt,
        confirmedAt,
        paymentRef,
        reason,
        tip,
      }): Row => ({
        id,
        status,
        version,
        epoch: 1,
        seq: place,
        buyerId,
        house: buyerId === '',
        lines: lines.map(([sku, quantity]) => ({ sku, quantity })),
        reservedAt: new Date(reservedAt).toISOString(),
        expiresAt: isoOrNull(expiresAt),
        confirmedAt: isoOrNull(confirmedAt),
        paymentRef,
        reason,
        receipt: `1.${place}.${tip}`,
      }),
    );
    const gate: GateAtRest = {
      epoch: 1,
      seq,
      cursor: seq,
      journal: journal.length,
      items: Object.fromEntries(
        [...stock].map(([sku, units]) => [
          sku,
          {
            ceiling: ceiling.get(sku) ?? 0,
            admitted: admitted.get(sku) ?? 0,
            stock: units - (withdrawn.get(sku) ?? 0),
          },
        ]),
      ),
      intake: [],
      tickets: Object.fromEntries(
        [...reservations.values()].map(({ id, version, status, expiresAt, seq: place }) => [
          id,
          `${version}\n\n${status}\n${expiresAt ?? ''}\n\n${place}\n1\n`,
        ]),
      ),
      buyers: Object.fromEntries([
        ...[...claimed].map(([buyerId, units]) => [`c:${buyerId}`, String(units)]),
        ...[...released]
          .filter(([buyerId]) => buyerId !== '')
          .map(([buyerId, units]) => [`r:${buyerId}`, String(units)]),
        ...[...keys].map(([name, ticketId]) => [`k:${name}`, `${ticketId} fingerprint`]),
      ]),
    };
    const sale: SaleFacts = {
      saleId,
      holdSeconds,
      perBuyerLimit,
      waitlist,
      lobby: false,
      items: Object.entries(terms.stock).map(([sku, units]) => ({ sku, stock: units })),
      demandWasEnough: false,
      closedAtRest: isClosed,
    };
    return {
      sales: [sale],
      history,
      journals: { [saleId]: [...journal, endLine(journal.length, head)] },
      rows: { [saleId]: rows },
      gates: { [saleId]: gate },
      faults: [],
    };
  }
}

export interface JournalFact {
  position: number;
  type: string;
  ticketId: string | null;
  commandId: string | null;
  at: number;
  data: object;
}

export function journalLine(
  { position, type, ticketId, commandId, at, data }: JournalFact,
  before: string,
): string {
  const text = JSON.stringify(data);
  const mine = hash(
    'sha256',
    JSON.stringify([before, saleId, position, type, ticketId, commandId, at, text]),
  );
  const begins = JSON.stringify({
    saleId,
    position,
    type,
    ticketId,
    commandId,
    at: new Date(at).toISOString(),
  });
  return `${begins.slice(0, -1)},"data":${text},"hash":"${mine}"}`;
}

export function endLine(count: number, head: string): string {
  return JSON.stringify({ saleId, count, head });
}

const nothing = { saleId, ticketId: null, buyerId: null, key: null, lines: null, paymentRef: null };

const confirmRefusals: Record<string, string> = {
  waitlisted: 'sold_out',
  confirmed: 'already_confirmed',
  cancelled: 'already_cancelled',
};
const cancelRefusals: Record<string, string> = {
  confirmed: 'already_confirmed',
  cancelled: 'already_cancelled',
};

function isoOrNull(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

function add(counts: Map<string, number>, key: string, step: number): void {
  counts.set(key, (counts.get(key) ?? 0) + step);
}
