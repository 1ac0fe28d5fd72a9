import { useQuery } from '@tanstack/react-query';
import { ask } from '../ask.ts';
import { clockTime, count, milliseconds, money } from '../numbers.ts';
import { Waiting } from '../parts/notice.tsx';
import type { SaleGlanceRecord, Statistics } from '../records.ts';

const againMs = 10_000;

/** What the sale brought, by hour or by day, and how long it took the buyers. */
export function SaleStatistics({ sale }: { sale: SaleGlanceRecord }) {
  const statistics = useQuery({
    queryKey: ['statistics', sale.id],
    queryFn: ({ signal }) =>
      ask<Statistics>('GET', `/v1/sales/${encodeURIComponent(sale.id)}/stats`, { signal }),
    refetchInterval: againMs,
  });
  return (
    <section className="card table-card">
      <h2>What it brought</h2>
      {statistics.data === undefined ? (
        <Waiting error={statistics.error} />
      ) : (
        <Figures statistics={statistics.data} />
      )}
    </section>
  );
}

function Figures({ statistics }: { statistics: Statistics }) {
  const { byHour, byDay, queueTimeMs, holdTimeMs, currency } = statistics;
  const periods =
    byHour?.map(({ hour, ...period }) => ({ when: clockTime(hour).slice(0, 5), ...period })) ??
    byDay.map(({ day, ...period }) => ({ when: day, ...period }));
  const most = Math.max(1, ...periods.map(({ revenueMinor }) => revenueMinor));
  return (
    <>
      <dl className="facts">
        <dt>Waited for a hold</dt>
        <dd>{timesOf(queueTimeMs)}</dd>
        <dt>Paid after</dt>
        <dd>{timesOf(holdTimeMs)}</dd>
      </dl>
      {periods.length > 0 && (
        <table className="bars">
          <thead>
            <tr>
              <th>{byHour === null ? 'Day (UTC)' : 'Hour'}</th>
              <th className="grow">
                <span className="unseen">Share</span>
              </th>
              <th className="number">Units</th>
              <th className="number">Sold for</th>
            </tr>
          </thead>
          <tbody>
            {periods.map(({ when, unitsSold, revenueMinor }) => (
              <tr key={when}>
                <th scope="row">{when}</th>
                <td className="grow" aria-hidden="true">
                  <span className="share good" style={{ inlineSize: `${(revenueMinor / most) * 100}%` }} />
                </td>
                <td data-label="Units" className="number">
                  {count(unitsSold)}
                </td>
                <td data-label="Sold for" className="number">
                  {money(revenueMinor, currency)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function timesOf({ p50, p95, p99 }: Statistics['queueTimeMs']): string {
  if (p50 === null) return 'nobody yet';
  return `half within ${milliseconds(p50)}, 95 % ${milliseconds(p95)}, 99 % ${milliseconds(p99)}`;
}
