import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { dateTime } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Complaint } from '../parts/notice.tsx';
import { Question } from '../parts/question.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import type { WebhookRecord } from '../records.ts';

interface WebhookListProps {
  webhooks: readonly WebhookRecord[];
  /** Whose deliveries are shown. */
  chosen: string | null;
  onChosen(id: string): void;
}

export function WebhookList({ webhooks, chosen, onChosen }: WebhookListProps) {
  return (
    <section className="card table-card">
      <h2>Who is told</h2>
      {webhooks.length === 0 ? (
        <p className="quiet">
          Nobody yet. Your own systems can hear of everything that happens, in order, signed.
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              <th>Receiver</th>
              <th>State</th>
              <th>
                <span className="unseen">Change</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {webhooks.map((webhook) => (
              <Row
                key={webhook.id}
                webhook={webhook}
                isChosen={webhook.id === chosen}
                onChosen={() => onChosen(webhook.id)}
              />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({
  webhook,
  isChosen,
  onChosen,
}: {
  webhook: WebhookRecord;
  isChosen: boolean;
  onChosen(): void;
}) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<'rotate' | 'revoke' | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const path = `/v1/webhooks/${webhook.id}`;
  const lookAgain = () =>
    Promise.all(['webhooks', 'deliveries'].map((name) => queries.invalidateQueries({ queryKey: [name] })));
  const doing = useMutation({
    mutationFn: (what: 'test' | 'paused' | 'enabled') =>
      what === 'test' ? ask('POST', `${path}/test`) : ask('PATCH', path, { body: { status: what } }),
    onSuccess: lookAgain,
  });
  const { status, reason, failingSince, types, saleId } = webhook;
  const isOver = status === 'revoked';
  return (
    <tr>
      <th scope="row">
        {webhook.name}
        <small className="quiet">
          <code>{webhook.url}</code>
        </small>
        <small className="quiet">
          {types === null ? 'everything' : types.join(', ')}
          {saleId !== null && ` of ${saleId}`}
        </small>
        {doing.isError && <Complaint>{messageOf(doing.error)}</Complaint>}
      </th>
      <td data-label="State">
        <span
          className={`chip ${failingSince !== null || reason !== null ? 'bad' : status === 'enabled' ? 'good' : 'plain'}`}
        >
          {status}
        </span>
        {reason !== null && <small className="quiet">{reason}</small>}
        {failingSince !== null && <small className="quiet">fails since {dateTime(failingSince)}</small>}
      </td>
      <td className="actions">
        <div className="buttons end">
          <Action refusal={isChosen ? 'Shown below' : null} onClick={onChosen}>
            Deliveries
          </Action>
          {!isOver && (
            <>
              <Action scope="merchant" busy={doing.isPending} onClick={() => doing.mutate('test')}>
                Test
              </Action>
              <Action
                scope="merchant"
                busy={doing.isPending}
                onClick={() => doing.mutate(status === 'enabled' ? 'paused' : 'enabled')}
              >
                {status === 'enabled' ? 'Pause' : 'Enable'}
              </Action>
              <Action scope="merchant" onClick={() => setAsked('rotate')}>
                New secret …
              </Action>
              <Action scope="merchant" kind="danger" onClick={() => setAsked('revoke')}>
                Revoke …
              </Action>
            </>
          )}
        </div>
        {asked === 'rotate' && (
          <Question
            title="Make a new secret?"
            yes="Make it"
            onYes={async () => {
              const made = await ask<{ secret: string }>('POST', `${path}/rotate`);
              setSecret(made.secret);
              await lookAgain();
            }}
            onClose={() => setAsked(null)}
          >
            <p>
              For a day messages carry both signatures, so that the receiver can change over; then the old one
              is gone.
            </p>
          </Question>
        )}
        {asked === 'revoke' && (
          <Question
            title={`Revoke “${webhook.name}”?`}
            yes="Revoke it"
            kind="danger"
            onYes={async () => {
              await ask('POST', `${path}/revoke`);
              await lookAgain();
            }}
            onClose={() => setAsked(null)}
          >
            <p>
              Nothing more is sent there, and <b>a revoked receiver stays revoked.</b>
            </p>
          </Question>
        )}
        {secret !== null && (
          <ShownOnce
            title={`The secret of “${webhook.name}”`}
            secret={secret}
            onClose={() => setSecret(null)}
          />
        )}
      </td>
    </tr>
  );
}
