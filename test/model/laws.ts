import { buyers } from './commands.ts';
import type { Entry, Gate } from './gate.ts';
import { claims, read } from './gate.ts';
import type { JournalEvent, Ledger, Status } from './ledger.ts';
import { active, claimsIn, isAboutATicket, isActive, statusAt } from './ledger.ts';
import type { Units } from './units.ts';
import { fits, minus, none, plus, same, sum, total } from './units.ts';
import type { World } from './world.ts';

export type Violation = { readonly law: string; readonly detail: string };

/** From a world to what is wrong with it; nothing when the law holds. */
type Law = (world: World) => string | undefined;

export function broken(world: World): Violation[] {
  const { witness, database } = world;
  const unchanged = witness.before.ledger === database.ledger;
  const violations = [...witness.seen];
  witness.seen.length = 0;
  if (!unchanged) judge(world, laws.ofTheLedger, violations);
  judge(world, laws.ofTheGate, violations);
  if (witness.rested) judge(world, laws.atRest, violations);
  return violations;
}

export const laws = {
  /** Whenever the ledger has changed. */
  ofTheLedger: {
    'never oversold': ({ database: { ledger } }) =>
      unless(fits(active(ledger), ledger.stock), `${active(ledger)} held and confirmed of ${ledger.stock}`),
    'held and confirmed are taken less returned': ({ database: { ledger } }) =>
      unless(
        same(active(ledger), minus(ledger.taken, ledger.returned)),
        `${active(ledger)}, ${ledger.taken} less ${ledger.returned}`,
      ),
    'nobody has more than the limit': ({ database: { ledger }, shop }) =>
      eachBuyer((buyer) => unless(held(ledger, buyer) <= shop.perBuyerLimit, `buyer ${buyer}`)),
    'the ledger only counts up': ({ database: { ledger }, witness }) =>
      unless(countsUpLedger(witness.before.ledger, ledger), 'a counter of the ledger went down'),
    'one story for each ticket': ({ database: { ledger } }) => firstOf(stories(ledger), tornStory),
    'a command acts once': ({ database: { ledger } }) => actedTwice(ledger),
    'no hold lapses before its deadline': ({ database: { ledger } }) =>
      firstOf(ledger.journal, (event) =>
        unless(event.reason !== 'lapsed' || event.at > event.expiresAt, `${event.ticket} at ${event.at}`),
      ),
    'who pays in time keeps his hold': ({ database: { ledger }, witness }) =>
      firstOf(ledger.journal, (event) =>
        unless(
          !isLatePayment(event) ||
            event.sentAt > deadlineOf(ledger, event) ||
            !witness.soundEntries.has(event.entry ?? ''),
          `${event.ticket} paid at ${event.sentAt}`,
        ),
      ),
    'what was given stays given': ({ database: { ledger }, witness }) =>
      firstOf(ledger.journal, ({ ticket, from, status, reason }) =>
        unless(
          witness.promises.get(ticket)?.given !== 'units' ||
            from !== 'queued' ||
            status === 'held' ||
            reason === 'quarantined' ||
            reason === 'known',
          `${ticket} was given units and then ${status}: ${reason}`,
        ),
      ),
  },

  /** After every step, of a gate that has lost nothing and is in charge. */
  ofTheGate: {
    'the gate gives what it has': ({ gate }) =>
      gate && unless(fits(gate.admitted, gate.ceiling), `${gate.admitted} admitted of ${gate.ceiling}`),
    'admitted is in the ledger or on its way': ({ gate, database: { ledger } }) => {
      if (!inCharge(gate, ledger)) return undefined;
      const way = onTheWay(gate, ledger);
      return unless(
        same(gate.admitted, plus(gate.stray, plus(ledger.taken, way))),
        `${gate.admitted}, ${ledger.taken} and ${way}`,
      );
    },
    'the ceiling is covered by the ledger': ({ gate, database: { ledger } }) =>
      inCharge(gate, ledger)
        ? unless(fits(gate.ceiling, plus(ledger.stock, ledger.returned)), `${gate.ceiling}`)
        : undefined,
    'the gate is as late as the ledger': ({ gate, database: { ledger } }) =>
      inCharge(gate, ledger) ? unless(gate.time >= ledger.time, `${gate.time}, ${ledger.time}`) : undefined,
    'a pause counts once it is settled': ({ gate, database: { ledger } }) =>
      inCharge(gate, ledger)
        ? unless(gate.status === statusAt(ledger, gate.journalCursor), `the gate says ${gate.status}`)
        : undefined,
    'the gate only counts up': ({ gate, witness: { before } }) =>
      gate?.sound && before.gate?.epoch === gate.epoch
        ? unless(countsUpGate(before.gate, gate), 'a counter of the gate went down')
        : undefined,
    'a ticket of the ledger is never unknown': ({ gate, database: { ledger }, witness, keep }) =>
      inCharge(gate, ledger)
        ? firstOf(ledger.reservations.keys(), (ticket) =>
            unless(
              witness.forgotten.has(ticket) || read(gate, ticket, keep) !== 'unknown',
              `${ticket} is in the ledger`,
            ),
          )
        : undefined,
    'nobody reads what is older than what he was told': ({ gate, database: { ledger }, witness, keep }) =>
      inCharge(gate, ledger)
        ? firstOf(witness.told, ([ticket, version]) => {
            if (witness.forgotten.has(ticket)) return undefined;
            const seen = read(gate, ticket, keep);
            return unless(typeof seen !== 'object' || seen.version >= version, `${ticket}, after ${version}`);
          })
        : undefined,
    'no status goes back': ({ gate, witness: { before } }) =>
      gate?.sound && before.gate?.epoch === gate.epoch ? wentBack(before.gate, gate) : undefined,
  },

  /** When every fault is over and nothing moves any more. */
  atRest: {
    'the gate is there, and of one mind with the ledger': ({ gate, database: { ledger } }) =>
      unless(
        gate !== undefined &&
          gate.epoch === ledger.epoch &&
          gate.seq === ledger.cursor &&
          gate.tip === ledger.tip,
        `gate ${gate?.epoch}.${gate?.seq}, ledger ${ledger.epoch}.${ledger.cursor}`,
      ),
    'the gate offers every free unit and no other': ({ gate, database: { ledger } }) => {
      const free = minus(ledger.stock, active(ledger));
      const offered = gate ? minus(gate.ceiling, gate.admitted) : none;
      return unless(same(free, offered), `${free} free, ${offered} offered`);
    },
    'all tickets are back': ({ gate }) =>
      unless(gate !== undefined && gate.restoring === undefined, 'the gate is not whole'),
    'every acknowledged ticket is in the ledger': ({ witness, database: { ledger } }) =>
      firstOf(witness.promises.keys(), (ticket) =>
        unless(ledger.reservations.has(ticket), `${ticket} is lost`),
      ),
    'the gate tells what the ledger says': ({ gate, database: { ledger }, witness }) =>
      firstOf(ledger.reservations, ([ticket, { status }]) =>
        unless(
          gate?.tickets.get(ticket)?.status === status ||
            (witness.forgotten.has(ticket) && !gate?.tickets.has(ticket)),
          `${ticket} is ${status}, the gate says ${gate?.tickets.get(ticket)?.status}`,
        ),
      ),
    'nobody waits for units that are free': ({ database: { ledger } }) => {
      const [next] = [...ledger.reservations.values()].filter(({ status }) => status === 'waitlisted');
      const free = minus(ledger.stock, active(ledger));
      return next && unless(!fits(next.lines, free), `${next.lines} of ${free}`);
    },
    'nobody is left without an answer': ({ database: { ledger } }) =>
      firstOf(ledger.reservations, ([ticket, { status }]) =>
        unless(
          status !== 'queued' &&
            status !== 'paid_late' &&
            !(status === 'waitlisted' && ledger.status === 'closed'),
          `${ticket} is ${status}`,
        ),
      ),
    'no hold is overdue': ({ gate, database: { ledger } }) =>
      firstOf(ledger.reservations, ([ticket, { status, expiresAt }]) =>
        unless(status !== 'held' || expiresAt >= (gate?.time ?? 0), `${ticket} since ${expiresAt}`),
      ),
    'the gate counts for each buyer what he has': ({ gate, database: { ledger } }) =>
      eachBuyer((buyer) => {
        const counted = gate ? claims(gate, buyer) : 0;
        return unless(
          counted === claimsIn(ledger, buyer),
          `buyer ${buyer}: ${counted}, ${claimsIn(ledger, buyer)}`,
        );
      }),
    'the gate and the ledger agree on whether the sale is open': ({ gate, database: { ledger } }) =>
      unless(gate?.status === ledger.status, `${gate?.status}, ${ledger.status}`),
    'who was answered first stands first': (world) => outOfOrder(world),
  },
} as const satisfies Record<string, Record<string, Law>>;

function judge(world: World, all: Readonly<Record<string, Law>>, violations: Violation[]): void {
  for (const [law, holds] of Object.entries(all)) {
    const detail = holds(world);
    if (detail !== undefined) violations.push({ law, detail });
  }
}

const unless = (holds: boolean, detail: string): string | undefined => (holds ? undefined : detail);

function firstOf<Item>(items: Iterable<Item>, law: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const detail = law(item);
    if (detail !== undefined) return detail;
  }
  return undefined;
}

function eachBuyer(law: (buyer: number) => string | undefined): string | undefined {
  return firstOf(
    Array.from({ length: buyers }, (_, index) => index + 1),
    law,
  );
}

function held(ledger: Ledger, buyer: number): number {
  let units = 0;
  for (const reservation of ledger.reservations.values()) {
    if (reservation.buyer === buyer && isActive(reservation.status)) units += total(reservation.lines);
  }
  return units;
}

function countsUpLedger(before: Ledger, now: Ledger): boolean {
  return (
    before.epoch <= now.epoch &&
    before.revision <= now.revision &&
    before.cursor <= now.cursor &&
    before.time <= now.time &&
    fits(before.taken, now.taken) &&
    fits(before.returned, now.returned)
  );
}

function countsUpGate(before: Gate, now: Gate): boolean {
  const buyersCountUp = [...before.buyers].every(([buyer, { claimed, released }]) => {
    const after = now.buyers.get(buyer);
    return after !== undefined && claimed <= after.claimed && released <= after.released;
  });
  return (
    buyersCountUp &&
    before.seq <= now.seq &&
    before.journalCursor <= now.journalCursor &&
    fits(before.admitted, now.admitted) &&
    fits(before.ceiling, now.ceiling)
  );
}

function wentBack(before: Gate, now: Gate): string | undefined {
  return firstOf(before.tickets, ([ticket, { status, version }]) => {
    const after = now.tickets.get(ticket);
    return unless(
      after === undefined || version <= after.version,
      `${ticket} from ${status} to ${after?.status}`,
    );
  });
}

const inCharge = (gate: Gate | undefined, ledger: Ledger): gate is Gate =>
  gate?.sound === true && gate.epoch === ledger.epoch;

function onTheWay(gate: Gate, ledger: Ledger): Units {
  return sum(gate.intake.filter(({ seq }: Entry) => seq > ledger.cursor).map(({ units }) => units));
}

/** The moves that a reservation has. */
export const moves: Readonly<Record<Status, readonly Status[]>> = {
  queued: ['held', 'waitlisted', 'rejected', 'confirmed'],
  waitlisted: ['held', 'cancelled', 'rejected'],
  held: ['held', 'confirmed', 'cancelled', 'expired'],
  confirmed: ['returned'],
  expired: ['paid_late'],
  paid_late: ['confirmed', 'refund_due'],
  cancelled: [],
  rejected: [],
  returned: [],
  refund_due: [],
};

function stories(ledger: Ledger): Iterable<readonly JournalEvent[]> {
  const byTicket = new Map<string, JournalEvent[]>();
  for (const event of ledger.journal) {
    if (!isAboutATicket(event) || event.reason === 'known') continue;
    const story = byTicket.get(event.ticket);
    if (story) story.push(event);
    else byTicket.set(event.ticket, [event]);
  }
  return byTicket.values();
}

/** Each event goes on from the one before, by one version and a move that exists. */
function tornStory(story: readonly JournalEvent[]): string | undefined {
  let status: Status = 'queued';
  let version = 1;
  for (const event of story) {
    const told = `${event.ticket} from ${status} ${version} by ${event.from} to ${event.status} ${event.version}`;
    if (event.from !== status || event.version !== version + 1 || !moves[status].includes(event.status))
      return told;
    ({ status, version } = event);
  }
  return undefined;
}

function actedTwice(ledger: Ledger): string | undefined {
  const acted = new Set<string>();
  return firstOf(ledger.journal, ({ entry, ticket, status, reason, version }) => {
    // A late confirm both ends the hold and asks for it again: two moves, one of them caused by time.
    if (entry === undefined || reason === 'known') return undefined;
    const twice = acted.has(entry);
    acted.add(entry);
    return unless(!twice, `${entry} moved ${ticket} to ${status} ${version}`);
  });
}

const isLatePayment = ({ status, from }: JournalEvent): boolean =>
  from === 'expired' && status === 'paid_late';

const deadlineOf = (ledger: Ledger, { ticket }: JournalEvent): number =>
  ledger.reservations.get(ticket)?.expiresAt ?? 0;

function outOfOrder({ witness, database: { ledger } }: World): string | undefined {
  const place = new Map([...ledger.reservations.keys()].map((ticket, index) => [ticket, index] as const));
  const ordered = [...witness.promises].filter(([, { given }]) => given !== 'a hearing');
  return firstOf(ordered, ([first, { acknowledgedAt }]) =>
    firstOf(ordered, ([second, { sentAt }]) =>
      unless(
        acknowledgedAt > sentAt || (place.get(first) ?? 0) < (place.get(second) ?? 0),
        `${second} before ${first}`,
      ),
    ),
  );
}
