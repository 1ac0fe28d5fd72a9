/** The evidence of a schedule that came to rest, held against the laws: by the product's own audit, and by the checker. */
import { journalEndLine, journalLine, reservationRecord } from '@holdfast/contracts';
import type { Ledger } from '@holdfast/ledger';
import { auditSale } from '../../../apps/console/src/audit.ts';
import { check } from '../../checker/check.ts';
import type { SaleFacts } from '../../checker/evidence.ts';
import { readGate } from '../../checker/read-gate.ts';
import type { Played } from './play.ts';
import type { Schedule } from './schedule.ts';
import type { Shop } from './shop.ts';

/** What is broken, as sentences that begin with the law's name; empty when every law held. */
export async function judge(shop: Shop, schedule: Schedule, played: Played): Promise<string[]> {
  if (played.stuck !== null) return [`stuck: ${played.stuck}`];
  const { saleId } = played;
  const ended = await shop.as('console', async ({ ledger, gate }) => ({
    audit: await auditSale(ledger, gate, saleId),
    journal: await journalOf(ledger, saleId),
    rows: await rowsOf(ledger, saleId),
  }));
  if (ended.kind !== 'done') throw new Error('the evidence could not be read', { cause: ended });
  const { audit } = ended.answer;
  const broken = (audit?.checks ?? [])
    .filter(({ ok }) => !ok)
    .map(({ name, expected, actual }) => `audit ${name}: ${expected} is expected, ${actual} is there`);
  if (audit === null) broken.push('audit: the sale is not there');
  broken.push(...(await checked(shop, schedule, played, ended.answer)));
  if (broken.length > 0) played.story.push(...storyOf(played, ended.answer.journal));
  return broken;
}

/** What was answered, and the journal, in short. */
function storyOf({ history, saleId }: Played, journal: string[]): string[] {
  const start = history[0]?.sentAt ?? 0;
  const short = (text: string) => text.replaceAll(new RegExp(`0-${saleId}-\\w{18}`, 'g'), '');
  const answers = history.map(
    ({ op, call, buyerId, key, lines, ticketId, sentAt, answeredAt, status, body }) => {
      const { code, status: state, version, receipt } = (body ?? {}) as Record<string, unknown>;
      const at = `${(sentAt - start).toFixed(1)} ${answeredAt === null ? '-' : (answeredAt - start).toFixed(1)}`;
      const asked = [op, call, buyerId, key, lines === null ? null : JSON.stringify(lines), ticketId];
      const got = [
        status,
        code,
        state,
        version,
        receipt === undefined ? undefined : String(receipt).slice(0, 9),
      ];
      return `  ${at}  ${[...asked, '->', ...got].filter((word) => word != null).join(' ')}`;
    },
  );
  const events = journal.map(
    (line) => `  ${line.trim().replace(/"(saleId|hash|tip|buyer)":"[^"]*",?/g, '')}`,
  );
  return ['    answers', ...answers.map(short), '    journal', ...events.map(short)];
}

async function checked(
  shop: Shop,
  { terms }: Schedule,
  { saleId, history, faults, demandWasEnough, closedAtRest }: Played,
  { journal, rows }: { journal: string[]; rows: Awaited<ReturnType<typeof rowsOf>> },
): Promise<string[]> {
  const gate = await readGate(shop.redis, '{s0}', saleId);
  const sale: SaleFacts = {
    saleId,
    holdSeconds: terms.holdSeconds,
    perBuyerLimit: terms.perBuyerLimit,
    waitlist: terms.waitlist,
    lobby: false,
    items: Object.entries(terms.stock).map(([sku, stock]) => ({ sku, stock })),
    demandWasEnough,
    closedAtRest,
  };
  const { invariants } = check({
    sales: [sale],
    history,
    journals: { [saleId]: journal },
    rows: { [saleId]: rows },
    gates: { [saleId]: gate ?? undefined },
    faults,
  });
  return invariants.flatMap(({ name, violations }) => violations.map((sentence) => `${name}: ${sentence}`));
}

async function journalOf(ledger: Ledger, saleId: string): Promise<string[]> {
  const at = await ledger.readSale(saleId);
  if (at === null) return [];
  const lines: string[] = [];
  for await (const rows of ledger.journalRows(saleId, at.cursor.position))
    for (const row of rows) lines.push(journalLine(saleId, row));
  return [...lines, journalEndLine(saleId, at.cursor.position, at.cursor.head)];
}

async function rowsOf(ledger: Ledger, saleId: string) {
  const page = await ledger.reservationsPage(saleId, { status: null, buyerId: null }, null, 1_000);
  return page.map(reservationRecord);
}
