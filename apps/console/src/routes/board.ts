import type { ConsoleParts } from '../parts.ts';
import { boardPath } from '../queue-board.ts';
import type { Route } from '../routes.ts';

/** The queue board behind the console's key. Only what reads is there. */
export function boardRoutes({ board }: ConsoleParts): Route[] {
  return [boardPath, `${boardPath}/*`].map((path) => ({
    method: 'GET',
    path,
    scope: 'read',
    handle: (c) => board.fetch(c.req.raw),
  }));
}
