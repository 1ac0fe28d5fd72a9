import type { Evidence, GateAtRest, Operation, Row, SaleFacts } from './evidence.ts';
import { Unreadable } from './evidence.ts';
import { createClients, type Clients } from './clients.ts';
import { createFaults, type Faults } from './faults.ts';
import { createFindings, type Findings, type Verdict } from './findings.ts';
import { createJournalReader } from './journal-lines.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { createPace } from './pace.ts';
import { checkGate, checkLeftHolds, checkRows } from './rest.ts';

/** The verdict on evidence in memory. */
export function check({ sales, history, journals, rows, gates, faults = [] }: Evidence): Verdict {
  const findings = createFindings();
  const times = createFaults(faults);
  const judges = new Map<string, Judge>();
  for (const sale of sales) {
    const { saleId } = sale;
    const judge = createJudge(sale, times, findings);
    const lines = journals[saleId];
    if (lines === undefined) throw new Unreadable(`There is no journal of ${saleId}.`);
    for (const row of rows[saleId] ?? []) judge.row(row);
    for (const line of lines) judge.journalLine(line);
    judge.endOfJournal(gates[saleId] ?? null);
    judges.set(saleId, judge);
  }
  const pace = createPace();
  for (const operation of history) {
    pace.follow(operation);
    judges.get(operation.saleId)?.operation(operation);
  }
  for (const judge of judges.values()) judge.end();
  return findings.verdict(pace.slow);
}

/** One sale's evidence, piece by piece: rows first, then the journal to its end, then what clients saw in any order. */
export interface Judge {
  row(row: Row): void;
  journalLine(line: string): void;
  endOfJournal(gate: GateAtRest | null): void;
  operation(operation: Operation): void;
  end(): void;
}

export function createJudge(sale: SaleFacts, faults: Faults, findings: Findings): Judge {
  const ledger: Ledger = createLedger(sale, faults, findings);
  const journal = createJournalReader(sale.saleId, findings);
  let clients: Clients | null = null;
  let gate: GateAtRest | null = null;

  return {
    row: (row) => ledger.row(row),
    journalLine(line) {
      const event = journal.read(line);
      if (event !== null) ledger.follow(event);
    },
    endOfJournal(atRest) {
      gate = atRest;
      journal.end();
      ledger.end();
      checkRows(ledger, findings);
      if (gate !== null) checkGate(sale, gate, ledger, faults, findings);
      clients = createClients({ sale, ledger, faults, findings });
    },
    operation: (operation) => clients?.follow(operation),
    end() {
      clients?.end(gate);
      checkLeftHolds(ledger, Math.max(ledger.lastAt, clients?.lastAt() ?? 0), faults, findings);
    },
  };
}
