import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A secret of this folder's stack: made once, so that whatever relies on it goes on working after a restart. */
export function keptSecret(dir: string, name: 'admin-key' | 'challenge-secret'): string {
  const file = join(dir, name);
  try {
    const kept = readFileSync(file, 'utf8').trim();
    if (kept !== '') return kept;
  } catch {
    // The first start.
  }
  mkdirSync(dir, { recursive: true });
  const secret = randomBytes(24).toString('base64url');
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return secret;
}
