import type { KeyScope } from '@holdfast/contracts';
import type { ConsoleContext } from './answers.ts';

/** One call of the contract. */
export type Route = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  handle(c: ConsoleContext): Response | Promise<Response>;
} & ({ /** Takes no key. */ open: true } | { /** What a key must be allowed. */ scope: KeyScope });
