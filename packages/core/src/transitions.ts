import type { CommandKind } from './entry.ts';
import type { RefusalCode } from './refusal.ts';
import type { ReservationStatus } from './reservation.ts';

/** What a command does to a reservation in a given state, before deadlines and limits are looked at. */
export type Transition = { to: ReservationStatus } | { refuse: RefusalCode };

const to = (status: ReservationStatus): Transition => ({ to: status });
const no = (code: RefusalCode): Transition => ({ refuse: code });

/**
 * The complete table: a new state, or a new command, does not compile until every pair has its answer.
 * Where `unpaidRefusals` has a state, confirm leads on from it only with a payment; `decide` looks at that.
 */
export const transitions: Record<ReservationStatus, Record<CommandKind, Transition>> = {
  lobby: {
    confirm: no('not_open'),
    cancel: to('cancelled'),
    extend: no('not_open'),
    expire: no('not_open'),
    grant: no('not_open'),
    deny: no('not_open'),
    end: no('not_open'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  queued: {
    confirm: no('not_open'),
    cancel: to('cancelled'),
    extend: no('not_open'),
    expire: no('invalid_transition'),
    grant: no('invalid_transition'),
    deny: no('invalid_transition'),
    end: no('invalid_transition'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  waitlisted: {
    confirm: no('sold_out'),
    cancel: to('cancelled'),
    extend: no('sold_out'),
    expire: no('invalid_transition'),
    grant: to('held'),
    deny: to('rejected'),
    end: to('rejected'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  held: {
    confirm: to('confirmed'),
    cancel: to('cancelled'),
    extend: to('held'),
    expire: to('expired'),
    grant: no('invalid_transition'),
    deny: no('invalid_transition'),
    end: to('cancelled'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  paid_late: {
    confirm: no('hold_expired'),
    cancel: no('hold_expired'),
    extend: no('hold_expired'),
    expire: no('hold_expired'),
    grant: to('confirmed'),
    deny: to('refund_due'),
    end: to('refund_due'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  confirmed: {
    confirm: no('already_confirmed'),
    cancel: no('already_confirmed'),
    extend: no('already_confirmed'),
    expire: no('already_confirmed'),
    grant: no('already_confirmed'),
    deny: no('already_confirmed'),
    end: to('refund_due'),
    return: to('returned'),
    refunded: no('invalid_transition'),
  },
  cancelled: {
    confirm: to('refund_due'),
    cancel: no('already_cancelled'),
    extend: no('already_cancelled'),
    expire: no('already_cancelled'),
    grant: no('already_cancelled'),
    deny: no('already_cancelled'),
    end: no('already_cancelled'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  expired: {
    confirm: to('paid_late'),
    cancel: no('hold_expired'),
    extend: no('hold_expired'),
    expire: no('hold_expired'),
    grant: no('hold_expired'),
    deny: no('hold_expired'),
    end: no('hold_expired'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  rejected: {
    confirm: no('sold_out'),
    cancel: no('already_cancelled'),
    extend: no('sold_out'),
    expire: no('already_cancelled'),
    grant: no('already_cancelled'),
    deny: no('already_cancelled'),
    end: no('already_cancelled'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  returned: {
    confirm: no('already_cancelled'),
    cancel: no('already_cancelled'),
    extend: no('already_cancelled'),
    expire: no('already_cancelled'),
    grant: no('already_cancelled'),
    deny: no('already_cancelled'),
    end: no('already_cancelled'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
  refund_due: {
    confirm: no('hold_expired'),
    cancel: no('hold_expired'),
    extend: no('hold_expired'),
    expire: no('hold_expired'),
    grant: no('hold_expired'),
    deny: no('hold_expired'),
    end: no('hold_expired'),
    return: no('invalid_transition'),
    refunded: to('refunded'),
  },
  refunded: {
    confirm: no('hold_expired'),
    cancel: no('hold_expired'),
    extend: no('hold_expired'),
    expire: no('hold_expired'),
    grant: no('hold_expired'),
    deny: no('hold_expired'),
    end: no('hold_expired'),
    return: no('invalid_transition'),
    refunded: no('invalid_transition'),
  },
};

/**
 * What a confirm without a payment is told in the states that a payment still leads on from. Money that comes after the
 * hold is over must end in the units or in a refund: who gave the hold up does not want it back, who was late may.
 */
export const unpaidRefusals: Partial<Record<ReservationStatus, RefusalCode>> = {
  expired: 'hold_expired',
  cancelled: 'already_cancelled',
};
