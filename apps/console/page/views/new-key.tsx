import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { lookAtKeysAgain } from '../key-queries.ts';
import { Action } from '../parts/action.tsx';
import { Field, Tick } from '../parts/field.tsx';
import { Complaint } from '../parts/notice.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
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
      {creating.data !== undefined && (
        <ShownOnce
          title={`The key of “${creating.data.name}”`}
          secret={creating.data.key}
          onClose={() => creating.reset()}
        />
      )}
    </section>
  );
}
