import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { lookAtKeysAgain } from '../key-queries.ts';
import { Action } from '../parts/action.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Field, Tick } from '../parts/field.tsx';
import { Complaint } from '../parts/notice.tsx';
import type { KeyRecord, KeyScope } from '../records.ts';

const scopes: { scope: KeyScope; means: string }[] = [
  { scope: 'read', means: 'read: look at everything, change nothing' },
  { scope: 'operate', means: 'operate: open, pause, resume and close; more time for all holds' },
  { scope: 'merchant', means: 'merchant: create and cancel sales, stock, returns and refunds, keys' },
];

export function NewKey() {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [may, setMay] = useState<KeyScope[]>(['read']);
  const creating = useMutation({
    mutationFn: () => ask<KeyRecord & { key: string }>('POST', '/v1/keys', { body: { name, scopes: may } }),
    onSuccess: async () => {
      setName('');
      await lookAtKeysAgain(queries);
    },
  });
  return (
    <section className="card">
      <h2>A new key</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!creating.isPending && may.length > 0) creating.mutate();
        }}
      >
        <Field
          label="For whom"
          required
          maxLength={128}
          placeholder="Night shift"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <fieldset>
          <legend>May</legend>
          {scopes.map(({ scope, means }) => (
            <Tick
              key={scope}
              label={means}
              checked={may.includes(scope)}
              onChange={(event) =>
                setMay(event.target.checked ? [...may, scope] : may.filter((other) => other !== scope))
              }
            />
          ))}
        </fieldset>
        {creating.isError && <Complaint>{messageOf(creating.error)}</Complaint>}
        <div className="buttons">
          <Action
            type="submit"
            kind="primary"
            scope="merchant"
            busy={creating.isPending}
            refusal={may.length === 0 ? 'A key has to be allowed something' : null}
          >
            Make the key
          </Action>
        </div>
      </form>
      {creating.data !== undefined && <ShownOnce made={creating.data} onClose={() => creating.reset()} />}
    </section>
  );
}

function ShownOnce({ made, onClose }: { made: { name: string; key: string }; onClose(): void }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(made.key).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <Dialog title={`The key of “${made.name}”`} onClose={onClose}>
      <div className="stack">
        <p>
          <b>It is shown this once.</b> Only its digest is kept.
        </p>
        <output className="key">{made.key}</output>
        <div className="buttons end">
          <Action onClick={() => void copy()}>{copied ? 'Copied' : 'Copy'}</Action>
          <Action kind="primary" onClick={onClose}>
            I have it
          </Action>
        </div>
      </div>
    </Dialog>
  );
}
