import { createServer, type Server } from 'node:http';
import { readiness } from './readiness.ts';
import type { Metrics } from './metrics.ts';

export interface HealthServerOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  dependencies: Record<string, () => Promise<unknown>>;
  metrics: Metrics;
}

/** `/healthz`, `/readyz` and `/metrics` for a process that serves nothing else. */
export async function startHealthServer(options: HealthServerOptions): Promise<Server> {
  const server = createServer((request, response) => {
    const send = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);
    const json = (status: number, body: object) => send(status, 'application/json', JSON.stringify(body));
    const answer = async () => {
      switch (request.url) {
        case '/healthz':
          return json(200, { status: 'ok' });
        case '/readyz': {
          const { ready, dependencies } = await readiness(options.dependencies);
          return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not_ready', dependencies });
        }
        case '/metrics':
          return send(200, options.metrics.contentType, await options.metrics.text());
        default:
          return json(404, { status: 'not_found' });
      }
    };
    answer().catch(() => json(500, { status: 'error' }));
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return server;
}
