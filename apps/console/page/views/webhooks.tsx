import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../ask.ts';
import { Waiting } from '../parts/notice.tsx';
import type { WebhookRecord } from '../records.ts';
import { useRefusalOf } from '../session.ts';
import { Deliveries } from './deliveries.tsx';
import { NewWebhook } from './new-webhook.tsx';
import { WebhookList } from './webhook-list.tsx';

/** Who is told what happens, and how the telling goes. */
export function Webhooks() {
  const notAllowed = useRefusalOf('merchant');
  if (notAllowed !== null)
    return (
      <div className="stack">
        <h1>Webhooks</h1>
        <p className="quiet">{notAllowed}: webhooks are shown to merchants.</p>
      </div>
    );
  return <Shown />;
}

const againMs = 5_000;

function Shown() {
  const [chosen, setChosen] = useState<string | null>(null);
  const webhooks = useQuery({
    queryKey: ['webhooks'],
    queryFn: ({ signal }) => ask<{ webhooks: WebhookRecord[] }>('GET', '/v1/webhooks', { signal }),
    refetchInterval: againMs,
  });
  const shown = webhooks.data?.webhooks.find(({ id }) => id === chosen) ?? webhooks.data?.webhooks[0];
  return (
    <div className="stack wide">
      <h1>Webhooks</h1>
      <div className="columns">
        {webhooks.data === undefined ? (
          <section className="card">
            <Waiting error={webhooks.error} />
          </section>
        ) : (
          <WebhookList webhooks={webhooks.data.webhooks} chosen={shown?.id ?? null} onChosen={setChosen} />
        )}
        <NewWebhook />
      </div>
      {shown !== undefined && <Deliveries key={shown.id} webhook={shown} />}
    </div>
  );
}
