import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../ask.ts';
import { dateTime } from '../numbers.ts';
import { Action } from '../parts/action.tsx';
import { Waiting } from '../parts/notice.tsx';
import type { LogRecord } from '../records.ts';

interface LogPage {
  entries: LogRecord[];
  nextCursor: string | null;
}

/** What was done with keys, the newest first. */
export function KeyLog() {
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
