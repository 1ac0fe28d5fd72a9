import type { WorkerGate } from '@holdfast/core';
import type { Ledger } from '@holdfast/ledger';
import type { Desk } from '@holdfast/pipeline';
import type { PageFiles } from './page-files.ts';
import type { PulseWatch } from './pulse-watch.ts';
import type { QueueBoard } from './queue-board.ts';
import type { QueueWatch } from './queue-watch.ts';
import type { SaleWatch } from './sale-watch.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the console is made of; `main.ts` puts it together. */
export interface ConsoleParts {
  ledger: Ledger;
  gate: Pick<WorkerGate, 'readIntake' | 'counts'>;
  desk: Desk;
  queues: QueueWatch;
  sales: SaleWatch;
  pulses: Pick<PulseWatch, 'samplesOf'>;
  board: QueueBoard;
  /** The dashboard, as it was built. */
  page: PageFiles;
  /** The dependencies by name; each resolves when it can be reached. */
  dependencies: Record<string, () => Promise<unknown>>;
  metrics: { contentType: string; text(): Promise<string> };
  /** Called once per answered request. */
  observe(request: { method: string; route: string; status: number; seconds: number }): void;
  adminKey: string;
  /** Aborted when the process is about to stop: streams end then. */
  stopping: AbortSignal;
  /** Requests that take longer are logged, milliseconds. */
  slowRequestMs: number;
  log: Log;
}
