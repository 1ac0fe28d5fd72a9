import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ask } from '../ask.ts';
import { type Live, useLive } from '../live.ts';
import { count, dateTime } from '../numbers.ts';
import { Lamp } from '../parts/lamp.tsx';
import { Waiting } from '../parts/notice.tsx';
import { Freshness, SaleStatusChip } from '../parts/status.tsx';
import type { LiveFrame, SaleGlanceRecord, SaleRecord } from '../records.ts';
import { hrefs } from '../route.ts';
import { sharesOf } from '../sale-sums.ts';
import { SaleActions } from './sale-actions.tsx';
import { BrokenLaws, SaleAudit } from './sale-audit.tsx';
import { SaleCharts } from './sale-charts.tsx';
import { SaleGlance } from './sale-glance.tsx';
import { SaleItems } from './sale-items.tsx';
import { SaleRefusals } from './sale-refusals.tsx';
import { SaleStatistics } from './sale-statistics.tsx';
import { SaleTerms } from './sale-terms.tsx';
import { SaleTickets } from './sale-tickets.tsx';

/** One sale at a glance, and everything that can be done with it. */
export function Sale({ saleId }: { saleId: string }) {
  const { frame, history, heard } = useLive(saleId);
  // The stream cannot say that there is no such sale; a call can.
  const known = useQuery({
    queryKey: ['sale', saleId],
    queryFn: ({ signal }) => ask<SaleRecord>('GET', `/v1/sales/${encodeURIComponent(saleId)}`, { signal }),
    enabled: frame === null,
  });
  if (frame === null)
    return (
      <div className="stack">
        <nav aria-label="Way back">
          <a href={hrefs.sales}>← Sales</a>
        </nav>
        <Waiting error={known.error} />
      </div>
    );
  return <Shown live={{ frame, history, heard }} />;
}

function Shown({ live: { frame, history, heard } }: { live: Live & { frame: LiveFrame } }) {
  const { sale, audit } = frame;
  const { sold, stock } = sharesOf(sale.items);
  useEffect(() => {
    document.title = `${count(sold)}/${count(stock)} · ${sale.name}`;
    return () => {
      document.title = 'Holdfast console';
    };
  }, [sold, stock, sale.name]);
  const isHeard = heard.state === 'live' && heard.fault === null;
  return (
    <div className={`stack wide${isHeard ? '' : ' stale'}`}>
      <header className="sale-head">
        <nav aria-label="Way back">
          <a href={hrefs.sales}>← Sales</a>
        </nav>
        <div className="head">
          <h1>{sale.name}</h1>
          <SaleStatusChip status={sale.status} />
          <Lamp audit={audit} isHeard={isHeard} now={Date.parse(frame.at)} />
          <Freshness heard={heard} />
        </div>
        <p className="quiet">
          <code>{sale.id}</code> · {timesOf(sale)}
        </p>
        <SaleActions sale={sale} />
      </header>
      {audit !== null && !audit.ok && <BrokenLaws audit={audit} />}
      <SaleGlance frame={frame} />
      <SaleCharts history={history} />
      <div className="columns">
        <div className="stack">
          <SaleItems sale={sale} />
          <SaleStatistics sale={sale} />
          <SaleAudit saleId={sale.id} audit={audit} />
        </div>
        <div className="stack">
          <SaleRefusals sale={sale} />
          <SaleTerms sale={sale} />
        </div>
      </div>
      <SaleTickets sale={sale} />
    </div>
  );
}

function timesOf({ opensAt, closesAt, createdAt }: SaleGlanceRecord): string {
  const times = [
    opensAt === null ? null : `opens ${dateTime(opensAt)}`,
    closesAt === null ? null : `closes ${dateTime(closesAt)}`,
  ].filter((time) => time !== null);
  return times.length === 0 ? `created ${dateTime(createdAt)}` : times.join(' · ');
}
