import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../ask.ts';
import { lookAtKeysAgain } from '../key-queries.ts';
import { dateTime } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Waiting } from '../parts/notice.tsx';
import { Question } from '../parts/question.tsx';
import type { KeyRecord } from '../records.ts';

export function KeyList() {
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
            await lookAtKeysAgain(queries);
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
