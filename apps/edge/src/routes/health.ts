import type { EdgeGate } from '@holdfast/core';
import { type Handle, json } from '../call.ts';
import type { EdgeMetrics } from '../metrics.ts';

const noStore = { 'Cache-Control': 'no-store' };

/** `GET /healthz`: the process answers. */
export function health(): Handle {
  return () => json(200, { status: 'ok' }, { ...noStore });
}

/** `GET /readyz`: the gate answers, and the process is not on its way out. Postgres is no business of the edge. */
export function readiness(gate: Pick<EdgeGate, 'ping'>, isDraining: () => boolean): Handle {
  return async () => {
    const startedAt = performance.now();
    const ok = await gate.ping().then(
      () => true,
      () => false,
    );
    const latencyMs = Math.round((performance.now() - startedAt) * 100) / 100;
    const draining = isDraining();
    const ready = ok && !draining;
    const status = draining ? 'draining' : ready ? 'ready' : 'unavailable';
    return json(ready ? 200 : 503, { status, dependencies: { gate: { ok, latencyMs } } }, { ...noStore });
  };
}

/** `GET /metrics` for Prometheus. */
export function showMetrics(metrics: EdgeMetrics): Handle {
  return () => ({
    status: 200,
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' },
    body: metrics.render(),
  });
}
