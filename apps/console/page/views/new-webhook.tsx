import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { Action } from '../parts/action.tsx';
import { Field } from '../parts/field.tsx';
import { Complaint } from '../parts/notice.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import type { WebhookRecord } from '../records.ts';

export function NewWebhook() {
  const queries = useQueryClient();
  const [url, setUrl] = useState('');
  const [name, setName] = useState('');
  const [saleId, setSaleId] = useState('');
  const creating = useMutation({
    mutationFn: () =>
      ask<WebhookRecord & { secret: string }>('POST', '/v1/webhooks', {
        body: { url, ...(name !== '' && { name }), ...(saleId !== '' && { saleId }) },
      }),
    onSuccess: async () => {
      setUrl('');
      setName('');
      setSaleId('');
      await queries.invalidateQueries({ queryKey: ['webhooks'] });
    },
  });
  return (
    <section className="card">
      <h2>A new receiver</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!creating.isPending) creating.mutate();
        }}
      >
        <Field
          label="Address"
          type="url"
          required
          placeholder="https://shop.example/holdfast"
          value={url}
          onChange={(event) => setUrl(event.target.value)}
        />
        <div className="fields">
          <Field
            label="Name"
            maxLength={128}
            placeholder="the host’s"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <Field
            label="Only of the sale"
            placeholder="all sales"
            value={saleId}
            onChange={(event) => setSaleId(event.target.value)}
          />
        </div>
        {creating.isError && <Complaint>{messageOf(creating.error)}</Complaint>}
        <div className="buttons">
          <Action type="submit" kind="primary" scope="merchant" busy={creating.isPending}>
            Add it
          </Action>
        </div>
      </form>
      {creating.data !== undefined && (
        <ShownOnce
          title={`The secret of “${creating.data.name}”`}
          secret={creating.data.secret}
          onClose={() => creating.reset()}
        />
      )}
    </section>
  );
}
