import { useEffect } from 'react';
import { ask } from '../ask.ts';
import { useQuery } from '@tanstack/react-query';
import { type Live, useLive } from '../live.ts';
import { count, dateTime, money, percent, rate, span } from '../numbers.ts';
import { Lamp } from '../parts/lamp.tsx';
import { Waiting } from '../parts/notice.tsx';
import { Freshness, SaleStatusChip } from '../parts/status.tsx';
import { soldShare, StockBar } from '../parts/stock-bar.tsx';
import { Tile } from '../parts/tile.tsx';
import type { LiveFrame, SaleGlanceRecord, SaleRecord } from '../records.ts';
import { hrefs } from '../route.ts';
import { sharesOf } from '../sale-sums.ts';
import { lawWord, reasonWord } from '../words.ts';
import { SaleActions } from './sale-actions.tsx';
import { SaleAudit } from './sale-audit.tsx';
import { SaleCharts } from './sale-charts.tsx';
import { SaleItems } from './sale-items.tsx';
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
      {audit !== null && !audit.ok && <Broken audit={audit} />}
      <Glance frame={frame} />
      <SaleCharts history={history} />
      <div className="columns">
        <div className="stack">
          <SaleItems sale={sale} />
          <SaleAudit saleId={sale.id} audit={audit} />
        </div>
        <div className="stack">
          <Refusals sale={sale} />
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

/** The rest stands in the audit. */
const mostBroken = 3;

function Broken({ audit }: { audit: NonNullable<LiveFrame['audit']> }) {
  return (
    <section className="broken" role="alert">
      <h2>
        {audit.broken.length === 1
          ? 'A law of this sale is broken'
          : `${audit.broken.length} laws of this sale are broken`}
      </h2>
      <ul>
        {audit.broken.slice(0, mostBroken).map(({ name, expected, actual }) => (
          <li key={name}>
            <b>{lawWord(name)}</b>: expected {expected}, is {actual} <code>{name}</code>
          </li>
        ))}
        {audit.broken.length > mostBroken && (
          <li>and {audit.broken.length - mostBroken} more, in the audit below</li>
        )}
      </ul>
      <p>Pause the sale, keep the journal, and find out before anybody else buys.</p>
    </section>
  );
}

function Glance({ frame: { sale, sample } }: { frame: LiveFrame }) {
  const shares = sharesOf(sale.items);
  const { counts } = sale;
  const ended = counts.confirmed + counts.expired + counts.cancelled;
  const paid = sale.money.confirmed;
  const due = sale.money.refund_due;
  const waiting = counts.waitlisted + counts.paid_late;
  return (
    <section className="glance" aria-label="At a glance">
      <div className="card hero">
        <p className="big">
          <strong>{count(shares.sold)}</strong>
          <span>
            of {count(shares.stock)} sold <small className="quiet">{soldShare(shares)}</small>
          </span>
        </p>
        <StockBar {...shares} />
        <ul className="legend bar-legend">
          <li>
            <span className="swatch sold" aria-hidden="true" /> Sold <b>{count(shares.sold)}</b>
          </li>
          <li>
            <span className="swatch held" aria-hidden="true" /> On hold <b>{count(shares.held)}</b>
          </li>
          <li>
            <span className="swatch left" aria-hidden="true" /> Available <b>{count(shares.available)}</b>
          </li>
        </ul>
      </div>
      <dl className="tiles">
        <Tile name="Taken in" note={`${money(sale.money.held, sale.currency)} on hold`}>
          {money(paid, sale.currency)}
        </Tile>
        <Tile name="Admitted" note="a second, just now">
          {rate(sample?.admitted)}
        </Tile>
        <Tile
          name="In the intake"
          tone={(sample?.oldestAgeMs ?? 0) > 5_000 ? 'warn' : 'plain'}
          note={`oldest ${span((sample?.oldestAgeMs ?? 0) / 1_000)}`}
        >
          {sample?.depth === null || sample === null ? '–' : count(sample.depth)}
        </Tile>
        <Tile
          name="Waiting"
          note={counts.lobby > 0 ? `${count(counts.lobby)} in the lobby` : 'on the waitlist'}
        >
          {count(waiting)}
        </Tile>
        <Tile
          name="Holds bought"
          note={`${count(counts.expired)} lapsed, ${count(counts.cancelled)} given back`}
        >
          {percent(ended === 0 ? null : counts.confirmed / ended)}
        </Tile>
        <Tile
          name="Returned"
          tone={counts.refund_due > 0 ? 'bad' : 'plain'}
          note={
            counts.refund_due > 0
              ? `${count(counts.refund_due)} refunds due, ${money(due, sale.currency)}`
              : `${count(counts.refunded)} refunded`
          }
        >
          {count(counts.returned)}
        </Tile>
      </dl>
    </section>
  );
}

function Refusals({ sale }: { sale: SaleGlanceRecord }) {
  const atGate = Object.entries(sale.refusals);
  const byLedger = Object.entries(sale.rejections);
  const most = Math.max(1, ...atGate.map(([, times]) => times), ...byLedger.map(([, times]) => times));
  const row = (reason: string, times: number, where: string) => (
    <tr key={`${where} ${reason}`}>
      <th scope="row">
        {reasonWord(reason)}
        <small className="quiet">{where}</small>
      </th>
      <td className="grow" aria-hidden="true">
        <span className="share" style={{ inlineSize: `${(times / most) * 100}%` }} />
      </td>
      <td className="number">{count(times)}</td>
    </tr>
  );
  return (
    <section className="card">
      <h2>Refused</h2>
      {atGate.length + byLedger.length === 0 ? (
        <p className="quiet">Nobody so far.</p>
      ) : (
        <table className="bars">
          <tbody>
            {atGate.map(([reason, times]) => row(reason, times, 'at the gate'))}
            {byLedger.map(([reason, times]) => row(reason, times, 'after a ticket'))}
          </tbody>
        </table>
      )}
    </section>
  );
}
