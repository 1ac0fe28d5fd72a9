import { readFileSync } from 'node:fs';

/** The account a store's process runs under. */
export interface StoreUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Nothing is added to the machine: one of these is on every one of them. */
const candidates = ['holdfast', 'postgres', 'nobody'];

/** Postgres refuses to run as root: then another account of this machine runs it. Null when we are not root. */
export function storeUser(): StoreUser | null {
  if (process.getuid?.() !== 0) return null;
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n').map(parseAccount);
  for (const name of candidates) {
    const found = accounts.find((account) => account?.name === name);
    if (found) return found;
  }
  throw new Error(
    'Postgres does not run as root, and this machine has no other account for it: useradd --system holdfast',
  );
}

function parseAccount(line: string): StoreUser | null {
  const [name, , uid, gid] = line.split(':');
  return name === undefined || gid === undefined ? null : { name, uid: Number(uid), gid: Number(gid) };
}
