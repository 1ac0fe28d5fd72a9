import { createBullBoard } from '@bull-board/api';
import { HonoAdapter } from '@bull-board/hono';
import { serveStatic } from '@hono/node-server/serve-static';
import type { QueueView } from '@holdfast/pipeline';
import { Hono } from 'hono';

/** The queue board: jobs to be looked at one by one, by whoever may read. It changes nothing. */
export interface QueueBoard {
  fetch(request: Request): Response | Promise<Response>;
}

export const boardPath = '/board';

export function createQueueBoard(queueView: Pick<QueueView, 'boardQueues'>): QueueBoard {
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath(boardPath);
  createBullBoard({
    queues: queueView.boardQueues(),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: 'Holdfast queues',
        hideDocsLink: true,
        miscLinks: [{ text: 'Console', url: '/' }],
      },
    },
  });
  const app = new Hono().route(boardPath, adapter.registerPlugin());
  return { fetch: async (request) => withoutGuests(await app.fetch(request)) };
}

/** Its scripts are files of its own; its styles are not, and its fonts are another host's. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "frame-ancestors 'none'",
].join('; ');

async function withoutGuests(response: Response): Promise<Response> {
  if (response.headers.get('content-type')?.includes('text/html') !== true) return response;
  const text = (await response.text()).replace(/<link[^>]+https?:\/\/[^>]+>/g, '');
  return new Response(text, {
    status: response.status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': contentSecurityPolicy,
      'Cache-Control': 'no-store',
    },
  });
}
