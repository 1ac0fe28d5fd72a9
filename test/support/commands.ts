import type {
  CommandAnswer,
  CommandRequest,
  EdgeGate,
  ReserveAnswer,
  Ticket,
  TicketStatus,
} from '@holdfast/core';

/** A reservation that must get in: the ticket, or a fault that says what was answered. */
export async function reserve(
  edge: EdgeGate,
  saleId: string,
  buyerId: string,
  quantity = 1,
): Promise<Ticket> {
  const answer = await ask(edge, saleId, buyerId, quantity);
  if (answer.kind === 'refused') throw new Error(`${buyerId} was refused: ${answer.code}`);
  return answer.ticket;
}

export function ask(
  edge: EdgeGate,
  saleId: string,
  buyerId: string,
  quantity = 1,
  idempotencyKey: string | null = null,
): Promise<ReserveAnswer> {
  return edge.reserve({ saleId, buyerId, lines: [{ sku: 'tee', quantity }], idempotencyKey });
}

export function tell(
  edge: EdgeGate,
  ticket: Ticket,
  kind: CommandRequest['kind'],
  change: Partial<CommandRequest> = {},
): Promise<CommandAnswer> {
  return edge.command({
    ticketId: ticket.id,
    kind,
    idempotencyKey: null,
    paymentRef: null,
    seconds: null,
    ...change,
  });
}

export async function read(edge: EdgeGate, ticket: Ticket): Promise<Ticket> {
  const answer = await edge.readTicket(ticket.id);
  if (answer.kind === 'refused') throw new Error(`${ticket.id} could not be read: ${answer.code}`);
  return answer.ticket;
}

export async function statuses(edge: EdgeGate, ...tickets: Ticket[]): Promise<TicketStatus[]> {
  return (await Promise.all(tickets.map((ticket) => read(edge, ticket)))).map((ticket) => ticket.status);
}
