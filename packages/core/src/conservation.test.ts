import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRun, prolongHolds, type RunInput, type RunResult } from './decide-run.ts';
import {
  type CommandEntry,
  type IntakeEntry,
  isReserve,
  type PlaceEntry,
  type ReserveEntry,
} from './entry.ts';
import { evolve } from './evolve.ts';
import {
  countsForBuyer,
  holdsUnits,
  house,
  isFinal,
  type Reservation,
  unitsOf,
  waits,
} from './reservation.ts';
import { ceilingOf, type Counters, endedBy, newcomerRefusals, type SaleStatus } from './sale.ts';

/** What a crowd may do; the numbers choose whom, what and when. */
interface Step {
  act:
    | 'join'
    | 'draw'
    | 'reserve'
    | 'resend'
    | 'withdraw'
    | 'confirm'
    | 'cancel'
    | 'extend'
    | 'return'
    | 'refunded'
    | 'prolong'
    | 'end'
    | 'settle'
    | 'wait'
    | 'run'
    | 'forget';
  who: number;
  what: number;
  many: number;
}

const sale = {
  stock: new Map([
    ['tee', 3],
    ['cap', 2],
  ]),
  holdMs: 10_000,
};
const skus = [...sale.stock.keys()];

const steps = (...acts: Step['act'][]) =>
  fc.array(
    fc.record({
      act: fc.constantFrom(...acts),
      who: fc.nat(2),
      what: fc.nat(11),
      many: fc.integer({ min: 1, max: 2 }),
    }),
    {
      minLength: 5,
      maxLength: 60,
      size: 'max',
    },
  );

const honest = steps(
  'join',
  'join',
  'draw',
  'reserve',
  'reserve',
  'reserve',
  'reserve',
  'resend',
  'withdraw',
  'confirm',
  'confirm',
  'cancel',
  'extend',
  'return',
  'refunded',
  'prolong',
  'end',
  'settle',
  'settle',
  'wait',
  'run',
  'run',
);
const forgetful = steps(
  'reserve',
  'reserve',
  'reserve',
  'resend',
  'withdraw',
  'confirm',
  'cancel',
  'wait',
  'run',
  'forget',
);
const rules = fc.record({
  perBuyerLimit: fc.constantFrom(null, 2, 3),
  waitlist: fc.boolean(),
  lobby: fc.boolean(),
});

interface Committed {
  input: RunInput;
  entries: IntakeEntry[];
  now: number;
  result: RunResult;
}

/**
 * One sale with a gate of its own, both as small as they can be: the gate counts what it admits, the ledger keeps what
 * `decideRun` answers. The gate looks at units only, so that the ledger's own limits are put to the test.
 */
function openSale({ lobby, ...terms }: { perBuyerLimit: number | null; waitlist: boolean; lobby: boolean }) {
  const items = new Map<string, Counters>(
    [...sale.stock].map(([sku, stock]) => [sku, { stock, taken: 0, returned: 0 }]),
  );
  const rows = new Map<string, Reservation>();
  const admitted = new Map<string, number>(skus.map((sku) => [sku, 0]));
  const ceiling = new Map<string, number>(sale.stock);
  const claimed = new Map<string, number>();
  const released = new Map<string, number>();
  const withdrawn = new Map<string, number>();
  const sent: ReserveEntry[] = [];
  let intake: IntakeEntry[] = [];
  let seq = 0;
  let now = 1_000;
  let status: SaleStatus = lobby ? 'lobby' : 'open';
  /** Who is in the lobby, as the gate has it; placed once, in the order of this list. */
  let members: ReserveEntry[] = [];

  const fits = (lines: Reservation['lines']) =>
    lines.every(({ sku, quantity }) => (admitted.get(sku) ?? 0) + quantity <= (ceiling.get(sku) ?? 0));
  const take = (lines: Reservation['lines']) => {
    for (const { sku, quantity } of lines) add(admitted, sku, quantity);
  };
  const claim = (buyerId: string, lines: Reservation['lines']) => {
    if (buyerId !== house) add(claimed, buyerId, unitsOf(lines));
  };

  function reserve(
    kind: ReserveEntry['kind'],
    buyerId: string,
    lines: Reservation['lines'],
    ticketId: string,
  ): void {
    const gets = kind !== 'join' && fits(lines);
    if (gets) take(lines);
    if (kind !== 'join') claim(buyerId, lines);
    seq++;
    const entry: ReserveEntry = {
      ...{ kind, seq, id: ticketId, ticketId, admitted: gets, at: now, tip: `tip${seq}`, buyerId, lines },
      ...{ idempotencyKey: null, fingerprint: null },
    };
    intake.push(entry);
    sent.push(entry);
    if (kind === 'join') members.push(entry);
  }

  /** The gate places every member of the lobby, also one who has given up, whom it does not know any more. */
  function draw(): void {
    status = 'open';
    for (const [index, { ticketId, buyerId, lines }] of members.entries()) {
      const isThere = rows.get(ticketId)?.status === 'lobby';
      const gets = isThere && fits(lines);
      if (gets) take(lines);
      if (isThere) claim(buyerId, lines);
      seq++;
      const kept: Pick<PlaceEntry, 'buyerId' | 'lines'> = isThere
        ? { buyerId, lines }
        : { buyerId: house, lines: [] };
      intake.push({
        ...{
          kind: 'place',
          seq,
          id: `draw.${index + 1}`,
          ticketId,
          admitted: gets,
          at: now,
          tip: `tip${seq}`,
        },
        ...{ number: index + 1, ...kept },
      });
    }
    members = [];
  }

  function command(kind: CommandEntry['kind'], ticketId: string, change: Partial<CommandEntry> = {}): void {
    seq++;
    const base = { seq, id: `${kind}.${ticketId}`, ticketId, admitted: false, at: now, tip: `tip${seq}` };
    intake.push({ ...base, kind, paymentRef: null, seconds: null, reason: null, ...change });
  }

  /** What the gate does with a settled journal: who waits gets units or is told no; sometimes twice. */
  function settle(what: number): void {
    for (const row of rows.values()) {
      if (!waits(row.status)) continue;
      const late = row.status === 'paid_late';
      const limit = terms.perBuyerLimit ?? Number.POSITIVE_INFINITY;
      const standing = (claimed.get(row.buyerId) ?? 0) - (released.get(row.buyerId) ?? 0);
      const gets = fits(row.lines) && (!late || standing + unitsOf(row.lines) <= limit);
      if (!gets && !late && what > 1) continue;
      if (gets) take(row.lines);
      if (gets && late) claim(row.buyerId, row.lines);
      const reason = late ? 'late' : null;
      command(gets ? 'grant' : 'deny', row.ticketId, { id: `gate.${seq}`, admitted: gets, reason });
    }
  }

  function inputFor(entries: readonly IntakeEntry[]): RunInput {
    const used = new Map<string, number>();
    for (const row of rows.values())
      if (countsForBuyer(row.status)) add(used, row.buyerId, unitsOf(row.lines));
    return {
      saleId: 's',
      epoch: 1,
      rules: { holdSeconds: sale.holdMs / 1000, extension: { times: 2, totalSeconds: 8 }, ...terms, status },
      items: new Map([...items].map(([sku, counters]) => [sku, { ...counters }])),
      reservations: new Map(rows),
      used,
      known: new Set(
        entries
          .filter(isReserve)
          .map((entry) => entry.ticketId)
          .filter((ticketId) => rows.has(ticketId)),
      ),
    };
  }

  function run(limit: number): Committed {
    const entries = intake.slice(0, limit);
    intake = intake.slice(limit);
    const input = inputFor(entries);
    const isDrained = intake.length === 0;
    const held = [...rows.values()].filter((row) => row.status === 'held').map((row) => row.ticketId);
    const over = isDrained ? [...rows.values()].filter((row) => endedBy[status]?.includes(row.status)) : [];
    const ending = over.map((row) => row.ticketId);
    return commit(input, entries, decideRun(input, entries, isDrained ? held : [], now, ending));
  }

  function commit(input: RunInput, entries: IntakeEntry[], result: RunResult): Committed {
    for (const row of [...result.inserted, ...result.updated]) rows.set(row.ticketId, row);
    for (const [sku, counters] of items) {
      counters.taken += result.taken.get(sku) ?? 0;
      counters.returned += result.returned.get(sku) ?? 0;
      ceiling.set(sku, ceilingOf(counters));
    }
    for (const [buyerId, units] of result.released) add(released, buyerId, units);
    for (const [sku, units] of result.withdrawn) add(withdrawn, sku, units);
    return { input, entries, now, result };
  }

  return {
    items,
    rows,
    withdrawn,
    act({ act, who, what, many }: Step): Committed | null {
      const ticket = sent[what % Math.max(1, sent.length)];
      const buyerId = `buyer${who}`;
      const lines = skus
        .slice(0, 1 + (what % 2))
        .map((sku) => ({ sku, quantity: many, unitPriceMinor: 100 }));
      if (act === 'join') {
        if (status === 'lobby') reserve('join', buyerId, lines, `t${seq}`);
      } else if (act === 'draw') {
        // The draw is read from a ledger that has everyone who joined.
        if (status !== 'lobby') return null;
        const joined = run(Number.POSITIVE_INFINITY);
        draw();
        return joined;
      } else if (act === 'end') {
        const joined = status === 'lobby' ? run(Number.POSITIVE_INFINITY) : null;
        if (status === 'lobby') draw();
        status = what % 2 === 0 ? 'closed' : 'cancelled';
        return joined;
      } else if (act === 'prolong') {
        const input = inputFor([]);
        return commit(input, [], prolongHolds(input, `prolong.${seq}`, many, now));
      } else if (act === 'reserve') {
        if (newcomerRefusals[status] === null) reserve('reserve', buyerId, lines, `t${seq}`);
      } else if (act === 'withdraw') reserve('withdraw', house, lines.slice(0, 1), `h${seq}`);
      else if (act === 'wait') now += 1 + what * 1_500;
      else if (act === 'settle') settle(what);
      else if (act === 'run') return run(what === 0 ? 1 : 100);
      else if (act === 'forget')
        for (const sku of skus) admitted.set(sku, Math.max(0, (admitted.get(sku) ?? 0) - many));
      else if (ticket === undefined) return null;
      else if (act === 'resend') reserve(ticket.kind, ticket.buyerId, ticket.lines, ticket.ticketId);
      else command(act, ticket.ticketId, { paymentRef: who === 0 ? null : 'pay', seconds: what - 2 });
      return null;
    },
    drain: () => run(Number.POSITIVE_INFINITY),
    admitted: (sku: string) => admitted.get(sku) ?? 0,
    claims: (buyerId: string) => (claimed.get(buyerId) ?? 0) - (released.get(buyerId) ?? 0),
    unitsHeld: (sku: string) => {
      let units = 0;
      for (const row of rows.values())
        if (holdsUnits(row.status)) units += unitsOf(row.lines.filter((line) => line.sku === sku));
      return units;
    },
    unitsInIntake: (sku: string) => {
      let units = 0;
      for (const entry of intake) {
        if (!entry.admitted) continue;
        const lines = isReserve(entry) ? entry.lines : (rows.get(entry.ticketId)?.lines ?? []);
        units += unitsOf(lines.filter((line) => line.sku === sku));
      }
      return units;
    },
    unitsOfBuyer: (buyerId: string) => {
      let units = 0;
      for (const row of rows.values())
        if (row.buyerId === buyerId && countsForBuyer(row.status)) units += unitsOf(row.lines);
      return units;
    },
  };
}

function add(counts: Map<string, number>, name: string, units: number): void {
  counts.set(name, (counts.get(name) ?? 0) + units);
}

/** Plays a crowd against a sale, looks after every run, and then once more when the intake is at its end. */
function rush(
  crowd: fc.Arbitrary<Step[]>,
  look: (opened: ReturnType<typeof openSale>, committed: Committed, atRest: boolean) => void,
): void {
  fc.assert(
    fc.property(rules, crowd, (terms, acts) => {
      const opened = openSale(terms);
      for (const step of acts) {
        const committed = opened.act(step);
        if (committed !== null) look(opened, committed, false);
      }
      look(opened, opened.drain(), true);
    }),
    { numRuns: 400 },
  );
}

describe('whatever a crowd does', () => {
  it('held and confirmed units are what was taken less what was returned, and never more than the stock', () => {
    rush(honest, ({ items, unitsHeld }) => {
      for (const [sku, counters] of items) {
        expect(unitsHeld(sku), sku).toBe(counters.taken - counters.returned);
        expect(unitsHeld(sku)).toBeLessThanOrEqual(counters.stock);
      }
    });
  });

  it('no unit is lost between the gate and the ledger: what the gate gave is in the intake or was taken', () => {
    rush(honest, ({ items, admitted, unitsInIntake }, { result }) => {
      expect(result.overdrawn).toBe(false);
      for (const [sku, counters] of items)
        expect(admitted(sku) - unitsInIntake(sku), sku).toBe(counters.taken);
    });
  });

  it('has been seen: every event that a reservation may meet comes of it', () => {
    const seen = new Set<string>();
    rush(honest, (_, { result }) => {
      for (const { type } of result.events) seen.add(type);
    });
    expect([...seen].sort()).toEqual(
      [
        ...['joined', 'held', 'waitlisted', 'rejected', 'withdrawn', 'confirmed', 'cancelled', 'expired'],
        ...['extended', 'prolonged', 'paid_late', 'refund_due', 'refunded', 'returned'],
        ...['refused', 'handed_back'],
      ].sort(),
    );
  });

  it('counters only grow', () => {
    rush(honest, (_, { result }) => {
      for (const counts of [result.taken, result.returned, result.withdrawn, result.released])
        for (const [name, units] of counts) expect(units, name).toBeGreaterThan(0);
    });
  });

  it('no buyer gets more than the limit, and the gate hears of everything that a buyer gave back', () => {
    rush(honest, ({ claims, unitsOfBuyer }, { input }, atRest) => {
      for (const buyerId of ['buyer0', 'buyer1', 'buyer2']) {
        const limit = input.rules.perBuyerLimit ?? Number.POSITIVE_INFINITY;
        expect(unitsOfBuyer(buyerId)).toBeLessThanOrEqual(limit);
        if (atRest) expect(claims(buyerId), buyerId).toBe(unitsOfBuyer(buyerId));
      }
    });
  });

  it('the number of those who wait changes by exactly those who came and went', () => {
    rush(honest, ({ rows }, { input, result }) => {
      const count = (of: Iterable<Reservation>) => [...of].filter((row) => waits(row.status)).length;
      expect(result.waiting).toBe(count(rows.values()) - count(input.reservations.values()));
    });
  });

  it('the house keeps what it withdrew', () => {
    rush(honest, ({ rows, withdrawn }) => {
      for (const sku of skus) {
        let units = 0;
        for (const row of rows.values())
          if (row.buyerId === house && row.status !== 'rejected')
            units += unitsOf(row.lines.filter((line) => line.sku === sku));
        expect(withdrawn.get(sku) ?? 0).toBe(units);
      }
    });
  });

  it('the journal alone tells every row: its events, replayed in order, give the same reservations', () => {
    rush(honest, (_, { input, entries, result }) => {
      const replayed = new Map(input.reservations);
      for (const event of result.events) {
        const ticketId = event.ticketId as string;
        const before = replayed.get(ticketId) ?? queued(entries, event.data.seq);
        replayed.set(ticketId, evolve(before, event));
      }
      for (const row of [...result.inserted, ...result.updated])
        expect(row).toEqual(replayed.get(row.ticketId));
      const written = new Set([...result.inserted, ...result.updated].map((row) => row.ticketId));
      for (const [ticketId, row] of replayed)
        if (!written.has(ticketId)) expect(row).toEqual(input.reservations.get(ticketId));
    });
  });

  it('every acknowledged ticket gets exactly one row, with one place in line', () => {
    rush(honest, ({ rows }, { entries, result }) => {
      for (const entry of entries.filter(isReserve)) expect(rows.has(entry.ticketId)).toBe(true);
      const places = result.inserted.map((row) => row.seq);
      expect(places).toEqual([...places].sort((a, b) => a - b));
      expect(new Set(result.inserted.map((row) => row.ticketId)).size).toBe(places.length);
    });
  });

  it('a version grows by the number of events that the buyer can see', () => {
    rush(honest, (_, { input, result }) => {
      for (const row of [...result.inserted, ...result.updated]) {
        const seen = result.events.filter(
          ({ ticketId, type }) => ticketId === row.ticketId && type !== 'refused' && type !== 'handed_back',
        );
        // The gate has shown a member of the lobby as queued, before its place was decided.
        const shown = seen.filter(({ data }) => data.place !== undefined).length;
        const joined = seen.filter(({ type }) => type === 'joined').length;
        const before = input.reservations.get(row.ticketId)?.version ?? 1;
        expect(row.version).toBe(before + seen.length + shown - joined);
      }
    });
  });

  it('a hold lapses only after its deadline, and what is over stays over', () => {
    rush(honest, ({ rows }, { input, now, result }) => {
      for (const row of result.updated) {
        const before = input.reservations.get(row.ticketId) as Reservation;
        if (before.status === 'cancelled')
          expect(['cancelled', 'refund_due', 'refunded']).toContain(row.status);
        else if (isFinal(before.status) && before.status !== 'expired')
          expect(row.status).toBe(before.status);
        const lapsed = result.events.some(
          ({ type, ticketId }) => type === 'expired' && ticketId === row.ticketId,
        );
        if (lapsed && before.expiresAt !== null) expect(before.expiresAt).toBeLessThan(now);
      }
      for (const row of rows.values()) expect(row.expiresAt !== null).toBe(row.status === 'held');
    });
  });

  it('deciding the same batch again, with the same knowledge, gives the same answer and changes no input', () => {
    rush(honest, (_, { input, entries, now }) => {
      const copy = structuredClone({ input, entries });
      const once = decideRun(input, entries, [], now);
      expect({ input, entries }).toEqual(copy);
      expect(decideRun(input, entries, [], now)).toEqual(once);
    });
  });
});

describe('a gate that forgets what it gave', () => {
  it('cannot make the ledger sell a unit twice: the run says that the gate must be rebuilt', () => {
    let overdrawn = 0;
    rush(forgetful, ({ items, unitsHeld }, { result }) => {
      if (result.overdrawn) overdrawn++;
      for (const [sku, counters] of items) {
        expect(unitsHeld(sku), sku).toBe(counters.taken - counters.returned);
        expect(unitsHeld(sku)).toBeLessThanOrEqual(counters.stock);
      }
    });
    expect(overdrawn).toBeGreaterThan(0);
  });
});

/** The reservation as the gate showed it: what the entry says, undecided. */
function queued(entries: readonly IntakeEntry[], seq: number | undefined): Reservation {
  const entry = entries.find((one) => one.seq === seq);
  if (entry === undefined || !isReserve(entry)) throw new Error(`No reservation has the place ${seq}`);
  const { ticketId, buyerId, idempotencyKey, fingerprint, lines, tip } = entry;
  return {
    ...{ ticketId, saleId: 's', seq: entry.seq, epoch: 1, buyerId, idempotencyKey, fingerprint, lines, tip },
    ...{
      status: 'queued',
      version: 1,
      reservedAt: entry.at,
      expiresAt: null,
      confirmedAt: null,
      paymentRef: null,
    },
    ...{ reason: null, heldAt: null, extensions: 0, extendedSeconds: 0, outcomes: {} },
  };
}
