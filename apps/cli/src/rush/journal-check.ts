import { createHash } from 'node:crypto';

export interface JournalFindings {
  events: number;
  /** Per item, units that were out beyond the stock at its worst position; added up. */
  oversoldAtWorst: number;
  /** Units given past somebody who waited for as much: to a newcomer, or to one who came later with the same wish. */
  overtaken: number;
  /** What is wrong with the chain itself, as a sentence; null when it is whole. */
  fault: string | null;
}

/**
 * Walks the exported journal from its first event: positions without a gap, every hash the SHA-256 that the export's
 * format says, the last line true to what came before, and at no position more units out than there are.
 * Rows show the end only; a unit that was held twice for a second shows here.
 */
export async function checkJournal(
  saleId: string,
  lines: AsyncIterable<string>,
  stockOf: ReadonlyMap<string, number>,
): Promise<JournalFindings> {
  const linesOf = new Map<string, [sku: string, quantity: number][]>();
  const out = new Set<string>();
  const units = new Map<string, number>();
  const worst = new Map<string, number>();
  const withdrawn = new Map<string, number>();
  const waiting = createWaiting();
  let previous = '0'.repeat(64);
  let events = 0;
  let ended = false;

  for await (const line of lines) {
    if (ended) return found('something follows the last line');
    const event = parsed(line);
    if (event === undefined) return found(`the line after position ${events} is no JSON`);
    if (event['position'] === undefined) {
      ended = true;
      if (event['count'] !== events || event['head'] !== previous)
        return found('the last line says something else');
      continue;
    }
    events += 1;
    if (event['position'] !== events)
      return found(`position ${String(event['position'])} stands where ${events} should`);
    if (hashOf(saleId, previous, event, line) !== event['hash'])
      return found(`the hash at position ${events} is wrong`);
    previous = String(event['hash']);
    follow(String(event['type']), String(event['ticketId']), event['data']);
  }
  return found(ended ? null : 'the last line is missing');

  function follow(type: string, ticketId: string, data: unknown): void {
    const lines = (data as { lines?: [string, number, number][] } | null)?.lines;
    if (lines !== undefined && !linesOf.has(ticketId))
      linesOf.set(
        ticketId,
        lines.map(([sku, quantity]) => [sku, quantity]),
      );
    waiting.follow(type, ticketId, JSON.stringify(linesOf.get(ticketId)));
    if (TAKES.has(type) && !out.has(ticketId)) {
      out.add(ticketId);
      count(ticketId, 1);
      if (type === 'withdrawn') {
        for (const [sku, quantity] of linesOf.get(ticketId) ?? [])
          withdrawn.set(sku, (withdrawn.get(sku) ?? 0) + quantity);
      }
    } else if (GIVES_BACK.has(type) && out.delete(ticketId)) count(ticketId, -1);
  }

  function count(ticketId: string, sign: 1 | -1): void {
    for (const [sku, quantity] of linesOf.get(ticketId) ?? []) {
      const taken = (units.get(sku) ?? 0) + sign * quantity;
      units.set(sku, taken);
      worst.set(sku, Math.max(worst.get(sku) ?? 0, taken));
    }
  }

  /** The stock is shown without what the house withdrew; a withdrawal takes its units like a buyer. */
  function found(fault: string | null): JournalFindings {
    let oversoldAtWorst = 0;
    for (const [sku, taken] of worst) {
      oversoldAtWorst += Math.max(0, taken - (stockOf.get(sku) ?? 0) - (withdrawn.get(sku) ?? 0));
    }
    return { events, oversoldAtWorst, overtaken: waiting.overtaken(), fault };
  }
}

/**
 * The waitlist as the journal tells it. While anybody waits, no newcomer may be served; and of two with the same wish,
 * whoever joined first is served first. Between different wishes one may be passed over for not fitting.
 */
function createWaiting() {
  const byWish = new Map<string, Set<string>>();
  const wishOf = new Map<string, string>();
  let overtaken = 0;

  return {
    follow(type: string, ticketId: string, wish: string): void {
      if (type === 'waitlisted') {
        wishOf.set(ticketId, wish);
        byWish.set(wish, (byWish.get(wish) ?? new Set()).add(ticketId));
        return;
      }
      const line = byWish.get(wishOf.get(ticketId) ?? '');
      if (type === 'held') {
        const [first] = line ?? [];
        if (line === undefined ? wishOf.size > 0 : first !== ticketId) overtaken += 1;
      }
      if (line !== undefined && LEAVES.has(type)) {
        line.delete(ticketId);
        wishOf.delete(ticketId);
      }
    },
    overtaken: () => overtaken,
  };
}

const LEAVES = new Set(['held', 'cancelled', 'rejected']);
const TAKES = new Set(['held', 'confirmed', 'withdrawn']);
const GIVES_BACK = new Set(['cancelled', 'expired', 'returned', 'refund_due']);

/** `data` is taken as the text that stands in the line: that is what was hashed. */
function hashOf(saleId: string, previous: string, event: Record<string, unknown>, line: string): string {
  const { position, type, ticketId, commandId, at } = event;
  const data = line.slice(line.indexOf(',"data":') + ',"data":'.length, line.lastIndexOf(',"hash":"'));
  const text = JSON.stringify([
    previous,
    saleId,
    position,
    type,
    ticketId,
    commandId,
    Date.parse(String(at)),
    data,
  ]);
  return createHash('sha256').update(text).digest('hex');
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
