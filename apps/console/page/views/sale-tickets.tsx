import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, Problem } from '../ask.ts';
import { clockTime, money } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Waiting } from '../parts/notice.tsx';
import { TicketStatusChip } from '../parts/status.tsx';
import type { ReservationRecord, SaleGlanceRecord } from '../records.ts';
import { go, hrefs } from '../route.ts';
import { ticketStatuses, ticketStatusWord } from '../words.ts';

interface Page {
  reservations: ReservationRecord[];
  nextCursor: string | null;
}

interface Sought {
  status: string;
  buyer: string;
}

const pageSize = 12;

/** Reservations in the order of the line; one buyer's, or one ticket's story. And everything as a file. */
export function SaleTickets({ sale }: { sale: SaleGlanceRecord }) {
  const [text, setText] = useState('');
  const [sought, setSought] = useState<Sought>({ status: '', buyer: '' });
  const [cursors, setCursors] = useState<string[]>([]);
  const path = `/v1/sales/${encodeURIComponent(sale.id)}`;
  const query = queryOf({ ...sought, cursor: cursors.at(-1) ?? '', limit: String(pageSize) });
  const page = useQuery({
    queryKey: ['reservations', sale.id, query],
    queryFn: ({ signal }) => ask<Page>('GET', `${path}/reservations${query}`, { signal }),
    placeholderData: keepPreviousData,
  });
  const search = (next: Sought) => {
    setSought(next);
    setCursors([]);
  };
  return (
    <section className="card table-card" aria-label="Tickets">
      <div className="head">
        <h2>Tickets</h2>
        <div className="buttons">
          <a
            className="button plain"
            href={`${path}/reservations${queryOf({ ...sought, format: 'csv' })}`}
            download
          >
            CSV
          </a>
          <a className="button plain" href={`${path}/journal`} download={`${sale.id}-journal.ndjson`}>
            Journal
          </a>
        </div>
      </div>
      <form
        className="search"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = text.trim();
          // A ticket's id says so by its form, and leads to its story.
          if (/^[0-9a-z]+-.+-[0-9A-Za-z]{22}$/.test(wanted)) go(hrefs.ticket(wanted));
          else search({ ...sought, buyer: wanted });
        }}
      >
        <label className="field">
          <span>Buyer or ticket</span>
          <input
            type="search"
            value={text}
            onChange={(event) => setText(event.target.value)}
            placeholder="ada, or 0-demo-8nBD7E…"
            spellCheck={false}
          />
        </label>
        <label className="field">
          <span>State</span>
          <select
            value={sought.status}
            onChange={(event) => search({ ...sought, status: event.target.value })}
          >
            <option value="">Any</option>
            {ticketStatuses.map((status) => (
              <option key={status} value={status}>
                {ticketStatusWord(status)}
              </option>
            ))}
          </select>
        </label>
        <Action type="submit">Find</Action>
      </form>
      {page.data === undefined ? (
        <Waiting error={page.error} />
      ) : page.data.reservations.length === 0 ? (
        <p className="quiet">
          {sought.buyer === ''
            ? 'No tickets here yet.'
            : `No ticket of “${sought.buyer}” in this sale. Names are matched whole.`}
        </p>
      ) : (
        <Table page={page.data} currency={sale.currency} />
      )}
      {page.error instanceof Problem && page.data !== undefined && <Waiting error={page.error} />}
      <div className="buttons">
        <Action onClick={() => void page.refetch()} busy={page.isFetching}>
          Look again
        </Action>
        {cursors.length > 0 && <Action onClick={() => setCursors([])}>To the first</Action>}
        {page.data?.nextCursor != null && (
          <Action onClick={() => setCursors([...cursors, page.data?.nextCursor ?? ''])}>
            Next {pageSize}
          </Action>
        )}
      </div>
    </section>
  );
}

function Table({ page, currency }: { page: Page; currency: string }) {
  return (
    <table>
      <thead>
        <tr>
          <th className="number">Place</th>
          <th>Buyer</th>
          <th>State</th>
          <th className="grow">What</th>
          <th className="number">Total</th>
          <th className="number">Reserved</th>
        </tr>
      </thead>
      <tbody>
        {page.reservations.map((reservation) => (
          <tr key={reservation.id}>
            <td data-label="Place" className="number">
              {reservation.seq}
            </td>
            <th scope="row">
              <a href={hrefs.ticket(reservation.id)}>
                {reservation.house ? 'The house' : reservation.buyerId}
              </a>
            </th>
            <td data-label="State">
              <TicketStatusChip status={reservation.status} />
            </td>
            <td data-label="What" className="grow">
              {reservation.lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(', ')}
            </td>
            <td data-label="Total" className="number">
              {money(reservation.totalMinor, currency)}
            </td>
            <td data-label="Reserved" className="number">
              {clockTime(reservation.reservedAt)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function queryOf(parts: Record<string, string>): string {
  const query = new URLSearchParams(Object.entries(parts).filter(([, value]) => value !== ''));
  return query.size === 0 ? '' : `?${query}`;
}
