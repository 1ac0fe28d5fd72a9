import { createContext, use } from 'react';
import type { KeyScope, SessionRecord } from './records.ts';

export const Session = createContext<SessionRecord | null>(null);

/** Null when this key may do it; else why not. The console refuses it anyway: this only saves the way. */
export function useRefusalOf(scope: KeyScope): string | null {
  const session = use(Session);
  if (session === null || session.scopes.includes(scope)) return null;
  return `The key “${session.name}” has no ${scope} scope`;
}
