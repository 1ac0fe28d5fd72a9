/** What a merchant waits for after a very large sale: a million reservations over a month, and the same in one day. */
import { statisticsSchema } from '@holdfast/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sumsStatement } from '../../packages/ledger/src/queries/statistics.ts';
import { adminKey, openConsoleApp } from '../support/console-app.ts';
import { type House, openHouse } from '../support/house.ts';
import { writeMany } from '../support/many-reservations.ts';
import { openTees } from '../support/sales.ts';

const count = 1_000_000;
const asks = 15;

let house: House;
let consoleApp: Awaited<ReturnType<typeof openConsoleApp>>;

beforeAll(async () => {
  house = await openHouse({ workers: 0 });
  consoleApp = await openConsoleApp(house);
});
afterAll(async () => {
  await consoleApp.close();
  await house.close();
});

it.each([
  ['a day, 4 items', 1, 4],
  ['a month, 50 items', 30, 50],
])('statistics of a million reservations are read without looking at one: %s', async (name, days, items) => {
  const saleId = await openTees(house, 1);
  await writeMany(house, saleId, { count, days, items });
  await sumUp(saleId);
  const times: number[] = [];
  for (let ask = 0; ask < asks; ask += 1) times.push((await read(saleId)).queryTimeMs);
  times.sort((a, b) => a - b);
  const [{ sums } = { sums: 0 }] = await house.rows<{ sums: number }>(
    'select count(*)::int as sums from statistics where sale_id = $1',
    [saleId],
  );
  console.log(
    `${name}: ${count} reservations, ${sums} sums, ${times[Math.floor(asks / 2)]} ms in the middle of ${asks}, ${times[0]} to ${times.at(-1)}`,
  );

  const plan = await house.rows<{ 'QUERY PLAN': unknown }>(
    `explain (analyze, format json) ${sumsStatement.text.replaceAll('$1', `'${saleId}'`)}`,
  );
  const touched = new Set(JSON.stringify(plan).match(/"Relation Name":"\w+"/g));
  expect([...touched].sort()).toEqual(
    ['items', 'rejections', 'sales', 'statistics'].map((table) => `"Relation Name":"${table}"`),
  );
  await expectTrue(saleId);
});

async function read(saleId: string) {
  const response = await consoleApp.app.request(`/v1/sales/${saleId}/stats`, {
    headers: { Authorization: `Bearer ${adminKey}` },
  });
  return statisticsSchema.parse(await response.json());
}

/** What the runs would have added up. */
async function sumUp(saleId: string): Promise<void> {
  const moved = (measure: string, at: string, where: string) =>
    house.rows(
      `insert into statistics
       select $1, date_trunc('hour', r.${at}), '${measure}', '', count(*), sum(l.quantity),
              sum(l.quantity * l.unit_price_minor)
         from reservations r join reservation_lines l using (ticket_id)
        where r.sale_id = $1 and ${where} group by 2
       union all
       select $1, 'epoch', '${measure}', l.sku, count(*), sum(l.quantity), sum(l.quantity * l.unit_price_minor)
         from reservations r join reservation_lines l using (ticket_id)
        where r.sale_id = $1 and ${where} group by l.sku`,
      [saleId],
    );
  const timed = (measure: string, from: string, to: string) =>
    house.rows(
      `insert into statistics
       select $1, 'epoch', '${measure}',
              case when ms <= 1 then 0 else ceil(ln(ms) / ln(17 / 16.0) - 1e-9) end::int::text, count(*), 0, 0
         from (select *, extract(epoch from ${to} - ${from})::float8 * 1000 as ms from reservations
                where sale_id = $1 and ${to} is not null and ${from} is not null) as t group by 4`,
      [saleId],
    );
  await moved('>held', 'held_at', 'r.held_at is not null');
  await moved('held>confirmed', 'confirmed_at', `r.status = 'confirmed'`);
  await moved('held>cancelled', 'held_at', `r.status = 'cancelled'`);
  await moved('>rejected', 'reserved_at', `r.status = 'rejected'`);
  await timed('queue', 'reserved_at', 'held_at');
  await timed('hold', 'held_at', 'confirmed_at');
  await house.rows(
    `insert into rejections select $1, date_trunc('minute', reserved_at), 'sold_out', count(*) from reservations
      where sale_id = $1 group by 2`,
    [saleId],
  );
  await house.rows('analyze statistics, rejections');
}

async function expectTrue(saleId: string): Promise<void> {
  const stats = await read(saleId);
  const [rows] = await house.rows<Record<string, number>>(
    `select sum(l.quantity) filter (where r.status = 'confirmed')::int as sold,
            sum(l.quantity * l.unit_price_minor) filter (where r.status = 'confirmed')::float8 as minor,
            count(*) filter (where r.held_at is not null)::int as made, count(distinct r.confirmed_at::date)::int as days,
            percentile_disc(0.95) within group (order by extract(epoch from r.confirmed_at - r.held_at) * 1000)::float8 as p95
       from reservations r join reservation_lines l using (ticket_id) where r.sale_id = $1`,
    [saleId],
  );
  expect([stats.units.sold, stats.revenueMinor, stats.holds.made, stats.byDay.length]).toEqual([
    rows?.['sold'],
    rows?.['minor'],
    rows?.['made'],
    rows?.['days'],
  ]);
  expect(Math.abs((stats.holdTimeMs.p95 ?? 0) / (rows?.['p95'] ?? 1) - 1)).toBeLessThan(0.035);
}
