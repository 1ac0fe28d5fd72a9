import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEdgeGate } from '@holdfast/gate';
import { createBellRinger } from '@holdfast/pipeline';
import { createEdgeApp } from './app.ts';
import type { EventLog } from './call.ts';
import type { EdgeConfig } from './config.ts';
import { createFaultLog } from './fault-log.ts';
import { createEdgeServer } from './server.ts';

export interface RunningEdge {
  port: number;
  /** Not ready from now on; answers what is under way, ends the streams, and has let go of everything within `stopMs`. */
  close(): Promise<void>;
}

/** How long requests that are under way may take after the streams have ended, milliseconds. */
const stopMs = 6_000;
const idleCheckMs = 50;

/** Puts the edge together: the gate, the bells that it rings, the app, the server. Throws when Redis does not answer. */
export async function startEdge(config: EdgeConfig, log: EventLog): Promise<RunningEdge> {
  const { redisUrl, shards } = config;
  const faults = createFaultLog(log);
  const bells = await createBellRinger({ redisUrl, shards, onError: faults.of('Ringing for the worker') });
  const gate = await createEdgeGate({
    redisUrl,
    shards,
    ring: bells.ring,
    intakeLimit: config.intakeLimit,
    onError: faults.of('Asking the gate'),
  });
  const edge = createEdgeApp({ gate, log, corsOrigins: config.corsOrigins, slowRequestMs: config.slowRequestMs });
  const server = createEdgeServer(edge.app, { maxConnections: config.maxConnections });
  server.listen(config.port, config.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  log.info({ host: config.host, port }, 'The edge is open');

  async function close(): Promise<void> {
    edge.drain();
    // A balancer sees that the edge is not ready before its connections are refused.
    if (config.drainSeconds > 0) await new Promise((resolve) => setTimeout(resolve, config.drainSeconds * 1_000));
    edge.close();
    await closeServer(server);
    await gate.close();
    await bells.close();
    faults.close();
  }

  return { port, close };
}

/** Takes no new connection, lets go of each when its answer is out, and of the rest when the time is over. */
async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
  const late = setTimeout(() => server.closeAllConnections(), stopMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}
