/** The sale at rest: rows against the fold of the journal (I1, I2), the gate against both (I2, I4, I5, I7). */
import type { GateAtRest, SaleFacts } from './evidence.ts';
import type { Faults } from './faults.ts';
import type { Findings } from './findings.ts';
import { type Ledger, lateMs } from './ledger.ts';
import { countsForBuyer, holdsUnits, type State } from './path.ts';
import { add, type Ticket, unitsOf, wishText } from './ticket.ts';

export function checkRows(ledger: Ledger, findings: Findings): void {
  const inRows = new Map<string, number>();
  for (const ticket of ledger.tickets.values()) {
    findings.looked('I1');
    checkRow(ticket, findings);
    const { row } = ticket;
    if (row === null || !holdsUnits(row.status as State)) continue;
    for (const { sku, quantity } of row.lines) add(inRows, sku, quantity);
  }
  for (const [sku, units] of inRows) {
    const stock = ledger.stock.get(sku) ?? 0;
    findings.looked('I1');
    if (units > stock)
      findings.broken('I1', `${units} ${sku} are held or sold by the rows, and there are ${stock}.`);
  }
}

function checkRow(ticket: Ticket, findings: Findings): void {
  const { row, id } = ticket;
  const wrong = (what: string, told: unknown, had: unknown) =>
    findings.broken(
      'I1',
      `ticket ${id}: by the journal ${what} is ${String(told)}, by its row ${String(had)}.`,
    );
  if (row === null) {
    findings.broken(
      'I1',
      `ticket ${id} has no row, and the journal has it from position ${ticket.firstPosition} on.`,
    );
    return;
  }
  if (ticket.state === 'new') {
    findings.broken('I1', `ticket ${id} has a row, and the journal does not have it.`);
    return;
  }
  if (row.status !== ticket.state) wrong('its state', ticket.state, row.status);
  if (row.version !== ticket.version) wrong('its version', ticket.version, row.version);
  if (row.epoch !== ticket.epoch || row.seq !== ticket.seq)
    wrong('its place', `${ticket.epoch}.${ticket.seq}`, `${row.epoch}.${row.seq}`);
  const deadline = row.expiresAt === null ? null : Date.parse(row.expiresAt);
  if (deadline !== ticket.deadline) wrong('its deadline', ticket.deadline, deadline);
  const lines = wishText(row.lines.map(({ sku, quantity }) => [sku, quantity]));
  if (lines !== wishText(ticket.lines)) wrong('what it is for', wishText(ticket.lines), lines);
}

/** A hold that nobody ended, although stores and workers were there until `end`. */
export function checkLeftHolds(ledger: Ledger, end: number, faults: Faults, findings: Findings): void {
  for (const { id, state, deadline } of ledger.tickets.values()) {
    if (state !== 'held' || deadline === null || end <= deadline + lateMs) continue;
    if (faults.disturbed(deadline, end)) continue;
    findings.tooLate(
      'I9',
      deadline,
      end,
      `ticket ${id} is held at the end, ${Math.round(end - deadline)} ms after its deadline.`,
    );
  }
}

export function checkGate(
  sale: SaleFacts,
  gate: GateAtRest,
  ledger: Ledger,
  faults: Faults,
  findings: Findings,
): void {
  const { saleId } = sale;
  const inIntake = readIntake(gate, ledger);
  findings.looked('I5');
  if (gate.epoch !== ledger.epoch)
    findings.broken(
      'I5',
      `${saleId}: the gate is of epoch ${gate.epoch}, the ledger of epoch ${ledger.epoch}.`,
    );
  if (gate.journal !== ledger.events)
    findings.broken('I5', `${saleId}: the gate has heard of ${gate.journal} events of ${ledger.events}.`);
  if (gate.seq - gate.cursor !== inIntake.entries)
    findings.broken(
      'I5',
      `${saleId}: ${gate.seq - gate.cursor} entries should be on their way, and ${inIntake.entries} are.`,
    );
  for (const sku of ledger.stock.keys()) checkItem(sale, sku, gate, inIntake.units, ledger, findings);
  checkBuyers(saleId, gate, inIntake.entries, ledger, findings);
  for (const [ticketId, record] of Object.entries(gate.tickets))
    checkRecord(ticketId, record, inIntake.tickets, ledger, faults, findings);
  checkLiveTickets(gate, ledger, findings);
}

interface Intake {
  entries: number;
  units: Map<string, number>;
  tickets: Set<string>;
}

/** Fields of a packed entry: format, buyer, key or payment, id, kind, ticket, lines or seconds, mark, had units, time, place. */
function readIntake(gate: GateAtRest, ledger: Ledger): Intake {
  const units = new Map<string, number>();
  const tickets = new Set<string>();
  for (const [, packed] of gate.intake) {
    const [, , , , kind = '', ticketId = '', detail = '', , had] = packed.split('\n');
    tickets.add(ticketId);
    if (had !== '1') continue;
    const lines =
      kind === 'grant'
        ? (ledger.tickets.get(ticketId)?.lines ?? [])
        : (JSON.parse(detail) as [string, number][]);
    for (const [sku, quantity] of lines) add(units, sku, quantity);
  }
  return { entries: gate.intake.length, units, tickets };
}

function checkItem(
  sale: SaleFacts,
  sku: string,
  gate: GateAtRest,
  inIntake: ReadonlyMap<string, number>,
  ledger: Ledger,
  findings: Findings,
): void {
  const { saleId } = sale;
  const item = gate.items[sku];
  findings.looked('I5');
  if (item === undefined) {
    findings.broken('I5', `${saleId}: the gate does not know ${sku}.`);
    return;
  }
  const stock = ledger.stock.get(sku) ?? 0;
  const out = ledger.out.get(sku) ?? 0;
  const onTheWay = inIntake.get(sku) ?? 0;
  const available = item.ceiling - item.admitted;
  const found = available + onTheWay + out;
  if (found !== stock) {
    const how = found < stock ? `${stock - found} are nowhere` : `${found - stock} are there twice`;
    const sum = `${available} at the gate, ${onTheWay} on their way, ${out} held or sold`;
    findings.broken('I5', `${saleId}: of ${stock} ${sku}, ${how} (${sum}).`);
    if (found > stock && ledger.repaired.has(sku))
      findings.broken(
        'I12',
        `${saleId}: a repair put ${sku} back that were not lost: ${found - stock} are there twice.`,
      );
  }
  if (available < 0) findings.broken('I5', `${saleId}: the gate gave ${-available} ${sku} more than it may.`);
  // What the ledger refused may have had units or not; so the ceiling lies between two numbers, which mostly are one.
  const least = stock + (ledger.returned.get(sku) ?? 0);
  const most = least + (ledger.perhapsReturned.get(sku) ?? 0);
  if (item.ceiling < least || item.ceiling > most)
    findings.broken(
      'I5',
      `${saleId}: the ceiling of ${sku} is ${item.ceiling}, and what came back makes it ${least}${most > least ? ` to ${most}` : ''}.`,
    );
  const shown = stock - (ledger.withdrawn.get(sku) ?? 0);
  if (item.stock !== shown)
    findings.broken('I5', `${saleId}: the gate shows a stock of ${item.stock} ${sku}, and it is ${shown}.`);
}

/** What counts against a buyer's limit at the gate is what counts by the rows, once nothing is on its way. */
function checkBuyers(
  saleId: string,
  gate: GateAtRest,
  entries: number,
  ledger: Ledger,
  findings: Findings,
): void {
  if (entries > 0 || ledger.erased) return;
  const counted = new Map<string, number>();
  for (const { row, state, lines } of ledger.tickets.values()) {
    if (row === null || row.house) continue;
    add(counted, row.buyerId, countsForBuyer(state) ? unitsOf(lines) : 0);
  }
  for (const [buyerId, units] of counted) {
    const claimed = Number(gate.buyers[`c:${buyerId}`] ?? 0) - Number(gate.buyers[`r:${buyerId}`] ?? 0);
    findings.looked('I5');
    if (claimed !== units)
      findings.broken(
        'I5',
        `${saleId}: the gate counts ${claimed} units of buyer ${buyerId}, and the rows ${units}.`,
      );
  }
}

/** Fields of a record: version, grant, state, deadline, reason, seq, epoch and so on. */
function checkRecord(
  ticketId: string,
  record: string,
  onTheirWay: ReadonlySet<string>,
  ledger: Ledger,
  faults: Faults,
  findings: Findings,
): void {
  if (onTheirWay.has(ticketId)) return;
  const [version, , state, until = ''] = record.split('\n', 4);
  const ticket = ledger.tickets.get(ticketId);
  findings.looked('I7');
  if (ticket === undefined || ticket.state === 'new') {
    if (!faults.lost())
      findings.broken(
        'I2',
        `ticket ${ticketId} is ${state} at the gate, and neither on its way nor in the ledger.`,
      );
    return;
  }
  const deadline = until === '' ? null : Number(until.split(' ')[0]);
  if (Number(version) !== ticket.version || state !== ticket.state || deadline !== ticket.deadline)
    findings.broken(
      'I7',
      `ticket ${ticketId} is ${state} in version ${version} at the gate for ever, and ${ticket.state} in version ${ticket.version} in the ledger${
        state === ticket.state && deadline !== ticket.deadline
          ? `, until ${deadline} and not ${ticket.deadline}`
          : ''
      }.`,
    );
}

/** A ticket that may still change must be readable. */
function checkLiveTickets(gate: GateAtRest, ledger: Ledger, findings: Findings): void {
  for (const { id, state, row } of ledger.tickets.values()) {
    const isLive = state === 'held' || state === 'waitlisted' || state === 'lobby' || state === 'paid_late';
    if (isLive && row !== null && gate.tickets[id] === undefined)
      findings.broken('I7', `ticket ${id} is ${state} in the ledger, and the gate does not know it.`);
  }
}
