import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { clockTime, dateTime } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Complaint, Waiting } from '../parts/notice.tsx';
import type { DeliveryRecord, WebhookRecord } from '../records.ts';

interface Page {
  deliveries: DeliveryRecord[];
  nextCursor: string | null;
}

const againMs = 3_000;
const tones: Record<string, string> = { delivered: 'good', failing: 'warn', failed: 'bad' };

/** What was sent to one receiver, and how it went, the newest first. */
export function Deliveries({ webhook }: { webhook: WebhookRecord }) {
  const queries = useQueryClient();
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const path = `/v1/webhooks/${webhook.id}/deliveries`;
  const page = useQuery({
    queryKey: ['deliveries', webhook.id, cursor],
    queryFn: ({ signal }) =>
      ask<Page>('GET', `${path}?limit=20${cursor === undefined ? '' : `&cursor=${cursor}`}`, { signal }),
    refetchInterval: againMs,
  });
  const resending = useMutation({
    mutationFn: (deliveryId: string) => ask('POST', `${path}/${encodeURIComponent(deliveryId)}/resend`),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['deliveries'] }),
  });
  return (
    <section className="card table-card">
      <h2>Sent to {webhook.name}</h2>
      {resending.isError && <Complaint>{messageOf(resending.error)}</Complaint>}
      {page.data === undefined ? (
        <Waiting error={page.error} />
      ) : page.data.deliveries.length === 0 ? (
        <p className="quiet">Nothing yet.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th>When</th>
              <th className="grow">What</th>
              <th>How it went</th>
              <th className="number">Attempts</th>
              <th>
                <span className="unseen">Change</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {page.data.deliveries.map((delivery) => (
              <tr key={delivery.id}>
                <td data-label="When">{dateTime(delivery.createdAt)}</td>
                <th scope="row" className="grow">
                  {delivery.type}
                  {delivery.saleId !== null && (
                    <small className="quiet">
                      <code>{delivery.saleId}</code> · journal {delivery.position}
                    </small>
                  )}
                </th>
                <td data-label="How it went">
                  <span className={`chip ${tones[delivery.status] ?? 'plain'}`}>{delivery.status}</span>
                  {delivery.error !== null && (
                    <small className="quiet">
                      {delivery.error} {delivery.lastStatusCode}
                      {delivery.nextAttemptAt !== null && `, again at ${clockTime(delivery.nextAttemptAt)}`}
                    </small>
                  )}
                </td>
                <td data-label="Attempts" className="number">
                  {delivery.attempts}
                </td>
                <td className="actions">
                  <Action
                    scope="merchant"
                    busy={resending.isPending && resending.variables === delivery.id}
                    onClick={() => resending.mutate(delivery.id)}
                  >
                    Send again<span className="unseen"> {delivery.type}</span>
                  </Action>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div className="buttons">
        {cursors.length > 0 && <Action onClick={() => setCursors([])}>To the newest</Action>}
        {page.data?.nextCursor != null && (
          <Action onClick={() => setCursors([...cursors, page.data?.nextCursor ?? ''])}>Older</Action>
        )}
      </div>
    </section>
  );
}
