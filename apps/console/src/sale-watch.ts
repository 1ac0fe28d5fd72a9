import type { AuditVerdict, SaleGlance } from '@holdfast/contracts';
import type { WorkerGate } from '@holdfast/core';
import type { Ledger } from '@holdfast/ledger';
import { auditSale } from './audit.ts';
import type { Log } from './parts.ts';

/** What is shown of a sale to those who watch it: one look for all of them. */
export interface SaleWatch {
  /** The sale counted in rows, a second old at most while that is cheap; null when there is no such sale. */
  glance(saleId: string): Promise<SaleGlance | null>;
  /** The last verdict; begins another audit when it is time. Null before the first. */
  verdict(saleId: string): AuditVerdict | null;
}

const freshMs = 900;
/** Counting takes at most a tenth of the time, an audit a twentieth; a sale with a long journal is audited less often. */
const countingShare = 10;
const auditingShare = 20;
const auditEveryMs = 10_000;
/** Sales that are remembered; who watches more at once pays for it. */
const mostSales = 100;

interface Watched {
  look: { at: number; freshMs: number; glance: Promise<SaleGlance | null> } | null;
  verdict: AuditVerdict | null;
  /** When the next audit may begin; never while one is under way. */
  auditAt: number;
}

interface WatchParts {
  ledger: Ledger;
  gate: Pick<WorkerGate, 'readIntake' | 'counts'>;
  log: Log;
}

export function createSaleWatch({ ledger, gate, log }: WatchParts): SaleWatch {
  const watched = new Map<string, Watched>();

  function of(saleId: string): Watched {
    const found = watched.get(saleId) ?? { look: null, verdict: null, auditAt: 0 };
    watched.delete(saleId);
    watched.set(saleId, found);
    const [oldest] = watched.keys();
    if (watched.size > mostSales && oldest !== undefined) watched.delete(oldest);
    return found;
  }

  async function audit(saleId: string, sale: Watched): Promise<void> {
    const at = Date.now();
    try {
      const audited = await auditSale(ledger, gate, saleId);
      if (audited === null) return;
      const broken = audited.checks.filter((check) => !check.ok);
      const { ok, checks, incidents } = audited;
      sale.verdict = { at, tookMs: Date.now() - at, ok, checks: checks.length, broken, incidents };
    } catch (error) {
      // The last verdict grows old, and whoever sees it sees that.
      log.warn({ saleId, err: error }, 'a sale could not be audited');
    } finally {
      sale.auditAt = Date.now() + Math.max(auditEveryMs, (Date.now() - at) * auditingShare);
    }
  }

  return {
    glance(saleId) {
      const sale = of(saleId);
      if (sale.look !== null && Date.now() - sale.look.at <= sale.look.freshMs) return sale.look.glance;
      const look = { at: Date.now(), freshMs, glance: glanceAt(ledger, saleId) };
      sale.look = look;
      look.glance.then(
        () => {
          look.freshMs = Math.max(freshMs, (Date.now() - look.at) * countingShare);
        },
        () => {
          if (sale.look === look) sale.look = null;
        },
      );
      return look.glance;
    },
    verdict(saleId) {
      const sale = of(saleId);
      if (Date.now() >= sale.auditAt) {
        sale.auditAt = Number.POSITIVE_INFINITY;
        void audit(saleId, sale);
      }
      return sale.verdict;
    },
  };
}

async function glanceAt(ledger: Ledger, saleId: string): Promise<SaleGlance | null> {
  const at = Date.now();
  const sale = await ledger.readSale(saleId);
  if (sale === null) return null;
  const [tally, refusals, rejections] = await Promise.all([
    ledger.saleTally(saleId),
    ledger.refusalsByReason(saleId),
    ledger.rejectionsByReason(saleId),
  ]);
  return {
    at,
    sale,
    counts: {
      units: tally.units.map((count) => ({ ...count, house: false })),
      reservations: tally.reservations.map((count) => ({ ...count, house: false })),
    },
    minor: tally.units,
    refusals,
    rejections,
  };
}
