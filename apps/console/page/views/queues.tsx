import { useState } from 'react';
import { count, rate, span } from '../numbers.ts';
import { Waiting } from '../parts/notice.tsx';
import { Freshness } from '../parts/status.tsx';
import { Tile } from '../parts/tile.tsx';
import type { QueuesRecord } from '../records.ts';
import { hrefs } from '../route.ts';
import { useStream } from '../stream.ts';

/** Who works, and what waits for them. */
export function Queues() {
  const [queues, setQueues] = useState<QueuesRecord | null>(null);
  const heard = useStream('/v1/queues/events', ['queues'], (_event, data) => setQueues(data as QueuesRecord));
  const isHeard = heard.state === 'live' && heard.fault === null;
  return (
    <div className={`stack wide${isHeard ? '' : ' stale'}`}>
      <header className="head">
        <h1>Queues</h1>
        <Freshness heard={heard} />
        <a className="button plain" href="/board">
          Queue board
        </a>
      </header>
      {queues === null ? <Waiting error={null} /> : <Figures queues={queues} />}
    </div>
  );
}

function Figures({ queues }: { queues: QueuesRecord }) {
  return (
    <>
      <dl className="tiles">
        <Tile name="Workers seen" tone={queues.workers.length === 0 ? 'bad' : 'plain'} note="connected now">
          {count(queues.workers.length)}
        </Tile>
        <Tile name="In all intakes" note="entries that the ledger does not have yet">
          {count(queues.depth)}
        </Tile>
        <Tile name="Oldest of them" tone={queues.oldestAgeSeconds > 5 ? 'warn' : 'plain'}>
          {span(queues.oldestAgeSeconds)}
        </Tile>
      </dl>
      <section className="card table-card">
        <h2>Jobs</h2>
        <p className="quiet">
          A job is a bell: doubled, lost or late, it changes nothing. One that fails is made good by the
          sweep.
        </p>
        <table>
          <thead>
            <tr>
              <th>Queue</th>
              <th className="number">Waiting</th>
              <th className="number">Active</th>
              <th className="number">Delayed</th>
              <th className="number">Failed</th>
              <th className="number">Completed a second</th>
            </tr>
          </thead>
          <tbody>
            {queues.queues.map((queue, index) => (
              <tr key={`${queue.name} ${index.toString()}`}>
                <th scope="row">{nameOf(queues.queues, index)}</th>
                <td data-label="Waiting" className="number">
                  {count(queue.waiting)}
                </td>
                <td data-label="Active" className="number">
                  {count(queue.active)}
                </td>
                <td data-label="Delayed" className="number">
                  {count(queue.delayed)}
                </td>
                <td data-label="Failed" className="number">
                  {count(queue.failed)}
                </td>
                <td data-label="Completed a second" className="number">
                  {rate(queue.completedPerSecond)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <div className="columns">
        <section className="card table-card">
          <h2>Intakes</h2>
          {queues.sales.length === 0 ? (
            <p className="quiet">All are at their end: the ledger has everything.</p>
          ) : (
            <table>
              <thead>
                <tr>
                  <th>Sale</th>
                  <th className="number">Entries</th>
                  <th className="number">Oldest</th>
                </tr>
              </thead>
              <tbody>
                {queues.sales.map((sale) => (
                  <tr key={sale.saleId}>
                    <th scope="row">
                      <a href={hrefs.sale(sale.saleId)}>{sale.saleId}</a>
                    </th>
                    <td data-label="Entries" className="number">
                      {count(sale.depth)}
                    </td>
                    <td data-label="Oldest" className="number">
                      {span(sale.oldestAgeSeconds)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </section>
        <section className="card table-card">
          <h2>Workers</h2>
          {queues.workers.length === 0 ? (
            <p className="quiet">
              Nobody is connected: reservations are admitted and wait. Start a worker with{' '}
              <code>npm run worker</code>.
            </p>
          ) : (
            <table>
              <thead>
                <tr>
                  <th>Address</th>
                  <th className="number">Connected for</th>
                </tr>
              </thead>
              <tbody>
                {queues.workers.map((worker) => (
                  <tr key={worker.id}>
                    <th scope="row">
                      <code>{worker.address}</code>
                    </th>
                    <td data-label="Connected for" className="number">
                      {span(worker.ageSeconds)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </section>
      </div>
    </>
  );
}

/** A deployment with shards has a queue of commits for each. */
function nameOf(queues: QueuesRecord['queues'], index: number): string {
  const name = queues[index]?.name ?? '';
  const shard = queues.slice(0, index).filter((queue) => queue.name === name).length;
  return queues.filter((queue) => queue.name === name).length > 1 ? `${name}, shard ${shard}` : name;
}
