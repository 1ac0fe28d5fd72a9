/**
 * Every ticket that a client was shown: it is in the ledger (I2), it is what the ledger had in that version (I7, I10, I9),
 * and what was shown later is no older (I7).
 *
 * A rebuilt gate is no excuse. What a ticket shows beyond the version that it had when it was acknowledged was committed
 * before the gate heard of it, and a gate is rebuilt from what was committed: so whatever was shown must stand in the
 * journal, however much a gate lost. A gate that lost its memory may show an older version until that is noticed; so a
 * fault that loses what was acknowledged, and the ten seconds after it, excuse that, and nothing else does.
 */
import { clockToleranceMs, type Context, type Shown, ticketIn } from './answer.ts';
import type { Operation } from './evidence.ts';
import type { Ticket } from './ticket.ts';

export interface Sightings {
  follow(operation: Operation): void;
  end(): void;
}

/** Four numbers a sighting: sent, answered, version, connection. */
const stride = 4;

export function createSightings({ sale, ledger, faults, findings }: Context): Sightings {
  const seen = new Map<string, number[]>();
  const missing = new Map<string, number>();
  const toldLost = new Map<string, number>();
  const streams = new Map<string, number>();

  return {
    follow(operation) {
      const { ticketId, status, answeredAt } = operation;
      if (answeredAt === null || status === null) return;
      if (ticketId !== null && (status === 404 || status === 410)) {
        toldLost.set(ticketId, Math.max(toldLost.get(ticketId) ?? 0, answeredAt));
        return;
      }
      const shown = status < 300 ? ticketIn(operation) : null;
      if (shown === null) return;
      if (shown.saleId !== sale.saleId || (ticketId !== null && shown.id !== ticketId))
        findings.broken(
          'I7',
          `who asked for ticket ${ticketId} was shown ${shown.id} of sale ${shown.saleId}.`,
        );
      note(operation, shown);
      const ticket = ledger.tickets.get(shown.id);
      if (ticket === undefined || ticket.state === 'new' || ticket.row === null) {
        missing.set(shown.id, Math.min(missing.get(shown.id) ?? Number.POSITIVE_INFINITY, operation.sentAt));
        return;
      }
      findings.looked('I2');
      compare(ticket, shown, answeredAt);
    },
    end() {
      for (const [ticketId, since] of missing) acknowledgedInVain(ticketId, since);
      for (const [ticketId, numbers] of seen) neverBack(ticketId, numbers);
    },
  };

  function note({ sentAt, answeredAt, op, stream }: Operation, { id, version }: Shown): void {
    let numbers = seen.get(id);
    if (numbers === undefined) {
      numbers = [];
      seen.set(id, numbers);
    }
    numbers.push(
      sentAt,
      answeredAt ?? sentAt,
      version,
      op === 'frame' ? streamNumber(stream ?? `of ${id}`) : 0,
    );
  }

  function streamNumber(stream: string): number {
    const known = streams.get(stream);
    if (known !== undefined) return known;
    streams.set(stream, streams.size + 1);
    return streams.size;
  }

  /** `since`: when the first request that was answered with it was sent. */
  function acknowledgedInVain(ticketId: string, since: number): void {
    findings.looked('I2');
    if (since > faults.lastLoss)
      findings.broken('I2', `ticket ${ticketId} was acknowledged, and the ledger does not have it.`);
    else if ((toldLost.get(ticketId) ?? 0) < since)
      findings.broken('I2', `ticket ${ticketId} was lost with its store, and its buyer was never told.`);
  }

  function compare(ticket: Ticket, shown: Shown, answeredAt: number): void {
    const { id, status, version, deadline } = shown;
    findings.looked('I7');
    if (version === 1) {
      if (status !== 'queued' && !(status === 'lobby' && ticket.joined))
        findings.broken('I7', `ticket ${id} was shown ${status} in its first version.`);
      return;
    }
    const index = ticket.moments.findIndex((moment) => moment.version === version);
    const moment = ticket.moments[index];
    if (status === 'confirmed') {
      findings.looked('I10');
      if (!faults.ledgerLost && !ticket.moments.some(({ shown: was }) => was === 'confirmed'))
        findings.broken(
          'I10',
          `ticket ${id} was shown as confirmed, and is ${ticket.state} without ever having been.`,
        );
    }
    if (moment === undefined) {
      if (!faults.ledgerLost)
        findings.broken(
          'I7',
          `ticket ${id} was shown ${status} in version ${version}, and the journal ends with ${ticket.version}.`,
        );
      return;
    }
    if (faults.ledgerLost) return;
    if (moment.shown !== status)
      findings.broken(
        'I7',
        `ticket ${id} was shown ${status} in version ${version}, and is ${moment.shown} there by the journal.`,
      );
    else if (moment.deadline !== deadline)
      findings.broken(
        'I7',
        `ticket ${id} was shown a hold until ${deadline} in version ${version}, and has it until ${moment.deadline}.`,
      );
    if (status !== 'expired') return;
    const before = ticket.moments[index - 1]?.deadline;
    findings.looked('I9');
    if (before != null && answeredAt + clockToleranceMs < before)
      findings.broken(
        'I9',
        `ticket ${id} was shown as expired ${Math.round(before - answeredAt)} ms before its deadline.`,
      );
  }

  /** Sorted once by sending, once by answer: whoever asks hears no less than what anybody had heard before. */
  function neverBack(ticketId: string, numbers: readonly number[]): void {
    const count = numbers.length / stride;
    if (count < 2) return;
    const at = (index: number, field: number) => numbers[index * stride + field] as number;
    const bySent = Array.from({ length: count }, (_, index) => index).sort((a, b) => at(a, 0) - at(b, 0));
    const byAnswer = bySent.toSorted((a, b) => at(a, 1) - at(b, 1));
    let answered = 0;
    let newest = 0;
    let newestAt = 0;
    const inStream = new Map<number, number>();
    for (const index of bySent) {
      const sent = at(index, 0);
      const version = at(index, 2);
      const stream = at(index, 3);
      if (stream > 0) {
        // What was sent over a connection may come late, but in order.
        const before = inStream.get(stream) ?? 0;
        findings.looked('I7');
        if (version < before)
          findings.broken('I7', `ticket ${ticketId}: a stream told version ${version} after ${before}.`);
        inStream.set(stream, Math.max(before, version));
        continue;
      }
      while (answered < count && at(byAnswer[answered] as number, 1) < sent) {
        const earlier = byAnswer[answered] as number;
        if (at(earlier, 2) > newest) {
          newest = at(earlier, 2);
          newestAt = at(earlier, 1);
        }
        answered += 1;
      }
      findings.looked('I7');
      if (version < newest && !faults.lost(newestAt, at(index, 1)))
        findings.broken(
          'I7',
          `ticket ${ticketId} was shown in version ${version}, asked ${Math.round(sent - newestAt)} ms after version ${newest} was there.`,
        );
    }
  }
}
