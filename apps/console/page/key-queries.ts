import type { QueryClient } from '@tanstack/react-query';

/** After a change of a key: it stands in the list, and in what was done. */
export async function lookAtKeysAgain(queries: QueryClient): Promise<void> {
  await Promise.all(['keys', 'log'].map((name) => queries.invalidateQueries({ queryKey: [name] })));
}
