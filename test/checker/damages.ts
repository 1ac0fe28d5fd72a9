/** Single changes to true evidence, each with the invariant that must notice. Null where the evidence has nothing of the kind. */
import type { Operation, Row } from './evidence.ts';
import type { InvariantName } from './findings.ts';
import { endLine, type JournalFact, journalLine, saleId, type ShopEvidence } from './honest-shop.ts';

export interface Damage {
  breaks: InvariantName;
  /** What was done, as the end of the sentence "it notices that ...". */
  what: string;
  damage(evidence: ShopEvidence): ShopEvidence | null;
}

export const damages: readonly Damage[] = [
  {
    breaks: 'I1',
    what: 'there was a unit less than was out at the worst moment',
    damage(evidence) {
      const [sku, most] = mostOut(evidence);
      if (most === 0) return null;
      const change = <Item extends { sku: string; stock: number }>(items: readonly Item[]) =>
        items.map((item) => (item.sku === sku ? { ...item, stock: most - 1 } : item));
      const created = inJournal(evidence, (facts) => {
        if (facts.some(({ type }) => type === 'restocked')) return null;
        const [first] = facts as [JournalFact & { data: { terms: { items: [] } } }];
        first.data = {
          ...first.data,
          terms: { ...first.data.terms, items: change(first.data.terms.items) as [] },
        };
        return facts;
      });
      return (
        created && {
          ...created,
          sales: created.sales.map((sale) => ({ ...sale, items: change(sale.items) })),
        }
      );
    },
  },
  {
    breaks: 'I1',
    what: 'a row has another state than its journal',
    damage: (evidence) => inRow(evidence, isHeld, (row) => ({ ...row, status: 'confirmed' })),
  },
  {
    breaks: 'I1',
    what: 'a row has another version than its journal',
    damage: (evidence) =>
      inRow(
        evidence,
        () => true,
        (row) => ({ ...row, version: row.version + 1 }),
      ),
  },
  {
    breaks: 'I1',
    what: 'a row is for more than its journal',
    damage: (evidence) =>
      inRow(
        evidence,
        () => true,
        (row) => ({ ...row, lines: row.lines.map((line) => ({ ...line, quantity: line.quantity + 1 })) }),
      ),
  },
  {
    breaks: 'I2',
    what: 'an acknowledged ticket is in no log',
    damage: (evidence) =>
      inHistory(evidence, isReserved, (operation) => [
        operation,
        {
          ...operation,
          key: null,
          body: { ...operation.body, id: `0-${saleId}-${'L'.repeat(22)}`, receipt: '1.999.x' },
        },
      ]),
  },
  {
    breaks: 'I2',
    what: 'the row of an acknowledged ticket is gone',
    damage(evidence) {
      const told = new Set(
        evidence.history.flatMap((operation) => (isReserved(operation) ? [idIn(operation)] : [])),
      );
      const row = rowsOf(evidence).find(({ id }) => told.has(id));
      return row === undefined
        ? null
        : { ...evidence, rows: { [saleId]: rowsOf(evidence).filter((other) => other !== row) } };
    },
  },
  {
    breaks: 'I2',
    what: 'a command was taken and never decided',
    damage(evidence) {
      const isOpen = (id: string) =>
        evidence.history.some(
          ({ op, ticketId, status }) => op === 'confirm' && ticketId === id && status === null,
        );
      const row = rowsOf(evidence).find(({ house, id }) => !house && !isOpen(id));
      if (row === undefined) return null;
      const taken = {
        ...blank,
        op: 'confirm' as const,
        ticketId: row.id,
        key: 'once more',
        sentAt: lastTime(evidence),
      };
      return {
        ...evidence,
        history: [...evidence.history, { ...taken, answeredAt: taken.sentAt + 1, status: 202, body: null }],
      };
    },
  },
  {
    breaks: 'I2',
    what: 'the gate has a ticket that is in no log',
    damage: (evidence) =>
      inGate(evidence, (gate) => void (gate.tickets[`0-${saleId}-${'G'.repeat(22)}`] = '1\n\nqueued\n\n\n')),
  },
  {
    breaks: 'I3',
    what: 'nobody asked for a ticket',
    damage(evidence) {
      const row = rowsOf(evidence).find(({ house }) => !house);
      if (row === undefined) return null;
      const history = evidence.history.filter(
        ({ op, buyerId }) => op !== 'reserve' || buyerId !== row.buyerId,
      );
      return { ...evidence, history };
    },
  },
  {
    breaks: 'I3',
    what: 'a ticket is of another buyer than the one who asked',
    damage: (evidence) =>
      inRow(evidence, isToldIn(evidence), (row) => ({ ...row, buyerId: 'somebody else' })),
  },
  {
    breaks: 'I3',
    what: 'a ticket is for something else than was asked for',
    damage: (evidence) =>
      inHistory(evidence, isReserved, (operation) => [
        { ...operation, lines: [[operation.lines?.[0]?.[0] ?? '', 77]] },
      ]),
  },
  {
    breaks: 'I3',
    what: 'nobody confirmed what is confirmed',
    damage(evidence) {
      const row = rowsOf(evidence).find(({ status, house }) => status === 'confirmed' && !house);
      if (row === undefined) return null;
      return {
        ...evidence,
        history: evidence.history.filter(({ op, ticketId }) => !(op === 'confirm' && ticketId === row.id)),
      };
    },
  },
  {
    breaks: 'I3',
    what: 'a payment is in the ledger that nobody brought',
    damage: (evidence) =>
      inRow(
        evidence,
        ({ paymentRef }) => paymentRef !== null,
        (row) => ({ ...row, paymentRef: 'pay-other' }),
      ),
  },
  {
    breaks: 'I3',
    what: 'the merchant never restocked',
    damage: (evidence) =>
      evidence.journals[saleId]?.some((line) => line.includes('"restocked"'))
        ? { ...evidence, history: evidence.history.filter(({ call }) => call !== 'restock') }
        : null,
  },
  {
    breaks: 'I3',
    what: 'a hold was cancelled by nobody',
    damage: (evidence) =>
      inEvent(
        evidence,
        ({ type }) => type === 'cancelled',
        (fact) => ({ ...fact, commandId: null }),
      ),
  },
  {
    breaks: 'I4',
    what: 'the same key was answered with two tickets',
    damage(evidence) {
      const other = (mine: Operation) =>
        evidence.history.find(
          (operation) =>
            isReserved(operation) && idIn(operation) !== idIn(mine) && sameLines(operation, mine),
        );
      return inHistory(
        evidence,
        (operation) => isReserved(operation) && operation.key !== null && other(operation) !== undefined,
        (operation) => [
          operation,
          { ...operation, body: { ...operation.body, id: idIn(other(operation) as Operation) } },
        ],
      );
    },
  },
  {
    breaks: 'I4',
    what: 'two requests without a key were given the same ticket',
    damage: (evidence) =>
      inHistory(
        evidence,
        (operation) => isReserved(operation) && operation.key === null,
        (operation) => [operation, { ...operation }],
      ),
  },
  {
    breaks: 'I4',
    what: 'a buyer has more than the limit',
    damage(evidence) {
      const most = mostOfABuyer(evidence);
      if (most < 2) return null;
      const changed = inJournal(evidence, (facts) => {
        const [first] = facts as [JournalFact & { data: { terms: object } }];
        first.data = { ...first.data, terms: { ...first.data.terms, perBuyerLimit: most - 1 } };
        return facts;
      });
      return (
        changed && { ...changed, sales: changed.sales.map((sale) => ({ ...sale, perBuyerLimit: most - 1 })) }
      );
    },
  },
  {
    breaks: 'I4',
    what: 'the same command was answered in two ways',
    damage: (evidence) =>
      inHistory(
        evidence,
        ({ op, status }) => op === 'confirm' && status === 200,
        (operation) => [operation, { ...operation, status: 409, body: { code: 'sold_out' } }],
      ),
  },
  {
    breaks: 'I4',
    what: 'the gate has forgotten a key',
    damage: (evidence) =>
      inGate(evidence, (gate) => {
        const keyed = evidence.history.find((operation) => isReserved(operation) && operation.key !== null);
        return keyed !== undefined && delete gate.buyers[`k:${keyed.buyerId}\n${keyed.key}`];
      }),
  },
  {
    breaks: 'I5',
    what: 'a unit is nowhere',
    damage: (evidence) => inGate(evidence, (gate) => void (firstItem(gate).admitted += 1)),
  },
  {
    breaks: 'I5',
    what: 'a unit is there twice',
    damage: (evidence) => inGate(evidence, (gate) => void (firstItem(gate).ceiling += 1)),
  },
  {
    breaks: 'I5',
    what: 'both counters of the gate are off by one',
    damage: (evidence) =>
      inGate(evidence, (gate) => {
        firstItem(gate).ceiling += 1;
        firstItem(gate).admitted += 1;
      }),
  },
  {
    breaks: 'I5',
    what: 'the gate has not heard of the end of the journal',
    damage: (evidence) => inGate(evidence, (gate) => void (gate.journal -= 1)),
  },
  {
    breaks: 'I5',
    what: 'a unit still counts against a buyer who gave it back',
    damage: (evidence) =>
      inGate(evidence, (gate) => {
        const field = Object.keys(gate.buyers).find(
          (name) => name.startsWith('r:') && gate.buyers[name] !== '0',
        );
        return field !== undefined && delete gate.buyers[field];
      }),
  },
  {
    breaks: 'I6',
    what: 'somebody is told sold out long after units were free',
    damage(evidence) {
      const [sale] = evidence.sales;
      const [sku, item] =
        Object.entries(evidence.gates[saleId]?.items ?? {}).find(
          ([, { ceiling, admitted }]) => ceiling > admitted,
        ) ?? [];
      if (sku === undefined || item === undefined || sale?.closedAtRest === true) return null;
      const sentAt = lastTime(evidence) + 10_500;
      const refused = {
        ...blank,
        op: 'reserve' as const,
        buyerId: 'late',
        lines: [[sku, 1]] as const,
        sentAt,
      };
      return {
        ...evidence,
        history: [
          ...evidence.history,
          { ...refused, answeredAt: sentAt + 1, status: 409, body: { code: 'sold_out' } },
        ],
      };
    },
  },
  {
    breaks: 'I6',
    what: 'a closed sale that everybody wanted has units left',
    damage(evidence) {
      const isLeft = Object.values(evidence.gates[saleId]?.items ?? {}).some(
        ({ ceiling, admitted }) => ceiling > admitted,
      );
      if (!isLeft) return null;
      return {
        ...evidence,
        sales: evidence.sales.map((sale) => ({ ...sale, closedAtRest: true, demandWasEnough: true })),
      };
    },
  },
  {
    breaks: 'I6',
    what: 'somebody waits for what the gate has',
    damage: (evidence) =>
      rowsOf(evidence).some(({ status }) => status === 'waitlisted')
        ? inGate(evidence, (gate) => {
            for (const item of Object.values(gate.items)) item.ceiling += 9;
          })
        : null,
  },
  {
    breaks: 'I7',
    what: 'a ticket is shown older than it was shown before',
    damage(evidence) {
      const newest = evidence.history.find(
        ({ op, body }) => op === 'read' && body !== null && versionIn(body) > 1,
      );
      const older = evidence.history.find(
        ({ op, body }) =>
          op === 'reserve' &&
          body !== null &&
          'id' in body &&
          versionIn(body) === 1 &&
          idIn({ body }) === newest?.ticketId,
      );
      if (newest === undefined || older === undefined) return null;
      const sentAt = (newest.answeredAt ?? 0) + 0.1;
      return {
        ...evidence,
        history: [...evidence.history, { ...newest, sentAt, answeredAt: sentAt + 0.1, body: older.body }],
      };
    },
  },
  {
    breaks: 'I7',
    what: 'a ticket is shown in a state that it never had',
    damage: (evidence) =>
      inHistory(evidence, isReadHeld, (operation) => [
        { ...operation, body: { ...operation.body, status: 'refunded' } },
      ]),
  },
  {
    breaks: 'I7',
    what: 'a ticket is shown with a deadline that it never had',
    damage: (evidence) =>
      inHistory(evidence, isReadHeld, (operation) => [
        { ...operation, body: { ...operation.body, expiresAt: '2026-11-27T00:00:00.000Z' } },
      ]),
  },
  {
    breaks: 'I7',
    what: 'a stream goes back',
    damage: (evidence) =>
      inHistory(
        evidence,
        ({ op, body }) => op === 'frame' && body !== null && versionIn(body) > 1,
        (operation) => [
          operation,
          {
            ...operation,
            sentAt: operation.sentAt + 0.1,
            answeredAt: operation.sentAt + 0.1,
            body: { ...operation.body, version: 1, status: 'queued', expiresAt: null },
          },
        ],
      ),
  },
  {
    breaks: 'I7',
    what: 'the gate never heard of the last state of a ticket',
    damage: (evidence) =>
      inGate(evidence, (gate) => {
        const [id] = Object.keys(gate.tickets);
        if (id === undefined) return false;
        gate.tickets[id] = `1\n\nqueued\n\n\n`;
        return true;
      }),
  },
  {
    breaks: 'I8',
    what: 'who was acknowledged before is behind',
    damage(evidence) {
      const heard = evidence.history.filter((operation) => isReserved(operation) && operation.key === null);
      const [first, ...rest] = heard;
      const last = rest.at(-1);
      if (first === undefined || last === undefined) return null;
      return {
        ...evidence,
        history: evidence.history.map((operation) =>
          operation === last
            ? { ...operation, sentAt: first.sentAt - 2, answeredAt: first.sentAt - 1 }
            : operation,
        ),
      };
    },
  },
  {
    breaks: 'I8',
    what: 'a receipt is of another place',
    damage: (evidence) =>
      inHistory(evidence, isReserved, (operation) => [
        { ...operation, body: { ...operation.body, receipt: `1.777.${'a'.repeat(40)}` } },
      ]),
  },
  {
    breaks: 'I8',
    what: 'a newcomer is held while somebody waits',
    damage(evidence) {
      const first =
        factsOf(evidence).find(({ type }) => type === 'waitlisted')?.position ?? Number.POSITIVE_INFINITY;
      const facts = factsOf(evidence);
      // Somebody who comes while another waits is on the waitlist: now it is held at once.
      const second = facts.find(
        ({ type, position }, index) =>
          type === 'waitlisted' && position > first && facts[index - 1]?.type === 'waitlisted',
      );
      if (second === undefined) return null;
      const at = second.at + (evidence.sales[0]?.holdSeconds ?? 0) * 1000;
      return inEvent(
        evidence,
        ({ position }) => position === second.position,
        (fact) => ({
          ...fact,
          type: 'held',
          data: { ...fact.data, expiresAt: at },
        }),
      );
    },
  },
  {
    breaks: 'I8',
    what: 'who joined the waitlist later is granted first',
    damage(evidence) {
      const facts = factsOf(evidence);
      const joined = facts.filter(({ type }) => type === 'waitlisted');
      for (const early of joined) {
        const granted = facts.find(
          ({ type, ticketId, position }) =>
            type === 'held' && ticketId === early.ticketId && position > early.position,
        );
        if (granted === undefined) continue;
        const late = joined.find(
          ({ ticketId, position }) =>
            position > early.position &&
            position < granted.position &&
            wish(facts, ticketId) === wish(facts, early.ticketId) &&
            !facts.some(
              (other) =>
                other.ticketId === ticketId && other.position > position && other.position < granted.position,
            ),
        );
        if (late !== undefined)
          return inEvent(
            evidence,
            ({ position }) => position === granted.position,
            (fact) => ({ ...fact, ticketId: late.ticketId }),
          );
      }
      return null;
    },
  },
  {
    breaks: 'I9',
    what: 'a hold expires before its deadline',
    damage(evidence) {
      const facts = factsOf(evidence);
      const expired = facts.find(({ type }) => type === 'expired');
      if (expired === undefined) return null;
      const deadline = facts.findLast(
        ({ ticketId, data, position }) =>
          ticketId === expired.ticketId && 'expiresAt' in data && position < expired.position,
      )?.data;
      return inEvent(
        evidence,
        ({ position }) => position === expired.position,
        (fact) => ({
          ...fact,
          at: (deadline as { expiresAt: number }).expiresAt - 1,
        }),
      );
    },
  },
  {
    breaks: 'I9',
    what: 'a hold has less time than the sale gives',
    damage: (evidence) =>
      inEvent(
        evidence,
        ({ type }) => type === 'held',
        (fact) => ({
          ...fact,
          data: { ...fact.data, expiresAt: (fact.data as { expiresAt: number }).expiresAt - 1_000 },
        }),
      ),
  },
  {
    breaks: 'I9',
    what: 'an expiry comes three seconds late',
    damage(evidence) {
      const facts = factsOf(evidence);
      const last = facts.at(-1);
      if (last?.type !== 'expired') return null;
      return inEvent(
        evidence,
        ({ position }) => position === last.position,
        (fact) => ({ ...fact, at: fact.at + 2_500_000 }),
      );
    },
  },
  {
    breaks: 'I9',
    what: 'the clock of a sale goes back',
    damage(evidence) {
      const facts = factsOf(evidence).filter(({ ticketId }) => ticketId !== null);
      const second = facts[1];
      return second === undefined
        ? null
        : inEvent(
            evidence,
            ({ position }) => position === second.position,
            (fact) => ({ ...fact, at: fact.at - 86_400_000 }),
          );
    },
  },
  {
    breaks: 'I9',
    what: 'a buyer is refused as too late before the deadline',
    damage(evidence) {
      const row = rowsOf(evidence).find(isHeld);
      if (row === undefined) return null;
      const sentAt = Date.parse(row.expiresAt as string) - 600;
      const refused = {
        ...blank,
        op: 'confirm' as const,
        ticketId: row.id,
        key: 'early',
        sentAt,
        answeredAt: sentAt + 1,
      };
      return {
        ...evidence,
        history: [...evidence.history, { ...refused, status: 409, body: { code: 'hold_expired' } }],
      };
    },
  },
  {
    breaks: 'I10',
    what: 'a hold is confirmed and released',
    damage: (evidence) =>
      inJournal(evidence, (facts) => {
        const confirmed = facts.find(
          ({ type, commandId }) => type === 'confirmed' && commandId?.startsWith('confirm.'),
        );
        const last = facts.at(-1);
        if (confirmed === undefined || last === undefined) return null;
        return [
          ...facts,
          {
            ...confirmed,
            type: 'expired',
            commandId: null,
            data: {},
            at: last.at,
            position: last.position + 1,
          },
        ];
      }),
  },
  {
    breaks: 'I10',
    what: 'who was told that it is bought has nothing',
    damage(evidence) {
      const row = rowsOf(evidence).find(({ status }) => status === 'expired' || status === 'cancelled');
      if (row === undefined) return null;
      const sentAt = lastTime(evidence);
      const told = {
        ...blank,
        op: 'confirm' as const,
        ticketId: row.id,
        key: 'told',
        sentAt,
        answeredAt: sentAt + 1,
      };
      const body = {
        id: row.id,
        saleId,
        status: 'confirmed',
        version: row.version + 1,
        buyerId: row.buyerId,
        lines: row.lines,
        expiresAt: null,
        receipt: row.receipt,
      };
      return { ...evidence, history: [...evidence.history, { ...told, status: 200, body }] };
    },
  },
  {
    breaks: 'I10',
    what: 'somebody has paid, and has nothing',
    damage(evidence) {
      const row = rowsOf(evidence).find(({ status }) => status === 'expired' || status === 'cancelled');
      if (row === undefined) return null;
      const sentAt = lastTime(evidence);
      const told = {
        ...blank,
        op: 'confirm' as const,
        ticketId: row.id,
        key: 'paid',
        paymentRef: 'pay-lost',
        sentAt,
      };
      return {
        ...evidence,
        history: [
          ...evidence.history,
          { ...told, answeredAt: sentAt + 1, status: 409, body: { code: 'hold_expired' } },
        ],
      };
    },
  },
  {
    breaks: 'I11',
    what: 'an event is missing',
    damage: (evidence) => inLines(evidence, (lines) => lines.toSpliced(1, 1)),
  },
  {
    breaks: 'I11',
    what: 'two events have changed places',
    damage: (evidence) =>
      inLines(evidence, (lines) =>
        lines.length < 4 ? null : [lines[0] ?? '', lines[2] ?? '', lines[1] ?? '', ...lines.slice(3)],
      ),
  },
  {
    breaks: 'I11',
    what: 'a letter of an event has changed',
    damage: (evidence) =>
      inLines(evidence, (lines) =>
        lines.map((line, index) => (index === 0 ? line.replace('"open"', '"Open"') : line)),
      ),
  },
  {
    breaks: 'I11',
    what: 'the last line is missing',
    damage: (evidence) => inLines(evidence, (lines) => lines.slice(0, -1)),
  },
  {
    breaks: 'I11',
    what: 'the end was cut off and the last line kept',
    damage: (evidence) => inLines(evidence, (lines) => lines.toSpliced(-2, 1)),
  },
  {
    breaks: 'I12',
    what: 'a gate is rebuilt to which nothing had happened',
    damage: (evidence) =>
      inJournal(evidence, (facts) => {
        const last = facts.at(-1);
        if (last?.ticketId == null) return null;
        return [
          ...facts,
          {
            ...last,
            type: 'gate_rebuilt',
            ticketId: null,
            commandId: null,
            data: { epoch: 2, seq: 1 },
            position: last.position + 1,
          },
        ];
      }),
  },
  {
    breaks: 'I12',
    what: 'a repair puts back a unit that somebody has',
    damage: (evidence) =>
      inJournal(evidence, (facts) => {
        const last = facts.at(-1);
        const [sku, most] = mostOut(evidence);
        if (last === undefined || most === 0) return null;
        return [
          ...facts,
          {
            ...last,
            type: 'repaired',
            ticketId: null,
            commandId: null,
            data: { sku, delta: 99, repair: 'leak' },
            position: last.position + 1,
          },
        ];
      }),
  },
];

const blank = { saleId, ticketId: null, buyerId: null, key: null, lines: null, paymentRef: null };

function rowsOf(evidence: ShopEvidence): Row[] {
  return evidence.rows[saleId] ?? [];
}

function inRow(
  evidence: ShopEvidence,
  which: (row: Row) => boolean,
  change: (row: Row) => Row,
): ShopEvidence | null {
  const chosen = rowsOf(evidence).find((row) => !row.house && which(row));
  if (chosen === undefined) return null;
  return {
    ...evidence,
    rows: { [saleId]: rowsOf(evidence).map((row) => (row === chosen ? change(row) : row)) },
  };
}

/** The first operation of the kind, exchanged for others. */
function inHistory(
  evidence: ShopEvidence,
  which: (operation: Operation) => boolean,
  change: (operation: Operation) => Operation[],
): ShopEvidence | null {
  const chosen = evidence.history.find(which);
  if (chosen === undefined) return null;
  return {
    ...evidence,
    history: evidence.history.flatMap((operation) => (operation === chosen ? change(operation) : operation)),
  };
}

function inGate(
  evidence: ShopEvidence,
  change: (gate: ShopEvidence['gates'][string]) => boolean | void,
): ShopEvidence | null {
  const gate = structuredClone(evidence.gates[saleId]);
  return gate === undefined || change(gate) === false ? null : { ...evidence, gates: { [saleId]: gate } };
}

function firstItem(gate: ShopEvidence['gates'][string]): { ceiling: number; admitted: number } {
  return Object.values(gate.items)[0] as { ceiling: number; admitted: number };
}

function factsOf(evidence: ShopEvidence): JournalFact[] {
  return (evidence.journals[saleId] ?? []).slice(0, -1).map((line) => {
    const { at, ...fact } = JSON.parse(line) as JournalFact & { at: unknown };
    return { ...fact, at: Date.parse(String(at)) };
  });
}

/** Changed events are chained anew: only what they say is wrong. */
function inJournal(
  evidence: ShopEvidence,
  change: (facts: JournalFact[]) => JournalFact[] | null,
): ShopEvidence | null {
  const facts = change(factsOf(evidence));
  if (facts === null) return null;
  let head = '0'.repeat(64);
  const lines = facts.map((fact) => {
    const line = journalLine(fact, head);
    head = (JSON.parse(line) as { hash: string }).hash;
    return line;
  });
  return { ...evidence, journals: { [saleId]: [...lines, endLine(lines.length, head)] } };
}

function inEvent(
  evidence: ShopEvidence,
  which: (fact: JournalFact) => boolean,
  change: (fact: JournalFact) => JournalFact,
): ShopEvidence | null {
  return inJournal(evidence, (facts) => {
    const index = facts.findIndex(which);
    return index < 0 ? null : facts.with(index, change(facts[index] as JournalFact));
  });
}

function inLines(evidence: ShopEvidence, change: (lines: string[]) => string[] | null): ShopEvidence | null {
  const lines = change(evidence.journals[saleId] ?? []);
  return lines && { ...evidence, journals: { [saleId]: lines } };
}

function lastTime(evidence: ShopEvidence): number {
  const decided = factsOf(evidence).at(-1)?.at ?? 0;
  return (
    evidence.history.reduce((last, { sentAt, answeredAt }) => Math.max(last, answeredAt ?? sentAt), decided) +
    1
  );
}

function isHeld({ status }: Row): boolean {
  return status === 'held';
}

function isReserved({ op, status, body }: Operation): boolean {
  return op === 'reserve' && status === 202 && body !== null;
}

function isReadHeld({ op, body }: Operation): boolean {
  return op === 'read' && body !== null && 'status' in body && body.status === 'held';
}

function isToldIn({ history }: ShopEvidence): (row: Row) => boolean {
  return ({ id }) => history.some((operation) => isReserved(operation) && idIn(operation) === id);
}

function idIn({ body }: Pick<Operation, 'body'>): string {
  return String((body as { id: string }).id);
}

function versionIn(body: object): number {
  return Number((body as { version?: number }).version ?? 0);
}

function sameLines(left: Operation, right: Operation): boolean {
  return JSON.stringify(left.lines) === JSON.stringify(right.lines);
}

function wish(facts: readonly JournalFact[], ticketId: string | null): string {
  const first = facts.find((fact) => fact.ticketId === ticketId);
  return JSON.stringify((first?.data as { lines?: unknown } | undefined)?.lines);
}

/** The item of which most were out at one moment, and how many. */
function mostOut(evidence: ShopEvidence): [sku: string, units: number] {
  const facts = factsOf(evidence);
  const linesOf = new Map<string, [string, number][]>();
  const out = new Map<string, number>();
  const is = new Set<string>();
  let most: [string, number] = ['', 0];
  for (const { type, ticketId, data } of facts) {
    if (ticketId === null) continue;
    const { lines } = data as { lines?: [string, number][] };
    if (lines !== undefined && !linesOf.has(ticketId)) linesOf.set(ticketId, lines);
    const isOut =
      type === 'held' ||
      type === 'confirmed' ||
      type === 'withdrawn' ||
      (type === 'extended' && is.has(ticketId));
    const changes = !['refused', 'handed_back', 'extended'].includes(type);
    if (!changes || isOut === is.has(ticketId)) continue;
    if (isOut) is.add(ticketId);
    else is.delete(ticketId);
    for (const [sku, quantity] of linesOf.get(ticketId) ?? []) {
      const units = (out.get(sku) ?? 0) + (isOut ? quantity : -quantity);
      out.set(sku, units);
      if (units > most[1]) most = [sku, units];
    }
  }
  return most;
}

/** Most units that any buyer has in rows that count. */
function mostOfABuyer(evidence: ShopEvidence): number {
  const units = new Map<string, number>();
  for (const { buyerId, house, status, lines } of rowsOf(evidence)) {
    if (house || !['held', 'confirmed', 'waitlisted'].includes(status)) continue;
    for (const { quantity } of lines) units.set(buyerId, (units.get(buyerId) ?? 0) + quantity);
  }
  return Math.max(0, ...units.values());
}
