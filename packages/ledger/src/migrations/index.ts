import type { Migration } from 'kysely/migration';
import * as sales from './0001-sales.ts';
import * as gates from './0002-gates.ts';
import * as reservations from './0003-reservations.ts';
import * as journal from './0004-journal.ts';
import * as refusalsAndRequests from './0005-refusals-and-requests.ts';
import * as draws from './0007-draws.ts';
import * as keys from './0008-keys.ts';
import * as webhooks from './0009-webhooks.ts';
import * as statistics from './0010-statistics.ts';
import * as erasures from './0011-erasures.ts';
import * as waiting from './0012-waiting.ts';

/** In order, forward only. */
export const migrations: Record<string, Migration> = {
  '0001-sales': sales,
  '0002-gates': gates,
  '0003-reservations': reservations,
  '0004-journal': journal,
  '0005-refusals-and-requests': refusalsAndRequests,
  '0007-draws': draws,
  '0008-keys': keys,
  '0009-webhooks': webhooks,
  '0010-statistics': statistics,
  '0011-erasures': erasures,
  '0012-waiting': waiting,
};
