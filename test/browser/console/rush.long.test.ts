import { expect, it } from 'vitest';
import { adminKey } from '../../support/console-app.ts';
import { atRest, until } from '../../support/sales.ts';
import { openConsoleHouse } from './house.ts';
import { startCrowd } from './crowd.ts';

const stock = 4_000;
const watchers = 2_000;
const longTaskMs = 50;

/** Put into the page: what kept it from answering for longer than somebody notices, whoever had the processor. */
const observer = `
  globalThis.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longTasks.push(Math.round(duration));
  }).observe({ type: 'longtask' });
`;

it(`shows a rush of 200 admissions a second, with ${watchers} buyers on streams, without a task over ${longTaskMs} ms, and ends on the audit’s numbers`, async () => {
  const at = await openConsoleHouse({ workers: 2 });
  try {
    const items = [{ sku: 'tee', name: 'Tee', priceMinor: 4900, stock }];
    await at.ask('POST', '/v1/sales', { id: 'rush', name: 'Rush', status: 'open', items });
    const page = await at.visit({ viewport: { width: 1360, height: 860 } });
    await at.signIn(page, adminKey, '#/sales/rush');
    await page.getByText('Admissions a second').waitFor();
    await page.getByText('Live').waitFor();
    await page.evaluate(observer);
    await at.browser.startTracing(page, { categories: ['toplevel'] });

    const crowd = startCrowd({
      edge: at.edge.url,
      saleId: 'rush',
      skus: ['tee'],
      perSecond: 200,
      pays: 0.7,
      payAfterMs: 4_000,
      watches: watchers,
    });
    await until('the stock to be gone', async () => (crowd.answers.get(409) ?? 0) > 200, 120_000);
    expect(crowd.watching()).toBe(watchers);
    await until('the watchers to hear of their holds', async () => crowd.heard.size === watchers, 60_000);
    const longTasks = await page.evaluate<number[]>('globalThis.longTasks');
    const tasks = tasksIn(await at.browser.stopTracing());
    await crowd.stop();
    await atRest(at.house, 'rush', 60_000);

    const sale = await at.ask('GET', '/v1/sales/rush');
    const audit = await at.ask('GET', '/v1/sales/rush/audit');
    expect(audit.ok).toBe(true);
    const inRows = audit.checks.find(({ name }: { name: string }) => name === 'never_oversold:tee');
    const { held, confirmed } = sale.items[0];
    expect(held + confirmed).toBe(inRows.actual);
    const shown = `${count(confirmed)} of ${count(stock)} sold, ${count(held)} on hold, ${count(stock - held - confirmed)} available`;
    await page.getByRole('img', { name: shown }).first().waitFor();
    await page.locator('[data-lamp=good]').waitFor();
    expect(tasks.length).toBeGreaterThan(100);
    // On a machine that is not its own a task may be long for want of a processor: then its own time tells.
    expect(tasks.filter(({ ownMs }) => ownMs > longTaskMs)).toEqual([]);
    if (tasks.every(({ ms, ownMs }) => ms < longTaskMs || ownMs > ms / 2)) expect(longTasks).toEqual([]);
    expect(at.complaints).toEqual([]);
  } finally {
    await at.close();
  }
}, 300_000);

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds: in all, and on a processor. */
  dur?: number;
  tdur?: number;
  args?: { name?: string };
}

/** Every task of the page's main thread. */
function tasksIn(trace: Buffer): { ms: number; ownMs: number }[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const named = traceEvents.filter(({ ph, args }) => ph === 'M' && args?.name === 'CrRendererMain');
  const main = new Set(named.map(thread));
  return traceEvents
    .filter((event) => event.ph === 'X' && event.name.endsWith('RunTask') && main.has(thread(event)))
    .map(({ dur = 0, tdur = 0 }) => ({ ms: dur / 1_000, ownMs: tdur / 1_000 }));
}

const count = (value: number) => new Intl.NumberFormat('en').format(value);
