import { useQuery } from '@tanstack/react-query';
import { ask } from '../ask.ts';
import { clockTime, dateTime, money } from '../numbers.ts';
import { Waiting } from '../parts/notice.tsx';
import { TicketStatusChip } from '../parts/status.tsx';
import type { SaleRecord, StoryRecord } from '../records.ts';
import { hrefs } from '../route.ts';
import { reasonWord } from '../words.ts';
import { TicketActions } from './ticket-actions.tsx';
import { Timeline } from './timeline.tsx';

const againMs = 3_000;

/** What happened to one ticket, as the journal tells it. */
export function Ticket({ ticketId }: { ticketId: string }) {
  const story = useQuery({
    queryKey: ['ticket', ticketId],
    queryFn: ({ signal }) =>
      ask<StoryRecord>('GET', `/v1/tickets/${encodeURIComponent(ticketId)}`, { signal }),
    refetchInterval: againMs,
  });
  const saleId = story.data?.saleId;
  const sale = useQuery({
    queryKey: ['sale', saleId],
    queryFn: ({ signal }) =>
      ask<SaleRecord>('GET', `/v1/sales/${encodeURIComponent(saleId ?? '')}`, { signal }),
    enabled: saleId !== undefined,
    staleTime: 60_000,
  });
  if (story.data === undefined)
    return (
      <div className="stack">
        <nav aria-label="Way back">
          <a href={hrefs.sales}>← Sales</a>
        </nav>
        <Waiting error={story.error} />
      </div>
    );
  return (
    <Story
      story={story.data}
      currency={sale.data?.currency ?? null}
      saleName={sale.data?.name ?? story.data.saleId}
    />
  );
}

function Story({
  story,
  currency,
  saleName,
}: {
  story: StoryRecord;
  currency: string | null;
  saleName: string;
}) {
  return (
    <div className="stack wide">
      <header className="sale-head">
        <nav aria-label="Way back">
          <a href={hrefs.sale(story.saleId)}>← {saleName}</a>
        </nav>
        <div className="head">
          <h1>{story.house ? 'The house' : story.buyerId}</h1>
          <TicketStatusChip status={story.status} />
          {story.reason !== null && <span className="chip plain">{reasonWord(story.reason)}</span>}
        </div>
        <p className="quiet">
          <code>{story.id}</code>
        </p>
        <TicketActions story={story} total={currency === null ? null : money(story.totalMinor, currency)} />
      </header>
      <div className="columns">
        <section className="card">
          <h2>Story</h2>
          <Timeline story={story} />
        </section>
        <section className="card">
          <h2>Ticket</h2>
          <dl className="facts">
            <dt>What</dt>
            <dd>
              {story.lines.map(({ sku, quantity, unitPriceMinor }) => (
                <div key={sku}>
                  {quantity} × {sku}
                  {currency !== null && ` at ${money(unitPriceMinor, currency)}`}
                </div>
              ))}
            </dd>
            {currency !== null && (
              <>
                <dt>Total</dt>
                <dd>{money(story.totalMinor, currency)}</dd>
              </>
            )}
            <dt>Place in line</dt>
            <dd>
              {story.seq} <span className="quiet">(epoch {story.epoch})</span>
            </dd>
            <dt>Reserved</dt>
            <dd>{dateTime(story.reservedAt)}</dd>
            {story.expiresAt !== null && (
              <>
                <dt>Hold ends</dt>
                <dd>{clockTime(story.expiresAt)}</dd>
              </>
            )}
            {story.confirmedAt !== null && (
              <>
                <dt>Bought</dt>
                <dd>{dateTime(story.confirmedAt)}</dd>
              </>
            )}
            {story.paymentRef !== null && (
              <>
                <dt>Payment</dt>
                <dd>
                  <code>{story.paymentRef}</code>
                </dd>
              </>
            )}
            <dt>Extended</dt>
            <dd>{story.extensions} times</dd>
            <dt>Receipt</dt>
            <dd>
              <code className="wrap">{story.receipt}</code>
            </dd>
          </dl>
        </section>
      </div>
    </div>
  );
}
