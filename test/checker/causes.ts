/** Which request each ticket came from: nothing without one (I3), as it was asked for (I3), and one per key (I4). */
import { codeIn, type Context, isTaken, isUnknown, ticketIn, wishOf } from './answer.ts';
import type { GateAtRest, Operation } from './evidence.ts';
import { add, type Ticket, unitsOf, wishText } from './ticket.ts';

/** The gate's time is in whole milliseconds. */
const sameInstantMs = 5;
/** What a broken connection still held is carried out by then. */
const lateCallMs = 30_000;

export interface Causes {
  follow(operation: Operation): void;
  end(gate: GateAtRest | null): void;
}

/** All requests of a buyer with one key, or one buyer's for the lobby: one reservation at most. */
interface Group {
  buyerId: string;
  key: string | null;
  wish: string;
  otherWishes: boolean;
  ticketId: string | null;
  firstSent: number;
  /** What it may have caused without its client having heard of it. */
  may: 'nothing' | 'rejection' | 'anything';
  mismatchTold: boolean;
}

export function createCauses({ sale, ledger, faults, findings }: Context): Causes {
  const groups = new Map<string, Group>();
  const unheard = { anything: new Map<string, number>(), rejection: new Map<string, number>() };
  /** When refusals were told, per buyer and wish. */
  const refusedAt = new Map<string, number[]>();
  const unknownUnits = new Map<string, number>();
  /** Of those who were told that they have reached their limit: the least that they asked for. */
  const limited = new Map<string, number>();
  const withRows = new Set<string>();
  for (const { row } of ledger.tickets.values()) if (row !== null) withRows.add(row.buyerId);
  let requests = 0;

  return { follow, end };

  function follow(operation: Operation): void {
    requests += 1;
    const { op, buyerId, key, lines } = operation;
    const buyer = buyerId ?? '';
    const asked = wishOf(sale, lines);
    if (isUnknown(operation)) add(unknownUnits, buyer, unitsOf(asked));
    if (codeIn(operation) === 'limit_reached' && operation.status === 409)
      limited.set(buyer, Math.min(limited.get(buyer) ?? Number.POSITIVE_INFINITY, unitsOf(asked)));
    const taken = isTaken(operation) ? ticketIn(operation) : null;
    // Whoever has nothing in the ledger, and was promised nothing, has caused nothing.
    if (taken === null && !withRows.has(buyer)) return;

    const may = mayCause(operation);
    const name = op === 'join' ? `lobby ${buyer}` : key === null ? null : `key ${buyer}\n${key}`;
    const wish = wishText(asked);
    if (may === 'rejection') {
      const times = refusedAt.get(`${buyer}\n${wish}`) ?? [];
      times.push(operation.answeredAt ?? operation.sentAt);
      refusedAt.set(`${buyer}\n${wish}`, times);
    }
    if (name === null) {
      if (taken === null && may !== 'nothing') add(unheard[may], `${buyer}\n${wish}`, 1);
    } else inGroup(name, operation, wish, may, taken?.id ?? null);
    if (taken === null) return;

    findings.looked('I3');
    if (wishText(taken.lines) !== wish)
      findings.broken('I3', `ticket ${taken.id} is for ${wishText(taken.lines)}, and ${wish} was asked for.`);
    if (buyerId !== null && taken.buyerId !== buyerId && !ledger.erased)
      findings.broken('I3', `ticket ${taken.id} is of buyer ${taken.buyerId}, and ${buyerId} asked for it.`);
    const ticket = ledger.tickets.get(taken.id);
    if (ticket === undefined) return;
    causedBy(ticket, name ?? `request ${requests}`, operation);
    asAsked(ticket, operation, wish);
    if (ticket.row !== null && taken.receipt !== ticket.row.receipt) ticket.cameBack = true;
    // What was lost before it was acknowledged, or committed, may have come back elsewhere.
    const settledAt = Math.max(operation.answeredAt ?? operation.sentAt, ticket.moments[0]?.at ?? 0);
    if (!ticket.joined && !faults.lost(operation.sentAt, settledAt)) sameReceipt(ticket, taken.receipt);
  }

  /** While two gates answer, an edge that asks the second one again tells its refusal, and the first one's ticket counts. */
  function mayCause(operation: Operation): Group['may'] {
    const { status, sentAt, answeredAt } = operation;
    if (isUnknown(operation)) return 'anything';
    if (status === 409) return faults.lost(sentAt, answeredAt ?? sentAt) ? 'anything' : 'rejection';
    return 'nothing';
  }

  function inGroup(
    name: string,
    operation: Operation,
    wish: string,
    may: Group['may'],
    ticketId: string | null,
  ): void {
    let group = groups.get(name);
    if (group === undefined) {
      group = {
        buyerId: operation.buyerId ?? '',
        key: operation.op === 'join' ? null : operation.key,
        wish,
        otherWishes: false,
        ticketId: null,
        firstSent: Number.POSITIVE_INFINITY,
        may: 'nothing',
        mismatchTold: false,
      };
      groups.set(name, group);
    }
    if (group.wish !== wish) group.otherWishes = true;
    if (codeIn(operation) === 'idempotency_mismatch') group.mismatchTold = true;
    group.firstSent = Math.min(group.firstSent, operation.sentAt);
    if (may === 'anything' || group.may === 'nothing') group.may = may;
    if (ticketId === null || isRefusedRepeat(ticketId)) return;
    findings.looked('I4');
    if (group.ticketId === null) group.ticketId = ticketId;
    else if (group.ticketId !== ticketId) {
      const bothThere = ledger.tickets.has(group.ticketId) && ledger.tickets.has(ticketId);
      if (bothThere || !faults.lost())
        findings.broken(
          'I4',
          `buyer ${group.buyerId} asked twice with the key ${group.key ?? 'of the lobby'}, and has ${group.ticketId} and ${ticketId}.`,
        );
      if (ledger.tickets.has(ticketId)) group.ticketId = ticketId;
    }
  }

  /** A gate that forgot a key gave another ticket by it; the ledger rejects that, and its buyer is told. */
  function isRefusedRepeat(ticketId: string): boolean {
    const ticket = ledger.tickets.get(ticketId);
    return ticket?.state === 'rejected' && ticket.row?.reason === 'already_exists' && faults.lost();
  }

  function causedBy(ticket: Ticket, cause: string, { sentAt, answeredAt }: Operation): void {
    findings.looked('I4');
    if (ticket.cause !== null && ticket.cause !== cause)
      findings.broken(
        'I4',
        `ticket ${ticket.id} was given to two requests: ${plain(ticket.cause)} and ${plain(cause)}.`,
      );
    ticket.cause = cause;
    ticket.firstSent = Math.min(ticket.firstSent, sentAt);
    ticket.firstAcknowledged = Math.min(ticket.firstAcknowledged, answeredAt ?? Number.POSITIVE_INFINITY);
  }

  function asAsked({ id, row, lines, state }: Ticket, { buyerId }: Operation, wish: string): void {
    if (state !== 'new' && wishText(lines) !== wish)
      findings.broken(
        'I3',
        `ticket ${id} is for ${wishText(lines)} in the journal, and ${wish} was asked for.`,
      );
    if (row !== null && buyerId !== null && row.buyerId !== buyerId && !ledger.erased)
      findings.broken(
        'I3',
        `ticket ${id} is of buyer ${row.buyerId} in the ledger, and ${buyerId} asked for it.`,
      );
  }

  /** The place that was promised is the place in the ledger, as long as it is of the same epoch and its gate lost nothing. */
  function sameReceipt({ id, row }: Ticket, receipt: string): void {
    if (row === null) return;
    findings.looked('I8');
    if (receipt.split('.')[0] === String(row.epoch) && receipt !== row.receipt)
      findings.broken('I8', `ticket ${id} was given the place ${receipt}, and has ${row.receipt}.`);
  }

  function end(gate: GateAtRest | null): void {
    for (const group of groups.values()) endOfGroup(group, gate);
    phantoms();
    if (ledger.smallestLimit !== Number.POSITIVE_INFINITY) limits();
  }

  function endOfGroup(group: Group, gate: GateAtRest | null): void {
    const { buyerId, key, wish, ticketId } = group;
    if (ticketId === null) {
      if (group.may !== 'nothing') add(unheard[group.may], `${buyerId}\n${wish}`, 1);
      return;
    }
    if (group.mismatchTold && !group.otherWishes)
      findings.broken(
        'I4',
        `buyer ${buyerId} was told that the key ${key} was used for something else, and it was not.`,
      );
    const ticket = ledger.tickets.get(ticketId);
    if (ticket === undefined) return;
    ticket.firstSent = Math.min(ticket.firstSent, group.firstSent);
    if (gate === null || key === null || ledger.erased) return;
    findings.looked('I4');
    const kept = gate.buyers[`k:${buyerId}\n${key}`];
    if (kept?.split(' ')[0] !== ticketId)
      findings.broken(
        'I4',
        `buyer ${buyerId} has ${ticketId} by the key ${key}, and the gate knows ${kept ?? 'nothing'} by it.`,
      );
  }

  /** A row that no answer promised needs a request whose client does not know what became of it. */
  function phantoms(): void {
    const orphans: Ticket[] = [];
    for (const ticket of ledger.tickets.values()) {
      const { row, cause } = ticket;
      if (row === null || row.house) continue;
      findings.looked('I3');
      // What was taken out of the line may have lost the name of its buyer.
      if (cause === null && !ledger.erased && row.reason !== 'quarantined') orphans.push(ticket);
    }
    // What only a rejection can explain last, so that it leaves the others their explanation.
    orphans.sort((left, right) => Number(left.state === 'rejected') - Number(right.state === 'rejected'));
    for (const { id, row, lines, state } of orphans) {
      const wish = `${row?.buyerId}\n${wishText(lines)}`;
      const isExplained =
        (state === 'rejected' && take(unheard.rejection, wish)) ||
        take(unheard.anything, wish) ||
        cameAfterRefusal(wish, row === null ? 0 : Date.parse(row.reservedAt));
      if (!isExplained)
        findings.broken(
          'I3',
          `ticket ${id} is ${state} for buyer ${row?.buyerId} (${wishText(lines)}), and no request can have asked for it.`,
        );
    }
  }

  /**
   * A call that was sent twice, since a connection broke, may be carried out in the other order: the second is refused and
   * told, and the first comes late, to units that were given back meanwhile. Nobody knows of that ticket, so it lapses.
   */
  function cameAfterRefusal(wish: string, reservedAt: number): boolean {
    const times = refusedAt.get(wish) ?? [];
    const index = times.findIndex(
      (told) => reservedAt >= told - sameInstantMs && reservedAt <= told + lateCallMs,
    );
    if (index < 0) return false;
    times.splice(index, 1);
    return true;
  }

  /** Counted as high as it could ever have stood: everything in the ledger, and everything whose outcome is unknown. */
  function limits(): void {
    const most = new Map(unknownUnits);
    for (const { row, lines } of ledger.tickets.values())
      if (row !== null) add(most, row.buyerId, unitsOf(lines));
    for (const [buyerId, asked] of limited) {
      findings.looked('I4');
      const units = most.get(buyerId) ?? 0;
      if (units + asked <= ledger.smallestLimit && !ledger.erased && !faults.lost())
        findings.broken(
          'I4',
          `buyer ${buyerId} asked for ${asked} and was told of the limit ${ledger.smallestLimit}, with never more than ${units} units before.`,
        );
    }
  }
}

function take(counts: Map<string, number>, name: string): boolean {
  const left = counts.get(name) ?? 0;
  if (left === 0) return false;
  counts.set(name, left - 1);
  return true;
}

function plain(cause: string): string {
  return cause.replace('\n', ' ');
}
