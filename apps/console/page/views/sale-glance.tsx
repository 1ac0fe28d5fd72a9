import { count, money, percent, rate, span } from '../numbers.ts';
import { soldShare, StockBar } from '../parts/stock-bar.tsx';
import { Tile } from '../parts/tile.tsx';
import type { LiveFrame } from '../records.ts';
import { sharesOf } from '../sale-sums.ts';

/** What somebody wants to know who looks for two seconds. */
export function SaleGlance({ frame: { sale, sample } }: { frame: LiveFrame }) {
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
