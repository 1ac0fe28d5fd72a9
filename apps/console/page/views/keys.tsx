import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf } from '../ask.ts';
import { dateTime } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Field, Tick } from '../parts/field.tsx';
import { Complaint, Waiting } from '../parts/notice.tsx';
import { Question } from '../parts/question.tsx';
import type { KeyRecord, KeyScope, LogRecord } from '../records.ts';
import { useRefusalOf } from '../session.ts';

const scopes: { scope: KeyScope; means: string }[] = [
  { scope: 'read', means: 'read: look at everything, change nothing' },
  { scope: 'operate', means: 'operate: open, pause, resume and close; more time for all holds' },
  { scope: 'merchant', means: 'merchant: create and cancel sales, stock, returns and refunds, keys' },
];

/** Who may do what, and who did what. */
export function Keys() {
  const notAllowed = useRefusalOf('merchant');
  if (notAllowed !== null)
    return (
      <div className="stack">
        <h1>Keys</h1>
        <p className="quiet">{notAllowed}: keys and the log are shown to merchants.</p>
      </div>
    );
  return (
    <div className="stack wide">
      <h1>Keys</h1>
      <div className="columns">
        <KeyList />
        <NewKey />
      </div>
      <Log />
    </div>
  );
}

async function lookAgain(queries: QueryClient): Promise<void> {
  await Promise.all(['keys', 'log'].map((name) => queries.invalidateQueries({ queryKey: [name] })));
}

function KeyList() {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<KeyRecord | null>(null);
  const keys = useQuery({
    queryKey: ['keys'],
    queryFn: ({ signal }) => ask<{ keys: KeyRecord[] }>('GET', '/v1/keys', { signal }),
  });
  return (
    <section className="card table-card">
      <h2>Given out</h2>
      {keys.data === undefined ? (
        <Waiting error={keys.error} />
      ) : keys.data.keys.length === 0 ? (
        <p className="quiet">
          Only the admin key of the settings, which may do everything and cannot be revoked here.
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              <th>Key</th>
              <th>May</th>
              <th>Last used</th>
              <th>
                <span className="unseen">Change</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.data.keys.map((key) => (
              <tr key={key.id}>
                <th scope="row">
                  {key.name}
                  <small className="quiet">
                    <code>{key.prefix}…</code> · {dateTime(key.createdAt)}
                  </small>
                </th>
                <td data-label="May">{key.scopes.join(', ')}</td>
                <td data-label="Last used">{key.lastUsedAt === null ? 'never' : dateTime(key.lastUsedAt)}</td>
                <td className="actions">
                  {key.revokedAt === null ? (
                    <Action scope="merchant" onClick={() => setAsked(key)}>
                      Revoke …<span className="unseen"> {key.name}</span>
                    </Action>
                  ) : (
                    <span className="chip plain">Revoked {dateTime(key.revokedAt)}</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {asked !== null && (
        <Question
          title={`Revoke “${asked.name}”?`}
          yes="Revoke it"
          kind="danger"
          onYes={async () => {
            await ask('POST', `/v1/keys/${asked.id}/revoke`);
            await lookAgain(queries);
          }}
          onClose={() => setAsked(null)}
        >
          <p>
            It is refused from that moment on, and everybody who is signed in with it is signed out.{' '}
            <b>A revoked key stays revoked.</b>
          </p>
        </Question>
      )}
    </section>
  );
}

function NewKey() {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [may, setMay] = useState<KeyScope[]>(['read']);
  const creating = useMutation({
    mutationFn: () => ask<KeyRecord & { key: string }>('POST', '/v1/keys', { body: { name, scopes: may } }),
    onSuccess: async () => {
      setName('');
      await lookAgain(queries);
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

interface LogPage {
  entries: LogRecord[];
  nextCursor: string | null;
}

function Log() {
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const log = useQuery({
    queryKey: ['log', cursor],
    queryFn: ({ signal }) =>
      ask<LogPage>('GET', `/v1/audit-log?limit=20${cursor === undefined ? '' : `&cursor=${cursor}`}`, {
        signal,
      }),
  });
  return (
    <section className="card table-card">
      <h2>What was done</h2>
      {log.data === undefined ? (
        <Waiting error={log.error} />
      ) : (
        <table>
          <thead>
            <tr>
              <th>When</th>
              <th>Key</th>
              <th className="grow">What</th>
              <th className="number">Answer</th>
            </tr>
          </thead>
          <tbody>
            {log.data.entries.map((entry) => (
              <tr key={entry.id}>
                <td data-label="When">{dateTime(entry.at)}</td>
                <th scope="row">{entry.keyName}</th>
                <td data-label="What" className="grow">
                  <code className="wrap">
                    {entry.method} {entry.path}
                  </code>
                </td>
                <td data-label="Answer" className="number">
                  {entry.status}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div className="buttons">
        {cursors.length > 0 && <Action onClick={() => setCursors([])}>To the newest</Action>}
        {log.data?.nextCursor != null && (
          <Action onClick={() => setCursors([...cursors, log.data?.nextCursor ?? ''])}>Older</Action>
        )}
      </div>
    </section>
  );
}
