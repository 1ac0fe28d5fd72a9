import {
  type CommandAnswer,
  type CommandRequest,
  type Outcome,
  parseTicketId,
  type Refusal,
  refuse,
} from '@holdfast/core';
import { appendCall, notAppended } from '../append.ts';
import { headOf, packPayment, packSeconds } from '../entry-format.ts';
import { commandIdOf } from '../ids.ts';
import { insist } from '../insist.ts';
import { keysOf } from '../keys.ts';
import type { KnownSales } from './known-sales.ts';
import { closed, type EdgeParts, maxPreparations } from './parts.ts';
import type { EdgeTickets } from './tickets.ts';

/** Commands that one ticket may see before further ones are refused: the intake is everybody's. */
const maxCommandsPerTicket = 64;
/** A payment must find its place, even if the buyer has used up all of those. */
const maxPaymentsPerTicket = 16;

/** Appends what buyers say about their tickets to the intake. */
export function createCommands(
  { run, intakeLimit, deadlineMs, bound, ring, unavailable }: EdgeParts,
  { sales, tickets }: { sales: KnownSales; tickets: EdgeTickets },
): (request: CommandRequest) => Promise<CommandAnswer> {
  async function command(request: CommandRequest): Promise<CommandAnswer> {
    const place = parseTicketId(request.ticketId);
    if (place === null) return refuse('unknown_ticket');
    const { shard, saleId } = place;
    const keys = keysOf(shard, saleId);
    const commandId = commandIdOf(request);
    const head = headOf(request.kind, request.ticketId, packSeconds(request.seconds), '');
    const mostCommands = maxCommandsPerTicket + (request.paymentRef === null ? 0 : maxPaymentsPerTicket);
    for (let preparation = 0; preparation < maxPreparations; preparation++) {
      const sale = sales.get(saleId) ?? (await sales.lookUp(saleId));
      if ('kind' in sale) return sale.code === 'unknown_sale' ? refuse('unknown_ticket') : sale;
      const { names, args } = appendCall(keys, sale, {
        ticketId: request.ticketId,
        commandId,
        head,
        intakeLimit: Math.ceil(intakeLimit * 1.2),
        mostCommands,
        payment: packPayment(request.paymentRef),
      });
      const reply = await bound(() =>
        insist(deadlineMs, 'Appending a command', () => run('append', names, args)),
      ).catch(unavailable);
      if (!Array.isArray(reply)) return reply as Refusal;
      const [word, detail] = reply as [string, string];
      if (word === 'stale') {
        sales.forget(saleId);
        continue;
      }
      if (word === 'appended')
        ring({ saleId, shard, epoch: Number(sale.epoch), fromSeq: Number(detail), toSeq: Number(detail) });
      if (word === 'unknown_ticket' && tickets.isOnItsWay(request.ticketId)) return closed;
      return commandAnswer(request.ticketId, commandId, word, detail);
    }
    return closed;
  }

  async function commandAnswer(
    ticketId: string,
    commandId: string,
    word: string,
    detail: string,
  ): Promise<CommandAnswer> {
    switch (word) {
      case 'appended':
        return { kind: 'appended', commandId };
      case 'again': {
        if (detail === '') return { kind: 'appended', commandId };
        const read = await tickets.read(ticketId);
        if (read.kind === 'refused') return read;
        return { kind: 'decided', commandId, outcome: detail as Outcome, ticket: read.ticket };
      }
      default:
        return notAppended(word);
    }
  }

  return command;
}
