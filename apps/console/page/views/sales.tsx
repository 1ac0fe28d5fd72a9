import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../ask.ts';
import { count, dateTime, span } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Waiting } from '../parts/notice.tsx';
import { Freshness, SaleStatusChip } from '../parts/status.tsx';
import { soldShare, StockBar } from '../parts/stock-bar.tsx';
import { Tile } from '../parts/tile.tsx';
import type { QueuesRecord, SaleRecord } from '../records.ts';
import { hrefs } from '../route.ts';
import { sharesOf } from '../sale-sums.ts';
import { useStream } from '../stream.ts';
import { useRefusalOf } from '../session.ts';
import { NewSaleForm } from './new-sale.tsx';

const againMs = 4_000;
const pageSize = 25;

interface SalesPage {
  sales: SaleRecord[];
  nextCursor: string | null;
}

/** Every sale, and whether the house stands: the first thing that is seen. */
export function Sales() {
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const sales = useQuery({
    queryKey: ['sales', cursor],
    queryFn: ({ signal }) =>
      ask<SalesPage>('GET', `/v1/sales?limit=${pageSize}${cursor === undefined ? '' : `&cursor=${cursor}`}`, {
        signal,
      }),
    refetchInterval: againMs,
    placeholderData: keepPreviousData,
  });
  const [queues, setQueues] = useState<QueuesRecord | null>(null);
  const heard = useStream('/v1/queues/events', ['queues'], (_event, data) => setQueues(data as QueuesRecord));
  if (sales.data === undefined) return <Waiting error={sales.error} />;
  const { nextCursor } = sales.data;
  if (sales.data.sales.length === 0 && cursor === undefined) return <FirstSale />;
  return (
    <div className="stack wide">
      <header className="head">
        <h1>Sales</h1>
        <Freshness heard={heard} />
        <a className="button primary" href={hrefs.newSale}>
          New sale
        </a>
      </header>
      <Pulse queues={queues} />
      <div className="card table-card">
        <table>
          <thead>
            <tr>
              <th>Sale</th>
              <th>State</th>
              <th className="grow">Sold</th>
              <th className="number">On hold</th>
              <th className="number">Available</th>
              <th className="number">Waiting</th>
              <th className="number">In the intake</th>
            </tr>
          </thead>
          <tbody>
            {sales.data.sales.map((sale) => (
              <Row key={sale.id} sale={sale} queues={queues} />
            ))}
          </tbody>
        </table>
        {(cursor !== undefined || nextCursor !== null) && (
          <div className="buttons">
            {cursor !== undefined && <Action onClick={() => setCursors([])}>To the newest</Action>}
            {nextCursor !== null && (
              <Action onClick={() => setCursors([...cursors, nextCursor])}>Older</Action>
            )}
          </div>
        )}
      </div>
    </div>
  );
}

function Row({ sale, queues }: { sale: SaleRecord; queues: QueuesRecord | null }) {
  const shares = sharesOf(sale.items);
  const intake = queues?.sales.find(({ saleId }) => saleId === sale.id);
  return (
    <tr>
      <th scope="row">
        <a href={hrefs.sale(sale.id)}>{sale.name}</a>
        <small className="quiet">
          <code>{sale.id}</code> · {dateTime(sale.createdAt)}
        </small>
      </th>
      <td data-label="State">
        <SaleStatusChip status={sale.status} />
      </td>
      <td data-label="Sold" className="grow">
        <StockBar {...shares} />
        <small>
          {count(shares.sold)} of {count(shares.stock)} · {soldShare(shares)}
        </small>
      </td>
      <td data-label="On hold" className="number">
        {count(shares.held)}
      </td>
      <td data-label="Available" className="number">
        {count(shares.available)}
      </td>
      <td data-label="Waiting" className="number">
        {count(sale.counts.waitlisted + sale.counts.lobby)}
      </td>
      <td data-label="In the intake" className="number">
        {intake === undefined ? '0' : `${count(intake.depth)} · ${span(intake.oldestAgeSeconds)}`}
      </td>
    </tr>
  );
}

function Pulse({ queues }: { queues: QueuesRecord | null }) {
  if (queues === null) return null;
  const { workers, depth, oldestAgeSeconds } = queues;
  const bells = queues.queues.filter(({ name }) => name === 'commit');
  const waiting = bells.reduce((sum, queue) => sum + queue.waiting + queue.active, 0);
  return (
    <dl className="tiles">
      <Tile
        name="Workers seen"
        tone={workers.length === 0 ? 'bad' : 'plain'}
        note={workers.length === 0 ? 'Nobody commits' : 'connected now'}
      >
        {count(workers.length)}
      </Tile>
      <Tile name="In all intakes" note="entries that the ledger does not have yet">
        {count(depth)}
      </Tile>
      <Tile
        name="Oldest of them"
        tone={oldestAgeSeconds > 5 ? 'warn' : 'plain'}
        note="how far the ledger is behind"
      >
        {span(oldestAgeSeconds)}
      </Tile>
      <Tile name="Bells" note="commit jobs that wait or run">
        {count(waiting)}
      </Tile>
    </dl>
  );
}

function FirstSale() {
  const notAllowed = useRefusalOf('merchant');
  return (
    <div className="first-sale">
      <header>
        <h1>Your first sale</h1>
        <p className="quiet">
          A name, a thing and how many there are: the rest can be changed while it runs. Buyers come to the
          edge; here you watch, restock and stop.
        </p>
        {notAllowed !== null && (
          <p className="quiet">{notAllowed}: somebody else has to create the first sale.</p>
        )}
      </header>
      {notAllowed === null && <NewSaleForm />}
    </div>
  );
}
