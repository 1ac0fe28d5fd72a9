import type { EdgeGate } from '@holdfast/core';
import { readiness } from '@holdfast/runtime';
import { type Handle, json } from '../call.ts';
import type { EdgeMetrics } from '../metrics.ts';

const noStore = { 'Cache-Control': 'no-store' };

/** `GET /healthz`: the process answers. */
export function healthz(): Handle {
  return () => json(200, { status: 'ok' }, { ...noStore });
}

/** `GET /readyz`: the gate answers, and the process is not on its way out. Postgres is no business of the edge. */
export function readyz(gate: Pick<EdgeGate, 'ping'>, isDraining: () => boolean): Handle {
  return async () => {
    const { ready, dependencies } = await readiness({ redis: gate.ping });
    const status = isDraining() ? 'draining' : ready ? 'ready' : 'unavailable';
    return json(status === 'ready' ? 200 : 503, { status, dependencies }, { ...noStore });
  };
}

/** `GET /metrics` for Prometheus: the edge's own figures, then the process's. */
export function showMetrics(metrics: EdgeMetrics, processMetrics: () => Promise<string>): Handle {
  return async () => ({
    status: 200,
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' },
    body: metrics.render() + (await processMetrics()),
  });
}
