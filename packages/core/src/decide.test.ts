import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Command, commandOf, decide, type Rules } from './decide.ts';
import type { CommandEntry, CommandKind } from './entry.ts';
import { evolve } from './evolve.ts';
import type { NewEvent } from './journal.ts';
import { refusalCodes } from './refusal.ts';
import { isFinal, type Reservation, type ReservationStatus, reservationStatuses } from './reservation.ts';
import { transitions } from './transitions.ts';

const kinds: CommandKind[] = [
  'confirm',
  'cancel',
  'extend',
  'expire',
  'grant',
  'deny',
  'end',
  'return',
  'refunded',
];
const silent: ReadonlySet<CommandKind> = new Set(['expire', 'grant', 'deny', 'end']);
const deadline = 1_000_000;
const rules: Rules = { holdSeconds: 300, extension: { times: 2, totalSeconds: 120 } };

function reservation(change: Partial<Reservation> = {}): Reservation {
  const status = change.status ?? 'held';
  return {
    ticketId: 't',
    saleId: 's',
    seq: 7,
    epoch: 1,
    buyerId: 'b',
    idempotencyKey: null,
    fingerprint: null,
    lines: [{ sku: 'tee', quantity: 2, unitPriceMinor: 4_900 }],
    status,
    version: 2,
    reservedAt: 900_000,
    expiresAt: status === 'held' ? deadline : null,
    confirmedAt: null,
    paymentRef: null,
    reason: null,
    heldAt: null,
    extensions: 0,
    extendedSeconds: 0,
    tip: 'tip',
    outcomes: {},
    ...change,
  };
}

function command(kind: CommandKind, change: Partial<Command> = {}): Command {
  return {
    kind,
    id: kind === 'expire' ? null : `${kind}.1`,
    at: deadline - 10,
    paymentRef: null,
    seconds: null,
    ...change,
  };
}

const after = (before: Reservation, events: readonly NewEvent[]) => events.reduce(evolve, before);
const typesOf = (events: readonly NewEvent[]) => events.map((event) => event.type);

/** Any command meeting any reservation that the ledger could hold; `now` is never before the command. */
const meetings = fc
  .record({
    status: fc.constantFrom(...reservationStatuses),
    kind: fc.constantFrom(...kinds),
    at: fc.integer({ min: deadline - 2, max: deadline + 2 }),
    later: fc.nat(5),
    paymentRef: fc.option(fc.constant('pay_1')),
    seconds: fc.option(fc.integer({ min: -5, max: 200 })),
    extensions: fc.nat(3),
    extendedSeconds: fc.nat(130),
    version: fc.integer({ min: 2, max: 20 }),
    extension: fc.constantFrom(rules.extension, null),
    known: fc.boolean(),
  })
  .map(
    ({
      status,
      kind,
      at,
      later,
      paymentRef,
      seconds,
      extensions,
      extendedSeconds,
      version,
      extension,
      known,
    }) => ({
      command: command(kind, { at, paymentRef, seconds }),
      before: reservation({
        status,
        version,
        extensions,
        extendedSeconds,
        outcomes: known ? { 'other.1': 'sold_out' } : {},
      }),
      rules: { ...rules, extension },
      now: at + later,
    }),
  );

describe('any command in any state', () => {
  it('ends where the transition table says, or stays where it was', () => {
    fc.assert(
      fc.property(meetings, ({ command: asked, before, rules: given, now }) => {
        const { status } = after(before, decide(asked, before, given, now));
        const overdue = before.status === 'held' && asked.kind !== 'expire' && asked.at > deadline;
        const from: ReservationStatus = overdue ? 'expired' : before.status;
        const transition = transitions[from][asked.kind];
        expect([from, 'to' in transition ? transition.to : from]).toContain(status);
        if ('refuse' in transition) expect(status).toBe(from);
      }),
      { numRuns: 2_000 },
    );
  });

  it('has an answer of the closed set, and tells nobody of what the clock and the gate tried in vain', () => {
    fc.assert(
      fc.property(meetings, ({ command: asked, before, rules: given, now }) => {
        const events = decide(asked, before, given, now);
        expect(events.length).toBeLessThanOrEqual(2);
        if (!silent.has(asked.kind)) expect(events.length).toBeGreaterThan(0);
        for (const event of events) {
          expect(event).toMatchObject({ ticketId: 't', at: now });
          if (event.type !== 'refused') continue;
          expect(silent.has(asked.kind)).toBe(false);
          expect(refusalCodes).toContain(event.data.reason);
        }
        if (events.length === 2) expect(events[0]?.type).toBe('expired');
      }),
      { numRuns: 2_000 },
    );
  });

  it('raises the version by one for every event that a buyer can see, and by nothing for a refusal', () => {
    fc.assert(
      fc.property(meetings, ({ command: asked, before, rules: given, now }) => {
        let current = before;
        for (const event of decide(asked, before, given, now)) {
          const next = evolve(current, event);
          expect(next.version - current.version).toBe(event.type === 'refused' ? 0 : 1);
          current = next;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives a repeat of the same command the answer it had, and changes nothing', () => {
    fc.assert(
      fc.property(meetings, ({ command: asked, before, rules: given, now }) => {
        const events = decide(asked, before, given, now);
        const then = after(before, events);
        if (asked.id === null || events.every((event) => event.commandId !== asked.id)) return;
        expect(then.outcomes[asked.id]).toBeDefined();
        expect(decide({ ...asked, at: asked.at + 1_000_000 }, then, given, now + 1_000_000)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves a refused reservation as it was, but for the answer it remembers', () => {
    fc.assert(
      fc.property(meetings, ({ command: asked, before, rules: given, now }) => {
        const events = decide(asked, before, given, now);
        if (events.length !== 1 || events[0]?.type !== 'refused') return;
        const { outcomes, ...rest } = after(before, events);
        const { outcomes: outcomesBefore, ...restBefore } = before;
        expect(rest).toEqual(restBefore);
        expect(outcomes).toEqual({ ...outcomesBefore, [asked.id as string]: events[0].data.reason });
      }),
      { numRuns: 2_000 },
    );
  });

  it('never leaves an end state, unless a hold that is over is paid', () => {
    fc.assert(
      fc.property(meetings, ({ command: asked, before, rules: given, now }) => {
        if (!isFinal(before.status)) return;
        const { status } = after(before, decide(asked, before, given, now));
        const isPaid = asked.kind === 'confirm' && asked.paymentRef !== null;
        const afterPayment = { expired: 'paid_late', cancelled: 'refund_due' }[before.status as string];
        expect(status).toBe(isPaid ? (afterPayment ?? before.status) : before.status);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps a deadline exactly while the reservation is held', () => {
    fc.assert(
      fc.property(meetings, ({ command: asked, before, rules: given, now }) => {
        const then = after(before, decide(asked, before, given, now));
        expect(then.expiresAt !== null).toBe(then.status === 'held');
      }),
      { numRuns: 2_000 },
    );
  });

  it('changes nothing that it was given, and decides the same again', () => {
    fc.assert(
      fc.property(meetings, ({ command: asked, before, rules: given, now }) => {
        const copies = structuredClone({ asked, before, given });
        const first = decide(asked, before, given, now);
        expect({ asked, before, given }).toEqual(copies);
        expect(decide(asked, before, given, now)).toEqual(first);
      }),
      { numRuns: 500 },
    );
  });
});

describe('any commands, one after the other', () => {
  /** Times go on from command to command; some steps are long enough for a hold to lapse. */
  const walks = fc.record({
    from: fc.constantFrom(...reservationStatuses),
    steps: fc.array(
      fc.record({
        kind: fc.constantFrom(...kinds),
        passes: fc.constantFrom(0, 1, 30_000, 400_000),
        paymentRef: fc.option(fc.constant('pay_1')),
        seconds: fc.option(fc.integer({ min: -5, max: 200 })),
        again: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12 },
    ),
  });

  it('lead from state to state as the table says, and meet every command in every state', () => {
    const met = new Set<string>();
    fc.assert(
      fc.property(walks, ({ from, steps }) => {
        let current = reservation({ status: from });
        let now = deadline - 40_000;
        const told = new Map<string, string>();
        for (const [index, { kind, passes, again, ...rest }] of steps.entries()) {
          now += passes;
          const id = silent.has(kind) ? null : `${kind}.${again ? 'same' : index}`;
          const lapsed =
            current.status === 'held' &&
            kind !== 'expire' &&
            current.expiresAt !== null &&
            now > current.expiresAt;
          const state: ReservationStatus = lapsed ? 'expired' : current.status;
          const transition = transitions[state][kind];
          const next = after(current, decide(command(kind, { ...rest, id, at: now }), current, rules, now));
          met.add(`${current.status} x ${kind}`);
          const isRepeat = id !== null && told.has(id);
          if (isRepeat) expect(next).toEqual(current);
          else {
            expect([state, current.status, 'to' in transition ? transition.to : state]).toContain(
              next.status,
            );
            if ('refuse' in transition && id !== null) expect(next.outcomes[id]).toBe(transition.refuse);
          }
          for (const [one, outcome] of told) expect(next.outcomes[one], 'what was told stays').toBe(outcome);
          expect(next.version).toBeGreaterThanOrEqual(current.version);
          expect(next.expiresAt !== null).toBe(next.status === 'held');
          expect(next.extensions).toBeLessThanOrEqual(2);
          expect(next.extendedSeconds).toBeLessThanOrEqual(120);
          if (id !== null && next.outcomes[id] !== undefined) told.set(id, next.outcomes[id]);
          current = next;
        }
      }),
      { numRuns: 4_000 },
    );
    expect([...met].sort()).toEqual(
      reservationStatuses.flatMap((status) => kinds.map((kind) => `${status} x ${kind}`)).sort(),
    );
  });
});

describe('the deadline of a hold', () => {
  it.each([
    ['the instant before it', deadline - 1, ['confirmed']],
    ['at it', deadline, ['confirmed']],
    ['the instant after it', deadline + 1, ['expired', 'refused']],
  ])('a confirm %s: %s', (_, at, types) => {
    expect(typesOf(decide(command('confirm', { at }), reservation(), rules, deadline + 50))).toEqual(types);
  });

  it.each([
    ['the instant before it', deadline - 1, []],
    ['at it', deadline, []],
    ['the instant after it', deadline + 1, ['expired']],
  ])('the clock %s: %s', (_, now, types) => {
    expect(typesOf(decide(command('expire', { at: now }), reservation(), rules, now))).toEqual(types);
  });

  it('judges a confirm by the time at which it reached the gate, however late the ledger is', () => {
    const events = decide(command('confirm', { at: deadline }), reservation(), rules, deadline + 3_600_000);
    expect(after(reservation(), events)).toMatchObject({
      status: 'confirmed',
      outcomes: { 'confirm.1': 'ok' },
    });
  });

  it('tells a buyer who confirms, cancels or extends too late that the hold has expired', () => {
    for (const kind of ['confirm', 'cancel', 'extend'] as const) {
      const then = after(
        reservation(),
        decide(command(kind, { at: deadline + 1 }), reservation(), rules, deadline + 2),
      );
      expect(then).toMatchObject({
        status: 'expired',
        version: 3,
        outcomes: { [`${kind}.1`]: 'hold_expired' },
      });
    }
  });

  it('never lapses for a hold without one', () => {
    const open = reservation({ expiresAt: null });
    expect(decide(command('expire', { at: deadline + 1 }), open, rules, deadline + 1)).toEqual([]);
    expect(typesOf(decide(command('confirm', { at: deadline + 1 }), open, rules, deadline + 1))).toEqual([
      'confirmed',
    ]);
  });

  it('is forgotten once the reservation is no longer held, and an expiry that comes then changes nothing', () => {
    const paid = after(reservation(), decide(command('confirm'), reservation(), rules, deadline - 5));
    expect(paid.expiresAt).toBeNull();
    expect(decide(command('expire', { at: deadline + 1 }), paid, rules, deadline + 1)).toEqual([]);
  });
});

describe('paying', () => {
  it('remembers the payment and the time', () => {
    const events = decide(command('confirm', { paymentRef: 'pay_1' }), reservation(), rules, deadline - 3);
    expect(after(reservation(), events)).toMatchObject({
      status: 'confirmed',
      paymentRef: 'pay_1',
      confirmedAt: deadline - 3,
      version: 3,
    });
  });

  it('works without a payment reference', () => {
    const [event] = decide(command('confirm'), reservation(), rules, deadline - 3);
    expect(event?.data).toEqual({});
  });

  it('is told apart when it comes twice: the second confirm is already_confirmed', () => {
    const paid = after(reservation(), decide(command('confirm'), reservation(), rules, deadline - 5));
    const again = after(paid, decide(command('confirm', { id: 'confirm.2' }), paid, rules, deadline - 4));
    expect(again).toEqual({ ...paid, outcomes: { 'confirm.1': 'ok', 'confirm.2': 'already_confirmed' } });
  });

  it('too late and without a payment is refused; with one it asks the gate for the units', () => {
    const lapsed = reservation({ status: 'expired' });
    const empty = decide(command('confirm'), lapsed, rules, deadline + 9);
    expect(after(lapsed, empty)).toMatchObject({
      status: 'expired',
      outcomes: { 'confirm.1': 'hold_expired' },
    });
    const paid = after(
      lapsed,
      decide(command('confirm', { paymentRef: 'pay_1' }), lapsed, rules, deadline + 9),
    );
    expect(paid).toMatchObject({ status: 'paid_late', paymentRef: 'pay_1', outcomes: { 'confirm.1': 'ok' } });
  });

  it('after the deadline but before the clock noticed is an expiry and a late payment in one', () => {
    const events = decide(
      command('confirm', { at: deadline + 1, paymentRef: 'pay_1' }),
      reservation(),
      rules,
      deadline + 2,
    );
    expect(typesOf(events)).toEqual(['expired', 'paid_late']);
    expect(events[0]).toMatchObject({ commandId: null });
    expect(after(reservation(), events)).toMatchObject({ status: 'paid_late', version: 4, expiresAt: null });
  });

  it('for a hold that was given back is owed to the buyer; without a payment it is already_cancelled', () => {
    const given = reservation({ status: 'cancelled' });
    const paid = after(given, decide(command('confirm', { paymentRef: 'pay_1' }), given, rules, deadline));
    expect(paid).toMatchObject({
      status: 'refund_due',
      paymentRef: 'pay_1',
      version: 3,
      outcomes: { 'confirm.1': 'ok' },
    });
    const unpaid = after(given, decide(command('confirm'), given, rules, deadline));
    expect(unpaid).toEqual({ ...given, outcomes: { 'confirm.1': 'already_cancelled' } });
  });

  it('with a second payment changes nothing, and the journal has the payment that must go back', () => {
    const paid = reservation({ status: 'confirmed', paymentRef: 'pay_1' });
    const [event] = decide(command('confirm', { paymentRef: 'pay_2' }), paid, rules, deadline);
    expect(event).toMatchObject({
      type: 'refused',
      data: { reason: 'already_confirmed', paymentRef: 'pay_2' },
    });
    expect(after(paid, [event as NewEvent]).paymentRef).toBe('pay_1');
  });

  it('ends in the units or in a refund from every state that a hold can reach', () => {
    const reached = ['held', 'paid_late', 'confirmed', 'cancelled', 'expired'] as const;
    for (const status of reached) {
      const before = reservation({ status, paymentRef: status === 'paid_late' ? 'pay_1' : null });
      const events = decide(command('confirm', { paymentRef: 'pay_1' }), before, rules, deadline - 5);
      expect(['confirmed', 'paid_late', 'refund_due']).toContain(after(before, events).status);
    }
  });

  it('late ends confirmed when the gate has the units, and in a refund when it has not', () => {
    const waiting = reservation({ status: 'paid_late', paymentRef: 'pay_1' });
    expect(after(waiting, decide(command('grant'), waiting, rules, deadline + 9))).toMatchObject({
      status: 'confirmed',
      paymentRef: 'pay_1',
      confirmedAt: deadline + 9,
    });
    const denied = after(waiting, decide(command('deny'), waiting, rules, deadline + 9));
    expect(denied).toMatchObject({ status: 'refund_due', paymentRef: 'pay_1' });
    expect(after(denied, decide(command('refunded'), denied, rules, deadline + 10)).status).toBe('refunded');
  });
});

describe('waiting', () => {
  const waiting = reservation({ status: 'waitlisted' });

  it('ends with a hold of full length, counted from the run and not from the grant', () => {
    const held = after(waiting, decide(command('grant', { at: 5 }), waiting, rules, 77_000));
    expect(held).toMatchObject({ status: 'held', expiresAt: 77_000 + 300_000, version: 3 });
  });

  it('ends with closed when the sale ends first', () => {
    const closed = after(waiting, decide(command('deny'), waiting, rules, 77_000));
    expect(closed).toMatchObject({ status: 'rejected', reason: 'closed' });
  });

  it('can be given up, and a grant that comes later gives nothing', () => {
    const gone = after(waiting, decide(command('cancel'), waiting, rules, 77_000));
    expect(gone.status).toBe('cancelled');
    expect(decide(command('grant'), gone, rules, 78_000)).toEqual([]);
    expect(decide(command('deny'), gone, rules, 78_000)).toEqual([]);
  });
});

describe('an extension', () => {
  const extend = (change: Partial<Command>, before = reservation(), given = rules) =>
    after(before, decide(command('extend', change), before, given, deadline - 5));

  it('moves the deadline from where it was, by what was asked', () => {
    expect(extend({ seconds: 30 })).toMatchObject({
      status: 'held',
      expiresAt: deadline + 30_000,
      extensions: 1,
      extendedSeconds: 30,
      version: 3,
    });
  });

  it('gives what is left when more is asked, or when nothing is said', () => {
    expect(extend({ seconds: 121 })).toMatchObject({ extendedSeconds: 120, expiresAt: deadline + 120_000 });
    expect(extend({})).toMatchObject({ extendedSeconds: 120 });
    expect(extend({}, reservation({ extensions: 1, extendedSeconds: 100 }))).toMatchObject({
      extensions: 2,
      extendedSeconds: 120,
      expiresAt: deadline + 20_000,
    });
  });

  it.each([
    ['of nothing', { seconds: 0 }, {}, rules],
    ['of less than nothing', { seconds: -1 }, {}, rules],
    ['once more than the rule allows', { seconds: 1 }, { extensions: 2 }, rules],
    ['when all the time is used up', { seconds: 1 }, { extensions: 1, extendedSeconds: 120 }, rules],
    ['of a sale that allows none', { seconds: 1 }, {}, { ...rules, extension: null }],
    ['of a hold without a deadline', { seconds: 1 }, { expiresAt: null }, rules],
  ])('%s is refused with extension_limit', (_, change, before, given) => {
    const then = extend(change, reservation(before), given);
    expect(then).toMatchObject({ version: 2, outcomes: { 'extend.1': 'extension_limit' } });
  });

  it('never adds up to more than the rule, however often and however much is asked', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: -10, max: 300 })), { maxLength: 8 }), (asked) => {
        let current = reservation();
        for (const [index, seconds] of asked.entries())
          current = extend({ id: `extend.${index}`, seconds }, current);
        expect(current.extensions).toBeLessThanOrEqual(2);
        expect(current.extendedSeconds).toBeLessThanOrEqual(120);
        expect(current.expiresAt).toBe(deadline + current.extendedSeconds * 1000);
      }),
    );
  });
});

describe('a return', () => {
  it('ends a confirmed reservation for good', () => {
    const paid = reservation({ status: 'confirmed', confirmedAt: 5 });
    const back = after(paid, decide(command('return'), paid, rules, deadline));
    expect(back).toMatchObject({ status: 'returned', outcomes: { 'return.1': 'ok' } });
    expect(after(back, decide(command('confirm'), back, rules, deadline)).outcomes['confirm.1']).toBe(
      'already_cancelled',
    );
  });
});

describe('an entry of the intake', () => {
  it('is the command it carries, with the time of the gate', () => {
    const entry: CommandEntry = {
      kind: 'extend',
      seq: 9,
      id: 'extend.1',
      ticketId: 't',
      admitted: false,
      at: 4,
      tip: 'tip',
      paymentRef: 'pay_1',
      seconds: 60,
      reason: null,
    };
    expect(commandOf(entry)).toEqual({
      kind: 'extend',
      id: 'extend.1',
      at: 4,
      paymentRef: 'pay_1',
      seconds: 60,
    });
  });
});
