/** What the codes of the contract are called on this page. One word each, and the same everywhere. */
import type { IncidentRecord, SaleStatus } from './records.ts';

export const saleStatusWords: Record<SaleStatus, string> = {
  draft: 'Draft',
  scheduled: 'Scheduled',
  lobby: 'Lobby',
  open: 'Open',
  paused: 'Paused',
  closed: 'Closed',
  settled: 'Settled',
  cancelled: 'Cancelled',
};

const reasonWords: Record<string, string> = {
  sold_out: 'Sold out',
  not_open: 'Not open yet',
  paused: 'Paused',
  closed: 'Closed',
  limit_reached: 'Buyer limit',
  rate_limited: 'Too many requests',
  unknown_item: 'Unknown item',
  invalid_quantity: 'Bad quantity',
  ledger_unavailable: 'Intake full',
  gate_unavailable: 'Gate away',
  quarantined: 'Set aside',
};

export function reasonWord(reason: string): string {
  return reasonWords[reason] ?? plain(reason);
}

const statusWords: Record<string, string> = {
  lobby: 'In the lobby',
  queued: 'Queued',
  waitlisted: 'Waiting',
  held: 'On hold',
  paid_late: 'Paid late',
  confirmed: 'Sold',
  cancelled: 'Given back',
  expired: 'Lapsed',
  rejected: 'Rejected',
  returned: 'Returned',
  refund_due: 'Refund due',
  refunded: 'Refunded',
};

export function ticketStatusWord(status: string): string {
  return statusWords[status] ?? plain(status);
}

export const ticketStatuses = Object.keys(statusWords);

const eventWords: Record<string, string> = {
  joined: 'Joined the lobby',
  held: 'Given a hold',
  waitlisted: 'Put on the waitlist',
  rejected: 'Rejected',
  withdrawn: 'Withdrawn by the house',
  confirmed: 'Paid: bought',
  cancelled: 'Gave it back',
  expired: 'The hold lapsed',
  extended: 'The buyer asked for more time',
  prolonged: 'Got more time with everybody',
  paid_late: 'Paid after the hold had lapsed',
  refund_due: 'The money has to go back',
  refunded: 'The money went back',
  returned: 'Taken back, on sale again',
  refused: 'Asked for something, and was refused',
  handed_back: 'Came twice: units handed back',
  quarantined: 'An entry was set aside',
  repaired: 'Units did not agree, and were mended',
  gate_rebuilt: 'The gate was rebuilt',
};

export function eventWord(type: string): string {
  return eventWords[type] ?? plain(type);
}

const lawWords: Record<string, string> = {
  journal_without_gaps: 'The journal has no gaps',
  journal_chain: 'The journal’s chain is whole',
  tickets_in_order: 'Tickets are in the order of the line',
  every_ticket_has_its_row: 'Every ticket has its row',
  rejections_have_rows: 'Every rejection has its row',
  rows_follow_the_journal: 'Rows follow the journal',
  waiting_counted: 'Those who wait are counted',
  buyer_limit_kept: 'No buyer has more than the limit',
  gate_has_the_sale: 'The gate has the sale',
  gate_epoch: 'Gate and ledger are in the same epoch',
  gate_tip_at_cursor: 'The gate continues the ledger’s chain',
  gate_not_ahead_of_the_journal: 'The gate is not ahead of the journal',
  never_oversold: 'Never oversold',
  rows_equal_counters: 'Rows equal the counters',
  journal_equals_counters: 'The journal equals the counters',
  units_conserved: 'Units are conserved',
  nothing_leaked: 'No unit is lost',
  gate_ceiling: 'The gate’s ceiling is right',
  gate_admitted_reached_the_ledger: 'What was admitted reached the ledger',
  gate_within_its_ceiling: 'The gate is within its ceiling',
};

/** `never_oversold:tee` in words. */
export function lawWord(name: string): string {
  const [law = '', item] = name.split(/:(.*)/s, 2);
  const words = lawWords[law] ?? plain(law);
  return item === undefined ? words : `${words} (${item})`;
}

const repairWords: Record<string, string> = {
  leak: 'that nobody had went back on sale',
  low_ceiling: 'that the gate held back went back on sale',
  taken_without_row: 'that were counted and belonged to nobody went back on sale',
  row_without_taken: 'that were sold had not been counted, and are now',
};

/** What was not as it should be, and what became of it. */
export function incidentWords({ type, sku, units, repair, why, entry, digest }: IncidentRecord): string {
  const counted = `${units} ${units === 1 ? 'unit' : 'units'}`;
  if (type === 'repaired') return `${counted} of ${sku} ${repairWords[repair ?? ''] ?? 'were mended'}`;
  if (type === 'gate_rebuilt') return why === null ? eventWord(type) : `${eventWord(type)}: ${why}`;
  const back = units === 0 ? '' : `; ${counted} went back on sale`;
  return `Entry ${entry} could not be worked on and was set aside${back} (${digest?.slice(0, 12)}…)`;
}

function plain(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
