import { execFileSync } from 'node:child_process';

export interface StoreUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Postgres refuses to run as root. `nobody` exists everywhere, so nothing is added to the machine; its
 * folders are closed to everybody else by mode. Null for an ordinary user, who runs it as himself.
 */
export function storeUser(): StoreUser | null {
  if (process.getuid?.() !== 0) return null;
  const number = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}
