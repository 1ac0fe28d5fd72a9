import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../ask.ts';
import { clockTime, dateTime, money, span } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Waiting } from '../parts/notice.tsx';
import { Question } from '../parts/question.tsx';
import { TicketStatusChip } from '../parts/status.tsx';
import type { SaleRecord, StoryRecord } from '../records.ts';
import { hrefs } from '../route.ts';
import { eventWord, reasonWord } from '../words.ts';

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

function Timeline({ story }: { story: StoryRecord }) {
  const start = Date.parse(story.reservedAt);
  return (
    <ol className="timeline">
      <li>
        <time dateTime={story.reservedAt}>{clockTime(story.reservedAt)}</time>
        <div>
          <b>Came to the gate</b>
          <small className="quiet">place {story.seq} in line</small>
        </div>
      </li>
      {story.events.map((event) => (
        <li key={event.position} data-event={event.type}>
          <time dateTime={event.at}>{clockTime(event.at)}</time>
          <div>
            <b>{eventWord(event.type)}</b>
            <small className="quiet">
              {[
                ...factsOf(event.data),
                `+${span(Math.max(0, (Date.parse(event.at) - start) / 1_000))}`,
                `journal ${event.position}`,
              ].join(' · ')}
            </small>
          </div>
        </li>
      ))}
    </ol>
  );
}

function factsOf(data: StoryRecord['events'][number]['data']): string[] {
  return [
    data.expiresAt === undefined ? null : `until ${clockTime(data.expiresAt)}`,
    data.seconds === undefined ? null : `${span(data.seconds)} more`,
    data.paymentRef === undefined ? null : `payment ${data.paymentRef}`,
    data.reason === undefined ? null : reasonWord(data.reason),
    data.place === undefined ? null : `drawn as number ${data.place}`,
  ].filter((fact) => fact !== null);
}

function TicketActions({ story, total }: { story: StoryRecord; total: string | null }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<'return' | 'refunded' | null>(null);
  const post = (verb: 'return' | 'refunded') => async (idempotencyKey: string) => {
    await ask('POST', `/v1/tickets/${encodeURIComponent(story.id)}/${verb}`, { idempotencyKey });
    await queries.invalidateQueries({ queryKey: ['ticket', story.id] });
  };
  const close = () => setAsked(null);
  return (
    <div className="buttons">
      <Action
        scope="merchant"
        refusal={story.status === 'confirmed' ? null : 'Only what was bought can be taken back'}
        onClick={() => setAsked('return')}
      >
        Take back …
      </Action>
      <Action
        scope="merchant"
        refusal={story.status === 'refund_due' ? null : 'No refund is due'}
        onClick={() => setAsked('refunded')}
      >
        Money went back …
      </Action>
      {asked === 'return' && (
        <Question
          title="Take this back?"
          yes="Take it back"
          kind="danger"
          onYes={post('return')}
          onClose={close}
        >
          <p>
            Its units go on sale again at once, perhaps to somebody else: <b>it cannot be taken back.</b>
            {total !== null && ` ${total} were paid; returning them is done with your payment provider.`}
          </p>
        </Question>
      )}
      {asked === 'refunded' && (
        <Question title="The money went back?" yes="It went back" onYes={post('refunded')} onClose={close}>
          <p>
            This only writes down that {total ?? 'the money'} was returned to {story.buyerId}. It moves no
            money, and cannot be taken back.
          </p>
        </Question>
      )}
    </div>
  );
}
