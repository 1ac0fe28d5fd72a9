import type { ConsoleContext } from './answers.ts';

/** One call of the contract. `open` ones take no key. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH';
  path: string;
  open?: boolean;
  handle(c: ConsoleContext): Response | Promise<Response>;
}
